//! actix-web: a middleware answers the probes of every `App`.
//!
//! ```sh
//! cargo run --manifest-path examples/frameworks/Cargo.toml --bin actix
//! curl -i localhost:3000/readyz
//! ```

use std::future::Future;
use std::io;
use std::net::TcpListener;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpResponse, HttpServer, web};
use tower_health::{Health, HealthLayer, indicator_fn};

async fn answer_probes(
    probes: web::Data<HealthLayer>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match answer(&probes, &request) {
        Some(response) => Ok(request.into_response(response).map_into_right_body()),
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

fn answer(probes: &HealthLayer, request: &ServiceRequest) -> Option<HttpResponse> {
    // For HEAD, actix-web itself drops the content of GET and sends its length.
    let method = match *request.method() {
        Method::HEAD => "GET",
        ref method => method.as_str(),
    };
    let answer = probes.answer(
        method,
        request.path(),
        request.uri().query(),
        request.headers(),
    )?;
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status()).ok()?);
    for field in answer.headers() {
        response.insert_header(field);
    }
    Some(response.body(answer.body().to_vec()))
}

pub fn server(
    listener: TcpListener,
    probes: HealthLayer,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Server> {
    let app = move || {
        App::new()
            .app_data(web::Data::new(probes.clone()))
            .route("/", web::get().to(async || "hello\n"))
            .wrap(from_fn(answer_probes)) // the last call: outermost
    };
    let server = HttpServer::new(app).shutdown_signal(shutdown);
    Ok(server.listen(listener)?.run())
}

async fn ping() -> io::Result<()> {
    Ok(()) // Ping your database here.
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let health = Health::builder()
        .readiness(indicator_fn("db", ping))
        .start()?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let probes = HealthLayer::new(health.clone());
    server(listener, probes, health.shutdown_signal())?.await?;
    Ok(())
}
