//! A server that has a health service of its own: the layer answers in its place, or leaves it be.

use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::server::health_reporter;
use tower_health::{Health, HealthLayer, Status};

use crate::calls::{CHECK, asking, request};
use crate::connection::{Port, ask, port};

/// A server with tonic-health's service, which is serving, below this layer.
fn serve(layer: HealthLayer) -> Port {
    let (port, listener) = port();
    let (_, service) = health_reporter();
    let server = Server::builder()
        .accept_http1(true)
        .layer(layer)
        .add_routes(Routes::new(service));
    tokio::spawn(server.serve_with_incoming(listener.incoming()));
    port
}

async fn checked(port: &Port) -> ServingStatus {
    let response = port.tonic().await.check(ask("")).await;
    response.unwrap().into_inner().status()
}

#[tokio::test(start_paused = true)]
async fn without_grpc_the_service_below_answers_and_http_probes_do_not_change() {
    let layer = HealthLayer::builder(Health::fixed(Status::Fail)).without_grpc();
    let layer = layer.build().unwrap();
    assert!(!layer.is_probe(&request(CHECK, asking(""))));
    let port = serve(layer);
    assert_eq!(checked(&port).await, ServingStatus::Serving, "its own");
    assert_eq!(port.get("/readyz").await.0, 503);

    let mut client = port.tonic().await;
    let mut stream = client.watch(ask("")).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    let unknown = client.watch(ask("nobody")).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound, "as it has it");
}

#[tokio::test(start_paused = true)]
async fn else_the_layer_answers_in_its_place() {
    let port = serve(HealthLayer::new(Health::fixed(Status::Fail)));
    assert_eq!(checked(&port).await, ServingStatus::NotServing);
    assert_eq!(port.get("/readyz").await.0, 503);
}
