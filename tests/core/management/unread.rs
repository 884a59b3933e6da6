//! Readers that ask for much and read nothing.

use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tower_health::{Health, Status};

use super::support::Port;
use crate::support::{Dial, eventually, steady};

/// The bound that the guide names.
const MOST: usize = 32 * 1024 * 1024;

/// The streams that a connection may open.
const STREAMS: usize = 16;

/// A connection of HTTP/2 whose client takes one byte of each answer.
struct Reader {
    answers: Vec<Response<Incoming>>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Reader {
    async fn of(port: &Port, path: &str) -> Self {
        let stream = TcpStream::connect(port.address()).await.unwrap();
        let (mut client, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(1)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let mut answers = Vec::new();
        for _ in 0..STREAMS {
            let request = Request::get(format!("http://{}{path}", port.address()));
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            answers.push(client.send_request(request).await.unwrap());
        }
        Self {
            answers,
            connection,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A health that works, and has much to say.
async fn talkative() -> Health {
    let mut builder = steady();
    for number in 0..100 {
        let check = Dial::at(Status::Warn).check(&format!("shard-{number}"));
        builder = builder.readiness(check);
    }
    let health = builder.start().unwrap();
    eventually("a result of every check", async || {
        health.history().len() >= 100
            && health.status(tower_health::Probe::Readiness) == Status::Warn
    })
    .await;
    health
}

#[tokio::test]
async fn what_nobody_reads_has_a_bound_and_costs_no_probe_its_code() {
    let health = talkative().await;
    let port = Port::of(&health);
    let whole = port.get("/history").body.len();
    let readers = 2 * MOST / (STREAMS * whole) + 1;
    assert!(readers < 100, "the answers are too short: {whole} bytes");

    let mut open = Vec::new();
    for _ in 0..readers {
        open.push(Reader::of(&port, "/history").await);
    }
    let answers = || open.iter().flat_map(|reader| &reader.answers);
    let held = answers().filter(|answer| answer.status() == StatusCode::OK);
    let held = held.count() * whole;
    assert!(held <= MOST, "{held} bytes wait");
    assert!(held > MOST / 2, "{held} bytes are within the bound");
    let refused = answers().find(|answer| answer.status() != StatusCode::OK);
    let refused = refused.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");

    // A verdict comes with its own code, and one that is short comes whole.
    assert_eq!(port.get("/readyz").code, 200);
    assert_eq!(port.get("/readyz?verbose").code, 200);
    assert_eq!(port.get("/livez").json()["status"], "pass");
    assert_eq!(port.get("/readyz/shard-7").json()["status"], "warn");
    assert!(port.get("/info").json()["uptimeSeconds"].is_u64());
    // A page opens its stream again.
    let events = port.get("/events");
    assert_eq!((events.code, events.body.contains("state")), (200, false));

    drop(open);
    eventually("room for a report", async || {
        port.get("/history").code == 200 && port.get("/readyz").body.contains("shard-7")
    })
    .await;
}
