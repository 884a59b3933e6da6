//! What the refresher does: runs caused by probes (none), and processor time.

use std::convert::Infallible;
use std::future::pending;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::Request;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_health::{Check, Health, HealthLayer, indicator_fn};

use crate::controls::plain;
use crate::table::{Row, Section};

const PROBES: usize = 10_000;

pub(crate) fn storm() -> Section {
    let (runs, unanswered) = block_on(async {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let check = Check::new(indicator_fn("db", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            pending::<Result<(), Infallible>>()
        }));
        let health = Health::builder().readiness(check.timeout(Duration::from_secs(60)));
        let health = health.start().expect("every setting is right");
        let service = HealthLayer::new(health).layer(service_fn(plain));
        sleep(Duration::from_millis(100)).await;
        let scheduled = runs.load(Ordering::Relaxed);
        let unanswered = unanswered(service).await;
        (runs.load(Ordering::Relaxed) - scheduled, unanswered)
    });
    let none = |what, value| Row::number(what, "", value as f64, Some(0.0));
    let rows = vec![
        none("runs of the check beyond the schedule", runs),
        none("probes that were not answered within a second", unanswered),
    ];
    ("10,000 probes at once while the check hangs", rows)
}

/// Sends all probes at once, and returns how many were not answered within a second.
pub(crate) async fn unanswered<S>(service: S) -> usize
where
    S: Service<Request<Body>, Response: Send, Error: Send, Future: Send> + Clone + Send + 'static,
{
    let mut probes = JoinSet::new();
    for _ in 0..PROBES {
        let request = Request::get("/readyz").body(Body::empty());
        let response = service.clone().oneshot(request.expect("a request"));
        probes.spawn(timeout(Duration::from_secs(1), response));
    }
    let answers = probes.join_all().await;
    answers.into_iter().filter(Result::is_err).count()
}

/// The first argument of a process that only runs checks.
const CHILD: &str = "--refresh";

/// Covers the first runs, and those that spread them over a TTL.
const WARM_UP: Duration = Duration::from_millis(2500);
const WATCHED: Duration = Duration::from_secs(8);

/// Checks that pass at once, in processes that do nothing else.
pub(crate) fn processor_time() -> Section {
    let counts = [
        ("1 check: of a core", "1", None),
        ("10 checks: of a core", "10", None),
        ("100 checks: of a core", "100", Some(1.0)),
        ("1,000 checks: of a core", "1000", Some(6.0)),
    ];
    let watched = thread::scope(|scope| {
        let children = counts.map(|(_, checks, _)| scope.spawn(|| watch(checks)));
        children.map(|child| child.join().expect("no panic"))
    });
    let rows = counts.into_iter().zip(watched);
    let rows = rows.map(|((what, _, at_most), percent)| Row::number(what, "%", percent, at_most));
    let title = "Refresher by the number of instant checks, TTL 1 s, in processes of their own";
    (title, rows.collect())
}

fn watch(checks: &str) -> f64 {
    let this = std::env::current_exe().expect("this program has a path");
    let output = Command::new(this).args([CHILD, checks]).output();
    let text = String::from_utf8(output.expect("this program starts").stdout);
    text.expect("text").trim().parse().expect("a number")
}

/// Runs checks if these are the arguments of such a process, and returns whether they are.
pub(crate) fn is_child(args: &[String]) -> bool {
    let [flag, checks] = args else { return false };
    if flag != CHILD {
        return false;
    }
    let mut builder = Health::builder().ttl(Duration::from_secs(1));
    for number in 0..checks.parse().expect("a number") {
        let name = format!("check-{number}");
        builder = builder.readiness(indicator_fn(name, || async { Ok::<_, Infallible>(()) }));
    }
    block_on(async {
        let _health = builder.start().expect("every setting is right");
        sleep(WARM_UP).await;
        let (start, busy_before) = (Instant::now(), busy());
        sleep(WATCHED).await;
        let busy = busy() - busy_before;
        println!("{}", busy / start.elapsed().as_secs_f64() * 100.0);
    });
    true
}

/// Seconds that the threads of this process worked.
fn busy() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Runs a future on the runtime that `#[tokio::main]` builds.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
