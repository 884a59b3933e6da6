//! Loops that beat, and when they truly did.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::context::Context;
use super::host::{Host, Time};
use super::semantics::GRACE;
use crate::{Health, Heartbeat, Status};

/// How imprecise the timers are, and how late the refresher may look.
const SLACK: Duration = Duration::from_millis(20);

/// The loops of a process.
#[derive(Debug)]
pub(super) struct Loops {
    beats: Vec<Arc<Mutex<Beats>>>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Beats {
    deadline: Duration,
    last: Time,
    /// Until when the loop is stuck.
    stuck_until: Time,
}

impl Loops {
    pub(super) fn start(count: u64, health: &Health, host: &Host) -> Self {
        let mut loops = Self {
            beats: Vec::new(),
            tasks: JoinSet::new(),
        };
        for index in 0..count {
            let deadline = host.facts().rng.any_scale(100, 20_000);
            let heartbeat = health
                .heartbeat(&format!("loop-{index}"), deadline)
                .unwrap();
            let beats = Arc::new(Mutex::new(Beats {
                deadline,
                last: host.now(),
                stuck_until: Time::ZERO,
            }));
            loops.beats.push(Arc::clone(&beats));
            let (host, heartbeat) = (host.clone(), Finished(Some(heartbeat)));
            loops.tasks.spawn(async move {
                let most = u64::try_from(deadline.as_millis()).unwrap();
                loop {
                    let pause = host.facts().rng.millis(most / 4, most / 2);
                    sleep(pause).await;
                    let mut beats = lock(&beats);
                    if host.now() >= beats.stuck_until {
                        beats.last = host.now();
                        heartbeat.beat();
                    }
                }
            });
        }
        loops
    }

    /// Lets one of them hang for a while.
    pub(super) fn hang(&self, host: &Host) {
        if self.beats.is_empty() {
            return;
        }
        let (index, by) = {
            let rng = &mut host.facts().rng;
            (
                rng.below(self.beats.len() as u64),
                rng.any_scale(10, 60_000),
            )
        };
        host.note("a loop hangs for", None, by);
        lock(&self.beats[usize::try_from(index).unwrap()]).stuck_until = host.now() + by;
    }

    /// Returns what liveness may be.
    pub(super) fn possible(&self, is_settled: bool, facts: &Context<'_>) -> &'static [Status] {
        let mut may_fail = false;
        for beats in &self.beats {
            let beats = lock(beats);
            let passed = facts.now - beats.last;
            let lost = facts.jumps.between(beats.last, facts.now);
            let noticed = if facts.was_restarted_since(beats.last) {
                Duration::ZERO
            } else {
                lost.noticeable_idle.min(facts.bound)
            };
            let grace = if lost.count > 0 {
                GRACE
            } else {
                Duration::ZERO
            };
            // Before the turn of the refresher, readers forgive as much again.
            let bounds = if is_settled { 1 } else { 2 };
            let lost = facts.late_at_most(beats.last, facts.now);
            let moved = lost.min(facts.bound * bounds);
            if passed > beats.deadline + moved + grace + SLACK {
                return &[Status::Fail];
            }
            may_fail |= passed + SLACK >= beats.deadline + noticed;
        }
        if may_fail {
            &[Status::Pass, Status::Fail]
        } else {
            &[Status::Pass]
        }
    }

    pub(super) async fn end(&mut self) {
        self.beats.clear();
        self.tasks.shutdown().await;
    }
}

/// A heartbeat whose loop ends as intended.
struct Finished(Option<Heartbeat>);

impl Finished {
    fn beat(&self) {
        if let Some(heartbeat) = &self.0 {
            heartbeat.beat();
        }
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        if let Some(heartbeat) = self.0.take() {
            heartbeat.finish();
        }
    }
}

fn lock(beats: &Mutex<Beats>) -> MutexGuard<'_, Beats> {
    beats.lock().unwrap()
}
