//! Inflicts faults at any moment of a TTL, and looks at readiness until it knows.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tower_health::{Health, Probe, Status};

use super::{Dependency, Fault, TIMEOUT, TTL};

/// Milliseconds until readiness knew, each time.
#[derive(Clone, Debug)]
pub struct Detected {
    /// With the server that it was inflicted on.
    pub fault: String,
    pub to_503: Vec<f64>,
    pub to_200: Vec<f64>,
}

/// After this long it is not detected at all.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn faults(dependency: Dependency, times: usize) -> Vec<Detected> {
    let check = dependency.check.ttl(TTL).timeout(TIMEOUT);
    let health = Health::builder().readiness(check).start();
    let health = health.expect("every setting is right");
    turns(&health, Status::Pass).await;
    let mut all = Vec::new();
    for fault in &dependency.faults {
        let mut detected = Detected {
            fault: format!("{}: {}", dependency.name, fault.name),
            to_503: Vec::new(),
            to_200: Vec::new(),
        };
        for turn in 0..times {
            let (to_503, to_200) = once(&health, fault, turn).await;
            detected.to_503.push(to_503);
            detected.to_200.push(to_200);
        }
        all.push(detected);
    }
    all
}

async fn once(health: &Health, fault: &Fault, turn: usize) -> (f64, f64) {
    // Spread over a TTL, as evenly as numbers can be.
    let phase = |turn: usize| TTL.mul_f64((turn as f64 * 0.618_034).fract());
    sleep(phase(turn)).await;
    // It counts from the moment at which it begins: what it does to a server takes time, too.
    let start = Instant::now();
    (fault.inflict)().await;
    turns(health, Status::Fail).await;
    let to_503 = start.elapsed();
    sleep(phase(turn + 1)).await;
    (fault.mend)().await;
    // A server is mended when it answers again, not when it is told to.
    let start = Instant::now();
    turns(health, Status::Pass).await;
    (millis(to_503), millis(start.elapsed()))
}

/// Waits until an answer at `/readyz` would have this status.
async fn turns(health: &Health, status: Status) {
    let start = Instant::now();
    while health.status(Probe::Readiness) != status && start.elapsed() < PATIENCE {
        sleep(Duration::from_millis(1)).await;
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
