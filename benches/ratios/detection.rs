//! How long it takes until `/readyz` reports a fault, and its end.

use std::future::{pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tower_health::{Check, Health, Probe, Status, indicator_fn};

use crate::refresher::block_on;
use crate::table::{Row, Section, with_unit};
use crate::timing::Spread;

/// A check, and the ways to make it fail.
pub(crate) struct Watched {
    pub(crate) name: &'static str,
    pub(crate) check: Check,
    pub(crate) faults: Vec<Fault>,
}

pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) inflict: Act,
    pub(crate) mend: Act,
}

/// It is done when the future is.
pub(crate) type Act = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

const TTL: Duration = Duration::from_secs(1);
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

/// In milliseconds: `ttl × 1.1 + timeout + 100 ms`.
const LIMIT: f64 = 1000.0 * 1.1 + 1000.0 + 100.0;

/// After this long the wait ends, and the row misses its target.
const PATIENCE: Duration = Duration::from_secs(20);

/// Of a check that needs no server: it passes, fails or hangs as a number says.
pub(crate) fn detection(times: usize) -> Section {
    let state = Arc::new(AtomicU8::new(PASSES));
    let read = Arc::clone(&state);
    let indicator = indicator_fn("fake", move || {
        let state = read.load(Ordering::Relaxed);
        async move {
            match state {
                PASSES => Ok(()),
                FAILS => Err("as the benchmark says"),
                _ => pending().await,
            }
        }
    });
    let set = |to| -> Act {
        let state = Arc::clone(&state);
        Box::new(move || {
            state.store(to, Ordering::Relaxed);
            Box::pin(ready(()))
        })
    };
    let fault = |name, to| Fault {
        name,
        inflict: set(to),
        mend: set(PASSES),
    };
    let watched = Watched {
        name: "a check",
        check: Check::new(indicator),
        faults: vec![fault("fails", FAILS), fault("hangs", HANGS)],
    };
    let rows = block_on(rows(watched, times));
    ("Detection at TTL 1 s and timeout 1 s", rows)
}

const PASSES: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;

/// Inflicts each fault so often.
pub(crate) async fn rows(watched: Watched, times: usize) -> Vec<Row> {
    let check = watched.check.ttl(TTL).timeout(TIMEOUT);
    let health = Health::builder().readiness(check).start();
    let health = health.expect("every setting is right");
    becomes(&health, Status::Pass).await;
    let mut rows = Vec::new();
    for fault in &watched.faults {
        let (mut to_503, mut to_200) = (Vec::new(), Vec::new());
        for turn in 0..times {
            // Spreads the moments over a TTL, as evenly as numbers can be.
            let phase = |turn: usize| TTL.mul_f64((turn as f64 * 0.618_034).fract());
            sleep(phase(turn)).await;
            // A fault counts from its beginning: it takes time to stop a server.
            let start = Instant::now();
            (fault.inflict)().await;
            becomes(&health, Status::Fail).await;
            to_503.push(start.elapsed());
            sleep(phase(turn + 1)).await;
            // A mended server counts from the moment at which it answers again.
            (fault.mend)().await;
            let start = Instant::now();
            becomes(&health, Status::Pass).await;
            to_200.push(start.elapsed());
        }
        let what = format!("{}: {}", watched.name, fault.name);
        rows.push(row(format!("{what}: to 503"), &to_503));
        rows.push(row(format!("{what}: to 200 once mended"), &to_200));
    }
    rows
}

/// Waits until `/readyz` would report this status.
async fn becomes(health: &Health, status: Status) {
    let start = Instant::now();
    while health.status(Probe::Readiness) != status && start.elapsed() < PATIENCE {
        sleep(Duration::from_millis(1)).await;
    }
}

fn row(what: String, times: &[Duration]) -> Row {
    let millis: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    let most = millis.iter().copied().fold(0.0, f64::max);
    let median = with_unit(Spread::of(millis).median, "");
    let format = |millis| with_unit(millis, "ms");
    Row::new(what, format!("median {median}, max {}", format(most))).judged(
        most,
        Some(LIMIT),
        format,
    )
}
