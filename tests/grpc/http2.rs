//! The same calls through a real HTTP/2 connection: what hyper makes of the layer's bodies.

use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use tower_health::{Health, Status};

use crate::calls::{CHECK, WATCH, asking, frame, request, site};
use crate::checks::with_db;
use crate::connection::{Port, port};
use crate::permits::with_permits;
use crate::reply::{NOT_FOUND, RESOURCE_EXHAUSTED, Reply};
use crate::stream::{NOT_SERVING, SERVING, Stream};
use crate::support::{Dial, secs, settle};

fn serving(health: &Health) -> Port {
    let (port, listener) = port();
    tokio::spawn(listener.serve(site::<Incoming>(health)));
    port
}

/// With the authority that a real connection needs.
fn call(path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    request(&format!("http://health.test{path}"), body)
}

#[tokio::test(start_paused = true)]
async fn a_check_is_a_message_and_trailers_without_a_length() {
    let mut connection = serving(&Health::fixed(Status::Pass)).http2().await;
    let response = connection.send_request(call(CHECK, asking(""))).await;
    let response = response.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    assert!(!response.headers().contains_key("content-length"));
    assert!(!response.headers().contains_key("grpc-status"));
    assert!(!response.body().is_end_stream());
    assert_eq!(response.body().size_hint().exact(), None);

    let reply = Reply::of(response).await;
    assert_eq!(reply.status(), Ok(vec![0, 0, 0, 0, 2, 8, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_one_frame_of_header_fields() {
    let mut connection = serving(&Health::fixed(Status::Pass)).http2().await;
    let response = connection.send_request(call(CHECK, asking("nobody")));
    let response = response.await.unwrap();
    assert!(
        response.body().is_end_stream(),
        "no empty frame behind them"
    );
    assert_eq!(Reply::of(response).await.status(), Err(NOT_FOUND));
}

#[tokio::test(start_paused = true)]
async fn many_calls_share_a_connection() {
    let health = with_db(&Dial::at(Status::Pass)).await;
    let mut connection = serving(&health).http2().await;
    let watch = connection.send_request(call(WATCH, asking(""))).await;
    let mut stream = Stream::of(watch.unwrap());
    for _ in 0..300 {
        let check = connection.send_request(call(CHECK, asking(""))).await;
        let reply = Reply::of(check.unwrap()).await;
        assert_eq!(reply.status(), Ok(vec![0, 0, 0, 0, 2, 8, 1]));
    }
    assert_eq!(stream.told().await, [SERVING]);
    health.drain();
    assert_eq!(stream.told().await, [NOT_SERVING]);
}

/// The status must arrive although the request did not.
#[tokio::test(start_paused = true)]
async fn five_megabytes_are_refused_before_they_were_sent() {
    let mut connection = serving(&Health::fixed(Status::Pass)).http2().await;
    for _ in 0..3 {
        let huge = frame(&vec![b'x'; 5 * 1024 * 1024]);
        let response = connection.send_request(call(CHECK, huge)).await.unwrap();
        assert_eq!(Reply::of(response).await.status(), Err(RESOURCE_EXHAUSTED));
    }
    let check = connection.send_request(call(CHECK, asking(""))).await;
    let reply = Reply::of(check.unwrap()).await;
    assert!(
        reply.status().is_ok(),
        "the connection is as good as before"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cancels_its_watch_gives_its_permit_back() {
    let health = with_permits(1);
    let port = serving(&health);
    let mut connection = port.http2().await;
    for _ in 0..3 {
        let watch = connection.send_request(call(WATCH, asking(""))).await;
        let mut stream = Stream::of(watch.unwrap());
        assert_eq!(stream.told().await, [SERVING]);

        let one_more = connection.send_request(call(WATCH, asking(""))).await;
        let refused = Reply::of(one_more.unwrap()).await.status();
        assert_eq!(refused, Err(RESOURCE_EXHAUSTED));
        drop(stream);
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_gives_all_its_permits_back() {
    let health = with_permits(10);
    let port = serving(&health);
    for _ in 0..3 {
        let mut connection = port.http2().await;
        let mut streams = Vec::new();
        for _ in 0..10 {
            let watch = connection.send_request(call(WATCH, asking(""))).await;
            streams.push(Stream::of(watch.unwrap()));
        }
        drop((connection, streams));
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_does_not_keep_a_connection_busy() {
    let health = with_db(&Dial::at(Status::Pass)).await;
    let mut connection = serving(&health).http2().await;
    let watch = connection.send_request(call(WATCH, asking(""))).await;
    let mut body = watch.unwrap().into_body();
    assert!(body.frame().await.unwrap().unwrap().is_data());
    let quiet = tokio::time::timeout(secs(3600), body.frame()).await;
    assert!(quiet.is_err(), "nothing, for an hour of passing checks");
}
