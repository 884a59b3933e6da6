//! The worker of one probe of one container.

use std::time::Instant;

use super::Event;
use super::state::Shared;
use crate::files::kubernetes::{Probe, Which};
use crate::platform::pace::StopFlag;
use crate::platform::prober::Verdict;

impl Shared {
    /// Probes until the container is over, or the result is final.
    pub(super) fn probe(&self, which: Which, probe: &Probe, over: &StopFlag) {
        let (mut in_a_row, mut last) = (0, None);
        over.pause(self.pace.scaled(probe.delay));
        while !over.is_set() {
            let tick = Instant::now();
            if self.is_due(which) {
                let verdict = self.ask(&probe.action, probe.timeout);
                if over.is_set() {
                    return;
                }
                let passed = match &verdict {
                    Verdict::Success => Some(true),
                    Verdict::Failure(_) => Some(false),
                    Verdict::Unknown(_) => None,
                };
                self.tell(Event::Probed(which, verdict));
                if let Some(passed) = passed {
                    in_a_row = if last == Some(passed) {
                        in_a_row + 1
                    } else {
                        1
                    };
                    last = Some(passed);
                    let threshold = if passed {
                        probe.successes
                    } else {
                        probe.failures
                    };
                    if in_a_row >= threshold && self.act(which, passed) {
                        return;
                    }
                }
            }
            let period = self.pace.scaled(probe.period);
            over.pause(period.saturating_sub(tick.elapsed()));
        }
    }

    /// Startup comes before the other two, and an end is nothing that liveness could ask for again.
    fn is_due(&self, which: Which) -> bool {
        let state = self.lock();
        let is_gated = which != Which::Startup && !state.has_started;
        let is_held = which != Which::Readiness && (state.is_deleted || state.failed.is_some());
        !is_gated && !is_held
    }

    /// Does what this result asks for; returns whether the probe is over.
    fn act(&self, which: Which, passed: bool) -> bool {
        match (which, passed) {
            (Which::Readiness, passed) => {
                self.change(|state| state.set_ready(passed));
                false
            }
            (Which::Startup, true) => {
                // At once, so that no other probe comes before the event.
                self.change(|state| {
                    state.events.push(Event::StartupPassed);
                    self.set_started(state);
                });
                true
            }
            (Which::Liveness, true) => false,
            (which, false) => {
                self.change(|state| state.failed = Some(which));
                true
            }
        }
    }
}
