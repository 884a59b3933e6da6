//! A passive, an active and a paired check of the same dependency, while it fails in several ways.
//!
//! Each check has a server, requests and a health of its own, so that all can run at the same time.
//! The requests end while `/readyz` fails, as behind a load balancer.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tower::{ServiceBuilder, ServiceExt};
use tower_health::indicators::{HttpIndicator, PassiveIndicator};
use tower_health::{Check, Criticality, Health, Probe, Status};

use crate::refresher::block_on;
use crate::table::{Row, Section};

const REQUESTS_PER_SECOND: u32 = 50;
/// Of the client, around the layer. The short one is shorter than `slow_above`.
const TIMEOUT: Duration = Duration::from_secs(2);
const SHORT_TIMEOUT: Duration = Duration::from_millis(500);
const WELL: Duration = Duration::from_secs(32);
const ILL: Duration = Duration::from_secs(60);
const MENDED: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Refused,
    Hung,
    Slow,
    /// All requests but those of the check get a 500.
    AllButHealthz,
    /// One request in so many gets a 500, but those of the check.
    OneIn(usize),
    /// One request in three gets a 500, those of the check too.
    OneBackendOfThree,
}

const FAULTS: [(&str, Fault, Duration); 8] = [
    ("refused", Fault::Refused, TIMEOUT),
    ("hung", Fault::Hung, TIMEOUT),
    ("hung, timeout 0.5 s", Fault::Hung, SHORT_TIMEOUT),
    ("slow: 1.5 s", Fault::Slow, TIMEOUT),
    ("only /healthz works", Fault::AllButHealthz, TIMEOUT),
    ("50 % errors", Fault::OneIn(2), TIMEOUT),
    ("5 % errors", Fault::OneIn(20), TIMEOUT),
    ("one backend of three", Fault::OneBackendOfThree, TIMEOUT),
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Active,
    Passive,
    Paired,
}

const KINDS: [Kind; 3] = [Kind::Active, Kind::Passive, Kind::Paired];

pub(crate) fn detection() -> Section {
    let rows = block_on(async {
        let mut runs = JoinSet::new();
        for (row, (_, fault, timeout)) in FAULTS.into_iter().enumerate() {
            for (column, kind) in KINDS.into_iter().enumerate() {
                runs.spawn(async move { (row, column, watch_one(fault, timeout, kind).await) });
            }
        }
        let mut cells = vec![vec![String::new(); KINDS.len()]; FAULTS.len()];
        while let Some(Ok((row, column, cell))) = runs.join_next().await {
            cells[row][column] = cell;
        }
        cells
    });
    let rows = FAULTS.iter().zip(rows).flat_map(|((name, ..), cells)| {
        let named = KINDS.into_iter().zip(cells);
        named.map(move |(kind, cell)| Row::new(format!("{name}: {kind:?}"), cell))
    });
    (
        "A fault of 60 s at 50 requests a second, by kind of check",
        rows.collect(),
    )
}

