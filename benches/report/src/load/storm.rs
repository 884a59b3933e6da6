//! Many probes at once while the check hangs: it must not run once more for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::ServiceExt;
use axum::body::Body;
use axum::extract::Request;
use rustix::process::Signal;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tower::Layer;
use tower_health::indicators::SqlxIndicator;
use tower_health::{Check, CheckResult, Health, HealthIndicator, HealthLayer, ProbeBody};

use super::generator::h2load;
use super::scenario::Scenario;
use super::server::Server;
use crate::controls::app;
use crate::refresher::block_on;
use crate::servers::postgres;
use crate::table::{Row, Section};

const PROBES: u64 = 10_000;

/// Longer than the probes take, so that the run that is under way then is the only one.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn storm() -> Section {
    let mut server = Server::start(Scenario::Hung);
    let before = server.state().runs;
    let answered = probe(server.port);
    let runs = server.state().runs - before;
    let mut all = rows("the check hangs", runs as f64, answered).to_vec();
    let situation = "Postgres is frozen by SIGSTOP";
    match block_on(while_frozen()) {
        Ok((runs, answered)) => all.extend(rows(situation, runs as f64, answered)),
        Err(why) => all.push(Row::new(situation, why)),
    }
    ("10,000 probes at once over HTTP/2", all)
}

fn probe(port: u16) -> u64 {
    h2load(port, "/readyz", PROBES, 100, 100)
}

fn rows(situation: &str, runs: f64, answered: u64) -> [Row; 2] {
    let unanswered = (PROBES - answered) as f64;
    let row = |what, value| Row::number(&format!("{situation}: {what}"), "", value, Some(0.0));
    [
        row("runs of the check beyond the schedule", runs),
        row("probes not answered", unanswered),
    ]
}

/// How often the check ran beside the run that hangs, and how many probes were answered.
async fn while_frozen() -> Result<(usize, u64), &'static str> {
    let server = postgres::launch(PATIENCE).await;
    let (postgres, pool) = server.ok_or("Postgres is not installed")?;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Counted {
        indicator: SqlxIndicator::new("postgres", pool).timeout(PATIENCE),
        runs: Arc::clone(&runs),
    };
    let check = Check::new(counted).ttl(Duration::from_millis(500));
    let health = Health::builder().readiness(check.timeout(PATIENCE)).start();
    let health = health.expect("every setting is right");
    let ready = timeout(Duration::from_secs(20), health.await_ready()).await;
    if !matches!(ready, Ok(Ok(_))) {
        return Err("Postgres did not get ready");
    }
    let address = serve(&health).await;

    postgres.signal_all(Signal::STOP);
    let now = || runs.load(Ordering::Relaxed);
    // A run that began before it was frozen may have ended. The next does not.
    let passed = now();
    while now() == passed {
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_secs(1)).await;
    let before = now();
    if before != passed + 1 {
        return Err("the check came back from a frozen server: it means nothing");
    }
    let answered = spawn_blocking(move || probe(address.port())).await;
    let ran = now() - before;
    postgres.signal_all(Signal::CONT);
    Ok((ran, answered.expect("no panic")))
}

async fn serve(health: &Health) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let layer = HealthLayer::new(health.clone()).map_body(Body::new::<ProbeBody>);
    let app = layer.layer(app().with_state::<()>(()));
    let service = ServiceExt::<Request>::into_make_service(app);
    tokio::spawn(async { axum::serve(listener, service).await });
    address
}

/// Counts the runs of another.
struct Counted<I> {
    indicator: I,
    runs: Arc<AtomicUsize>,
}

impl<I: HealthIndicator> HealthIndicator for Counted<I> {
    fn name(&self) -> &str {
        self.indicator.name()
    }

    async fn check(&self) -> CheckResult {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.indicator.check().await
    }
}
