//! How long it takes until `/readyz` reports a fault, by the threshold and the time to confirm.
//!
//! The clock of the runtime is paused, so that hours pass in a moment.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};
use tower_health::{Check, Health, Probe, Status, indicator_fn};

use crate::table::{Row, Section, with_unit};
use crate::timing::Spread;

/// Those of the indicators that use the network.
const TTL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(2);

const PASSES: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;

const TIMES: u32 = 300;

pub(crate) fn detection() -> Section {
    let mut rows = Vec::new();
    for (fault, state) in [("refused", FAILS), ("hung", HANGS)] {
        for (threshold, suspect_ttl) in [
            (1, TTL),
            (2, TTL),
            (2, Duration::from_secs(1)),
            (2, Duration::from_millis(100)),
        ] {
            let mut runtime = Builder::new_current_thread();
            let runtime = runtime.enable_all().start_paused(true).build();
            let runtime = runtime.expect("a runtime");
            let times = runtime.block_on(times(state, threshold, suspect_ttl));
            let most = times.iter().copied().fold(0.0, f64::max);
            let median = with_unit(Spread::of(times).median, "");
            rows.push(Row::new(
                format!("{fault}: failure_threshold {threshold}, suspect_ttl {suspect_ttl:?}"),
                format!("median {median}, max {}", with_unit(most, "s")),
            ));
        }
    }
    ("Detection at TTL 5 s and timeout 2 s", rows)
}

/// Returns the seconds from a fault to the failure of readiness, at moments spread over a TTL.
async fn times(fault: u8, threshold: u32, suspect_ttl: Duration) -> Vec<f64> {
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
    let check = Check::new(indicator)
        .ttl(TTL)
        .timeout(TIMEOUT)
        .failure_threshold(threshold)
        .suspect_ttl(suspect_ttl);
    let health = Health::builder().readiness(check).jitter_seed(11).start();
    let health = health.expect("every setting is right");
    let becomes = async |status| {
        while health.status(Probe::Readiness) != status {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let mut times = Vec::new();
    for turn in 0..TIMES {
        state.store(PASSES, Ordering::Relaxed);
        becomes(Status::Pass).await;
        // Spreads the moments over a TTL, as evenly as numbers can be.
        sleep(TTL * 3 + TTL.mul_f64((f64::from(turn) * 0.618_034).fract())).await;
        state.store(fault, Ordering::Relaxed);
        let start = Instant::now();
        becomes(Status::Fail).await;
        times.push(start.elapsed().as_secs_f64());
    }
    times
}