/// Returns what one check says while its dependency is ill, and when it is mended.
async fn watch_one(fault: Fault, patience: Duration, kind: Kind) -> String {
    let server = Server::start();
    let url = format!("http://{}/healthz", server.address);
    let passive = PassiveIndicator::new("payments");
    let layer = passive.layer();
    let active = HttpIndicator::new("payments", &url);
    let check = match kind {
        Kind::Active => Check::new(active),
        Kind::Passive => Check::new(passive),
        Kind::Paired => Check::new(passive.when_idle(active)),
    };
    let check = check.criticality(Criticality::Critical);
    let health = Health::builder().readiness(check).start();
    let health = health.expect("every setting is right");
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let client = ServiceBuilder::new().layer(layer).service(client);
    let has_traffic = health.clone();
    let failed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failed);
    let traffic = tokio::spawn(async move {
        let mut calls = JoinSet::new();
        let mut ticks = interval(Duration::from_secs(1) / REQUESTS_PER_SECOND);
        loop {
            ticks.tick().await;
            while calls.try_join_next().is_some() {}
            if has_traffic.status(Probe::Readiness) == Status::Fail {
                continue;
            }
            let request = Request::get(format!("http://{}/charge", server.address));
            let request = request.body(Empty::new()).expect("a request");
            let (client, failed) = (client.clone(), Arc::clone(&counted));
            calls.spawn(async move {
                let answer = timeout(patience, async {
                    let response = client.oneshot(request).await.ok()?;
                    let is_well = response.status().is_success();
                    let body = response.into_body().collect().await;
                    body.is_ok().then_some(is_well)
                });
                if answer.await != Ok(Some(true)) {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    sleep(WELL).await;
    server.fault.send_replace(fault);
    let ill = observe(&health, ILL).await;
    server.fault.send_replace(Fault::None);
    let mended = observe(&health, MENDED).await;
    traffic.abort();
    let failed = failed.load(Ordering::Relaxed);
    format!("{ill}; mended: {mended}; {failed} requests failed")
}

/// Returns the changes of readiness within a time.
async fn observe(health: &Health, time: Duration) -> String {
    let start = Instant::now();
    let mut last = health.status(Probe::Readiness);
    let mut seen = vec![format!("{last}")];
    while start.elapsed() < time {
        sleep(Duration::from_millis(10)).await;
        let status = health.status(Probe::Readiness);
        if status != last {
            last = status;
            seen.push(format!("{status} {:.1} s", start.elapsed().as_secs_f64()));
        }
    }
    let changes = seen.len() - 1;
    if changes > 5 {
        seen.truncate(4);
        seen.push(format!("… {changes} changes"));
    }
    seen.join(", ")
}

/// A server that is ill as it is told.
struct Server {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
}

impl Server {
    fn start() -> Self {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = listener.local_addr().expect("an address");
        let (fault, mut seen) = watch::channel(Fault::None);
        tokio::spawn(async move {
            let mut listener = Some(listener);
            loop {
                let mut connections = JoinSet::new();
                let accepting = listener.take().unwrap_or_else(|| listen(address));
                let is_refusing = |fault: &Fault| *fault == Fault::Refused;
                let mut now = seen.clone();
                tokio::select! {
                    () = accept(accepting, &mut connections, &seen) => {}
                    _ = now.wait_for(is_refusing) => {}
                }
                drop(connections);
                if seen.wait_for(|fault| !is_refusing(fault)).await.is_err() {
                    return;
                }
            }
        });
        Self { address, fault }
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a setting of Linux");
    socket.bind(address).expect("the port is free");
    socket.listen(1024).expect("a listener")
}

async fn accept(
    listener: TcpListener,
    connections: &mut JoinSet<()>,
    fault: &watch::Receiver<Fault>,
) {
    let turn = Arc::new(AtomicUsize::new(0));
    while let Ok((stream, _)) = listener.accept().await {
        let (fault, turn) = (fault.clone(), Arc::clone(&turn));
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                answer(&request, fault.clone(), Arc::clone(&turn))
            });
            let server = auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(
    request: &Request<Incoming>,
    fault: watch::Receiver<Fault>,
    turn: Arc<AtomicUsize>,
) -> impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> + use<> {
    let is_check = request.uri().path() == "/healthz";
    async move {
        let now = *fault.borrow();
        let is_turn = |of: usize| turn.fetch_add(1, Ordering::Relaxed) % of == 0;
        let fails = match now {
            Fault::None | Fault::Refused => false,
            Fault::Hung => pending().await,
            Fault::Slow => {
                sleep(Duration::from_millis(1_500)).await;
                false
            }
            Fault::AllButHealthz => !is_check,
            Fault::OneIn(of) => !is_check && is_turn(of),
            Fault::OneBackendOfThree => is_turn(3),
        };
        let mut response = Response::new(Full::from("payment"));
        if fails {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        Ok(response)
    }
}
