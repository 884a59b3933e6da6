//! Latency of `GET /livez` over a real connection while requests are stuck or a check hangs.

use std::convert::Infallible;
use std::future::pending;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use axum::{Router, ServiceExt};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceExt as _};
use tower_health::{Check, Health, HealthLayer, MapBody, ProbeBody, indicator_fn};

use crate::controls::app;
use crate::table::{Row, Section, with_unit};
use crate::timing::Samples;

/// The servers take turns; each turn yields one p99.
const TURNS: usize = 15;
const PROBES: usize = 1000;

pub(crate) fn while_wrong() -> Section {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let servers = runtime.block_on(async {
        let limited = ConcurrencyLimitLayer::new(10).layer(slow_app());
        let saturated = layer(false).layer(limited);
        for _ in 0..1000 {
            let request = Request::get("/slow").body(Body::empty());
            let stuck = saturated.clone().oneshot(request.expect("a request"));
            tokio::spawn(async { drop(stuck.await) });
        }
        [
            serve(layer(false).layer(slow_app())).await,
            serve(saturated).await,
            serve(layer(true).layer(slow_app())).await,
        ]
    });
    let mut clients = servers.map(|address| TcpStream::connect(address).expect("a connection"));
    let mut p99s = [(); 3].map(|()| Samples::default());
    for turn in 0..=TURNS {
        for (client, p99s) in clients.iter_mut().zip(&mut p99s) {
            let p99 = p99(client);
            // The first turn warms up.
            if turn > 0 {
                p99s.0.push(p99);
            }
        }
    }
    runtime.shutdown_background();
    let [idle, saturated, hung] = p99s;
    let row = |what, ours| {
        let idle = ("tower-health around the Router", &idle);
        Row::series(what, |value| with_unit(value, "µs"), ours, idle, Some(1.5))
    };
    let rows = vec![
        row(
            "inner service saturated, 1,000 requests stuck: p99",
            &saturated,
        ),
        row("a check hangs: p99", &hung),
    ];
    let title = "GET /livez while something is wrong, over HTTP/1, one connection";
    (title, rows)
}

fn slow_app() -> Router {
    app().route("/slow", get(pending::<()>)).with_state(())
}

type ToAxum = MapBody<fn(ProbeBody) -> Body>;

fn layer(hangs: bool) -> HealthLayer<ToAxum> {
    let check = Check::new(indicator_fn("db", move || async move {
        if hangs {
            pending::<()>().await;
        }
        Ok::<_, Infallible>(())
    }));
    let check = check.timeout(Duration::from_secs(5));
    let health = Health::builder().readiness(check).start();
    HealthLayer::new(health.expect("every setting is right")).map_body(Body::new)
}

async fn serve<S>(service: S) -> SocketAddr
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async { axum::serve(listener, service.into_make_service()).await });
    address
}

/// Microseconds within which 99 % of the probes of one turn were answered.
fn p99(client: &mut TcpStream) -> f64 {
    let mut micros: Vec<f64> = (0..PROBES).map(|_| probe(client)).collect();
    micros.sort_by(f64::total_cmp);
    micros[PROBES * 99 / 100]
}

fn probe(client: &mut TcpStream) -> f64 {
    let mut answer = [0; 1024];
    let start = Instant::now();
    let request = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client.write_all(request).expect("a server that reads");
    // A server sends an answer this short in one piece.
    let length = client.read(&mut answer).expect("a server that answers");
    let taken = start.elapsed();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
    assert!(answer[..length].ends_with(b"}"));
    taken.as_secs_f64() * 1e6
}
