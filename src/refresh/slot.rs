//! A registered check as the refresher keeps it: its present run, its thresholds, its latest state.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::jitter::Jitter;
use super::run::Outcome;
use crate::model::{
    CheckSpec, CheckState, DynIndicator, LastRun, Probe, Status, Subject, Thresholds, Transition,
    drop_catching_panic, shorten,
};

/// Identifies a slot. A key is never reused, so that a late result cannot reach another check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotKey(pub(crate) u64);

pub(crate) struct Slot {
    pub(crate) probe: Probe,
    pub(super) indicator: Arc<dyn DynIndicator>,
    pub(crate) state: Arc<CheckState>,
    thresholds: Thresholds,
    /// `Some` from the start of a run until its task has ended, even after a timeout.
    pub(super) run: Option<Run>,
    completed_runs: u64,
    /// Set for a startup check that is complete and does not run again.
    pub(super) is_done: bool,
    /// The callers that wait for the next result.
    pub(super) waiting: Vec<oneshot::Sender<()>>,
}

/// The slots of every check, which are dropped one by one: each holds an indicator, whose destructor
/// can panic, and a second panic while a first one unwinds would end the process.
pub(super) struct Slots(pub(super) BTreeMap<SlotKey, Slot>);

impl Deref for Slots {
    type Target = BTreeMap<SlotKey, Slot>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Slots {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        std::mem::take(&mut self.0)
            .into_values()
            .for_each(drop_catching_panic);
    }
}

#[derive(Debug)]
pub(super) struct Run {
    pub(super) task: AbortHandle,
    pub(super) started_at: Instant,
    /// Set once the timeout is recorded and the task is aborted; the task may still be running.
    pub(super) timed_out: bool,
}

impl Slot {
    pub(crate) fn new(probe: Probe, spec: CheckSpec, indicator: Arc<dyn DynIndicator>) -> Self {
        let unchecked = match probe {
            // Startup waits for the first result of every check, critical or not.
            Probe::Startup => Status::Fail,
            _ => spec.failure_status(),
        };
        Self {
            probe,
            indicator,
            thresholds: Thresholds::new(spec.failure_threshold, spec.success_threshold),
            state: Arc::new(CheckState::unchecked(Arc::new(spec), unchecked)),
            run: None,
            completed_runs: 0,
            is_done: false,
            waiting: Vec::new(),
        }
    }

    pub(super) fn spec(&self) -> &CheckSpec {
        &self.state.spec
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::Check {
            probe: self.probe,
            name: self.spec().name.clone(),
        }
    }

    pub(super) fn has_run(&self) -> bool {
        self.state.last_run.is_some()
    }

    /// Records the outcome of a run that ended, or of one that is being aborted.
    pub(super) fn record(&mut self, outcome: Outcome) -> Option<Transition> {
        let before = self.has_run().then_some(self.state.status);
        let last_run = Some(LastRun {
            time: outcome.time,
            duration: outcome.duration,
        });
        let passed = outcome.status != Status::Fail;
        let up = self.thresholds.observe(passed);
        let mut state = CheckState {
            last_run,
            readings: outcome.readings,
            ..CheckState::clone(&self.state)
        };
        if up == passed {
            state.status = if up {
                outcome.status
            } else {
                self.spec().failure_status()
            };
            state.output = outcome.output;
            state.contradiction = None;
        } else {
            let (seen, needed) = self.thresholds.progress();
            let verb = if passed { "passed" } else { "failed" };
            let output = outcome
                .output
                .map(|output| format!(": {output}"))
                .unwrap_or_default();
            let contradiction = format!("{verb} {seen} of {needed} times{output}");
            let contradiction = shorten(contradiction, self.spec().limits.text_bytes);
            state.contradiction = Some(contradiction);
        }
        self.is_done = self.probe == Probe::Startup && state.status != Status::Fail;
        if self.is_done {
            state.expires_at = None;
        }
        let changed = before != Some(state.status);
        let transition = changed.then(|| Transition {
            subject: self.subject(),
            from: before,
            to: state.status,
            output: state.output.clone(),
            time: outcome.time,
        });
        self.state = Arc::new(state);
        transition
    }

    /// Notes that the task of a run has ended, after which its result can become stale.
    ///
    /// Returns when the next run is due, if there is one.
    pub(super) fn finish_run(&mut self, now: Instant, jitter: &mut Jitter) -> Option<Instant> {
        self.run = None;
        if self.is_done {
            return None;
        }
        let interval = self.interval();
        let stale_after = self.spec().stale_after(interval);
        Arc::make_mut(&mut self.state).expires_at = Some(now + stale_after);
        self.completed_runs += 1;
        Some(if self.completed_runs == 1 {
            jitter.first(now, interval)
        } else {
            jitter.next(now, interval)
        })
    }

    fn interval(&self) -> Duration {
        self.spec().interval(self.thresholds.is_up())
    }
}
