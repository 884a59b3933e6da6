//! A service whose hours pass in a moment, for the tests of the page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::view::View;
use crate::state::clock::SimulatedWall;
use crate::{Check, Failure, Health, HealthBuilder, Observation, indicator_fn};

/// 2026-11-22 02:10:00 UTC.
const START: i64 = 1_795_313_400;

/// What the next run of a check finds, and after how many milliseconds.
#[derive(Clone, Debug)]
pub(super) enum Finding {
    Pass(u64),
    Warn(&'static str),
    Fail(&'static str),
    Hang,
}

/// A health in simulated time, with dials for its checks. Must be used in a runtime whose time is
/// paused.
pub(super) struct Stage {
    pub(super) health: Health,
    dials: HashMap<&'static str, Arc<Mutex<Finding>>>,
    _wall: SimulatedWall,
}

/// The checks of a stage, before it starts.
pub(super) struct Cast {
    builder: HealthBuilder,
    dials: HashMap<&'static str, Arc<Mutex<Finding>>>,
}

impl Cast {
    pub(super) fn new() -> Self {
        let builder = Health::builder().ttl(secs(10)).jitter_seed(7);
        Self {
            builder: builder.service_id("shop-api"),
            dials: HashMap::new(),
        }
    }

    pub(super) fn with(mut self, set: impl FnOnce(HealthBuilder) -> HealthBuilder) -> Self {
        self.builder = set(self.builder);
        self
    }

    pub(super) fn check(self, name: &'static str, millis: u64) -> Self {
        self.check_with(name, millis, |check| check)
    }

    /// Adds a check that passes after about as many milliseconds.
    pub(super) fn check_with(
        mut self,
        name: &'static str,
        millis: u64,
        set: impl FnOnce(Check) -> Check,
    ) -> Self {
        let dial = Arc::new(Mutex::new(Finding::Pass(millis)));
        self.dials.insert(name, Arc::clone(&dial));
        let mut run = 0_u64;
        let indicator = indicator_fn(name, {
            let run = Mutex::new(move || {
                run += 1;
                run
            });
            move || {
                let finding = dial.lock().unwrap().clone();
                let run = (run.lock().unwrap())();
                find(finding, run)
            }
        });
        self.builder = self.builder.readiness(set(Check::new(indicator)));
        self
    }

    pub(super) fn start(self) -> Stage {
        let wall = SimulatedWall::new();
        SimulatedWall::set(START);
        Stage {
            health: self.builder.start().unwrap(),
            dials: self.dials,
            _wall: wall,
        }
    }
}

async fn find(finding: Finding, run: u64) -> Result<Observation, Failure> {
    // Durations scatter by a half, and now and then one is twice as long.
    let scatter = |millis: u64| {
        let noise = run.wrapping_mul(2_654_435_761) >> 7;
        let spike = if noise % 41 == 0 { 2 } else { 1 };
        millis * 1_000 * spike * (75 + noise % 50) / 100
    };
    let sleep = async |millis| tokio::time::sleep(Duration::from_micros(scatter(millis))).await;
    match finding {
        Finding::Pass(millis) => {
            sleep(millis).await;
            Ok(Observation::pass())
        }
        Finding::Warn(output) => {
            sleep(9).await;
            Ok(Observation::warn(output))
        }
        Finding::Fail(output) => {
            sleep(2).await;
            Err(Failure::new(output))
        }
        Finding::Hang => std::future::pending().await,
    }
}

impl Stage {
    /// Lets time pass.
    pub(super) async fn lapse(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Lets time pass until the wall clock shows this many seconds after 02:10:00.
    pub(super) async fn until(&self, seconds: i64) {
        let left = START + seconds - SimulatedWall::seconds();
        self.lapse(secs(left.try_into().unwrap())).await;
    }

    /// The seconds since 02:10:00.
    pub(super) fn second(&self) -> i64 {
        SimulatedWall::seconds() - START
    }

    pub(super) fn set(&self, check: &str, finding: Finding) {
        *self.dials[check].lock().unwrap() = finding;
    }

    pub(super) fn now(&self) -> SystemTime {
        UNIX_EPOCH + secs(SimulatedWall::seconds().try_into().unwrap())
    }

    pub(super) fn view(&self) -> View {
        View::new(&self.health, self.now())
    }

    /// The sentence as text.
    pub(super) fn sentence(&self) -> String {
        self.view().sentence.text(self.now())
    }
}

pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
