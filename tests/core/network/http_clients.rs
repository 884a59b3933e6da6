//! The clients that an application may have already.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{Empty, Full};
use hyper::body::{Body as _, Bytes};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::util::{BoxCloneService, BoxCloneSyncService};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_health::indicators::HttpIndicator;
use tower_http::compression::CompressionLayer;
use tower_http::trace::TraceLayer;

use super::site::{Site, answering, text};
use super::verdict::{failure, passes};
use crate::support::port::ClosedPort;

fn client<B>() -> Client<HttpConnector, B>
where
    B: hyper::body::Body<Data = Bytes> + Send,
{
    Client::builder(TokioExecutor::new()).build_http()
}

async fn site() -> Site {
    answering(|request| match request.body().is_end_stream() {
        true => text(200, "ok"),
        false => text(400, "there is a body"),
    })
    .await
}

#[tokio::test]
async fn hyper_clients_fit_whatever_their_bodies_are() {
    let site = site().await;
    let url = &site.url("/");
    let passes = async |made: HttpIndicator| passes(&made).await;
    passes(HttpIndicator::with_client(
        "api",
        url,
        client::<Empty<Bytes>>(),
    ))
    .await;
    passes(HttpIndicator::with_client(
        "api",
        url,
        client::<Full<Bytes>>(),
    ))
    .await;
    passes(HttpIndicator::with_client("api", url, client::<Body>())).await;
    passes(HttpIndicator::with_client("api", url, client::<String>())).await;
    let boxed = client::<BoxBody<Bytes, Infallible>>();
    passes(HttpIndicator::with_client("api", url, boxed)).await;
}

#[tokio::test]
async fn stacks_of_tower_layers_fit() {
    let site = site().await;
    let stack = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new())
        .concurrency_limit(4)
        .buffer(16)
        .timeout(Duration::from_secs(5))
        .service(client::<Full<Bytes>>());
    let url = &site.url("/");
    let made = HttpIndicator::with_client("api", url, stack);
    passes(&made).await;

    let boxed = BoxCloneService::new(client::<Full<Bytes>>());
    let made = HttpIndicator::with_client("api", url, boxed);
    passes(&made).await;
    let boxed = BoxCloneSyncService::new(client::<Full<Bytes>>());
    let made = HttpIndicator::with_client("api", url, boxed);
    passes(&made).await;

    let answering = service_fn(async |request: Request<Empty<Bytes>>| {
        assert_eq!(request.uri().host(), Some("api.example.com"));
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("ok"))))
    });
    let made = HttpIndicator::with_client("api", "https://api.example.com/", answering);
    passes(&made).await;
}

#[tokio::test]
async fn the_pool_of_the_application_is_used() {
    let site = site().await;
    let client = client::<Full<Bytes>>();
    let indicator = HttpIndicator::with_client("api", &site.url("/"), client.clone());
    for _ in 0..20 {
        passes(&indicator).await;
    }
    let request = Request::get(site.url("/")).body(Full::default()).unwrap();
    client.oneshot(request).await.unwrap();
    assert_eq!(site.accepted(), 1);
}

#[tokio::test]
async fn failures_of_foreign_clients_tell_their_cause() {
    let absent = ClosedPort::bind();
    let url = format!("http://{}/?key=hunter2", absent.address());
    let indicator = HttpIndicator::with_client("api", &url, client::<Full<Bytes>>());
    let said = failure(&indicator).await;
    let shown = url.strip_suffix("?key=hunter2").unwrap();
    assert_eq!(
        said,
        format!("GET {shown}: Connection refused (os error 111)")
    );

    let refusing = service_fn(async |_: Request<Empty<Bytes>>| {
        Err::<Response<Full<Bytes>>, _>("the circuit is open")
    });
    let indicator = HttpIndicator::with_client("api", &url, refusing);
    assert!(failure(&indicator).await.ends_with(": the circuit is open"));
}

#[tokio::test]
async fn a_stack_that_is_never_ready_fails_at_the_timeout() {
    let never = service_fn(async |_: Request<Empty<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    });
    let stack = ServiceBuilder::new().concurrency_limit(1).service(never);
    let mut held = stack.clone();
    let _permit = held.ready().await.unwrap();
    let indicator = HttpIndicator::with_client("api", "http://api.example.com/", stack);
    let said = failure(&indicator.timeout(Duration::from_millis(200))).await;
    assert!(
        said.ends_with("GET http://api.example.com/: no answer within 0.2 s"),
        "{said}"
    );
}
