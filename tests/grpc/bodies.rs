//! No body says how long it is or ends before its trailers: a server that knew the length would
//! send it, and some clients then lose the status.

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{Health, HealthLayer, ProbeBody, Status};

use crate::calls::{CHECK, WATCH, asking, request};
use crate::stream::{NOT_SERVING, SERVING, Stream};
use crate::support::settle;

async fn ends_only_behind_its_trailers<B>(name: &str, mut body: B)
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Debug,
{
    assert!(!body.is_end_stream(), "{name}: at the start");
    assert_eq!(body.size_hint().exact(), None, "{name}: at the start");
    let message = body.frame().await.unwrap().unwrap();
    assert!(message.is_data(), "{name}");

    assert!(!body.is_end_stream(), "{name}: before the trailers");
    assert_eq!(
        body.size_hint().exact(),
        None,
        "{name}: before the trailers"
    );
    let trailers = body.frame().await.unwrap().unwrap();
    assert_eq!(
        trailers.trailers_ref().unwrap()["grpc-status"],
        "0",
        "{name}"
    );
    assert!(body.frame().await.is_none(), "{name}");
}

/// Answers with this body, made from that of the layer.
async fn answered<B>(
    health: &Health,
    request: Request<Full<Bytes>>,
    map: impl Fn(ProbeBody) -> B + Clone,
) -> http::Response<B> {
    let inner = service_fn(|_| async { panic!("asked for what the layer answers") });
    let service = HealthLayer::new(health.clone()).map_body(map).layer(inner);
    let response: Result<_, std::convert::Infallible> = service.oneshot(request).await;
    response.unwrap()
}

#[tokio::test]
async fn the_end_of_a_check_is_its_trailers_in_every_body() {
    let health = Health::fixed(Status::Pass);
    let call = || request(CHECK, asking(""));

    let either = crate::calls::respond(&health, call()).await.into_body();
    ends_only_behind_its_trailers("ResponseBody", either).await;
    let own = answered(&health, call(), |body| body).await.into_body();
    ends_only_behind_its_trailers("ProbeBody", own).await;
    let axum = answered(&health, call(), axum::body::Body::new).await;
    ends_only_behind_its_trailers("axum", axum.into_body()).await;
    let tonic = answered(&health, call(), tonic::body::Body::new).await;
    ends_only_behind_its_trailers("tonic", tonic.into_body()).await;
    let boxed = answered(&health, call(), BodyExt::boxed).await.into_body();
    ends_only_behind_its_trailers("BoxBody", boxed).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_streams_through_every_body() {
    async fn streams<B>(name: &str, open: impl AsyncFn(&Health) -> http::Response<B>)
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        let health = Health::builder().start().unwrap();
        settle().await;
        let response = open(&health).await;
        assert!(!response.body().is_end_stream(), "{name}");
        assert_eq!(response.body().size_hint().exact(), None, "{name}");
        let mut stream = Stream::of(response);
        assert_eq!(stream.told().await, [SERVING], "{name}");
        health.refuse_traffic("maintenance");
        assert_eq!(stream.told().await, [NOT_SERVING], "{name}");
    }

    let call = || request(WATCH, asking(""));
    streams("ResponseBody", async |health| {
        crate::calls::respond(health, call()).await
    })
    .await;
    streams("axum", async |health| {
        answered(health, call(), axum::body::Body::new).await
    })
    .await;
    streams("tonic", async |health| {
        answered(health, call(), tonic::body::Body::new).await
    })
    .await;
}
