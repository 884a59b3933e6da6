//! How probes share connections with each other and with requests.

use tower_health::Status;

use super::support::{Wire, serve};
use crate::support::prober::{FAIL, PASS};

const GET: &str = "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n";
const PAGE: &str = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_hundred_probes_share_a_connection() {
    let (_, address) = serve(Status::Pass).await;
    let mut wire = Wire::to(address).await;
    for _ in 0..100 {
        wire.write(GET).await;
        let answer = wire.answer(true).await;
        assert_eq!((answer.code, &*answer.body), (200, PASS));
    }
}

#[tokio::test]
async fn pipelined_probes_and_requests_are_answered_in_order() {
    let (_, address) = serve(Status::Pass).await;
    let mut wire = Wire::to(address).await;
    let head = "HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    wire.write(&[GET, PAGE, head, GET, PAGE].concat()).await;
    for (has_content, body) in [
        (true, PASS),
        (true, "page GET /page"),
        (false, ""),
        (true, PASS),
        (true, "page GET /page"),
    ] {
        assert_eq!(wire.answer(has_content).await.body, body);
    }
}

// Varnish reads until the server closes, and HTTP/1.0 ends a connection unless the client opts out.
#[tokio::test]
async fn a_connection_is_closed_when_the_prober_asks_for_it() {
    let (_, address) = serve(Status::Pass).await;
    for request in [
        "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /readyz HTTP/1.0\r\n\r\n",
    ] {
        let mut wire = Wire::to(address).await;
        wire.write(request).await;
        assert_eq!(wire.answer(true).await.body, PASS);
        assert!(wire.is_closed().await, "{request}");
    }
}

#[tokio::test]
async fn http_1_0_keeps_the_connection_when_requested() {
    let (_, address) = serve(Status::Pass).await;
    let mut wire = Wire::to(address).await;
    for _ in 0..2 {
        wire.write("GET /readyz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            .await;
        let answer = wire.answer(true).await;
        assert_eq!((&*answer.version, &*answer.body), ("HTTP/1.0", PASS));
    }
}

#[tokio::test]
async fn while_draining_probes_are_asked_to_reconnect() {
    let (health, address) = serve(Status::Pass).await;
    let mut wire = Wire::to(address).await;
    wire.write(GET).await;
    assert_eq!(wire.answer(true).await.field("connection"), None);
    health.drain();
    wire.write(PAGE).await;
    assert_eq!(wire.answer(true).await.field("connection"), None);
    wire.write(GET).await;
    let answer = wire.answer(true).await;
    assert_eq!((answer.code, &*answer.body), (503, FAIL));
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn a_prober_that_connects_and_says_nothing_harms_no_other() {
    let (_, address) = serve(Status::Pass).await;
    let mut silent = Wire::to(address).await;
    silent.shut_down().await;
    let mut wire = Wire::to(address).await;
    wire.write(GET).await;
    assert_eq!(wire.answer(true).await.body, PASS);
}
