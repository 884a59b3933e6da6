//! Takes in what changes, and what has changed unheard.

use std::collections::HashSet;
use std::time::Duration;

use super::{Worker, log, now};
use crate::{Health, Probe, Status, Subject, Transition};

/// How long after it missed transitions a webhook looks at the present state: when it has read those
/// that it did not miss.
const CATCH_UP: Duration = Duration::from_secs(1);

impl Worker {
    /// Takes in a change, and those that were missed before it.
    pub(super) fn hear(&mut self, change: Transition, missed: u64) {
        if missed > self.missed {
            self.outbox.lose(missed - self.missed);
            self.missed = missed;
            log!(
                WARN,
                url = self.settings.shown,
                missed,
                "a webhook is too slow and missed transitions"
            );
            self.catch_up_at = Some(now() + CATCH_UP);
        }
        if self.known.contains(&change) {
            return;
        }
        // Changes come in order, so no further one is known.
        self.known = Vec::new();
        self.add(change);
    }

    /// Takes in the present status of each check and probe that has another one than is known.
    pub(super) fn catch_up(&mut self, health: &Health) {
        self.known = health.history();
        let mut subjects = HashSet::new();
        let latest = self.known.iter().rev();
        let latest = latest.filter(|change| subjects.insert(change.subject.clone()));
        let latest: Vec<_> = latest.cloned().collect();
        for change in latest.into_iter().rev() {
            if self.outbox.last(&change.subject) != Some(change.to) {
                self.add(change);
            }
        }
    }

    fn add(&mut self, change: Transition) {
        if !self.settings.choice.contains(&change) {
            return;
        }
        if is_of_drain(&change) && !self.settings.choice.drains {
            self.outbox.skip(&change);
            return;
        }
        self.outbox.add(change, now());
    }

    pub(super) fn is_draining(&self) -> bool {
        let health = self.health.upgrade();
        health.is_some_and(|health| health.is_draining())
    }
}

/// Returns whether a drain is why readiness fails. A failure before it may be heard only in the drain,
/// and so it is the change that tells.
fn is_of_drain(change: &Transition) -> bool {
    let reasons = change.output.as_deref().unwrap_or_default();
    matches!(change.subject, Subject::Probe(Probe::Readiness))
        && change.to == Status::Fail
        // No check is the reason, not even one of the name `draining`.
        && change.cause.is_none()
        && reasons.split("; ").any(|reason| reason == "draining")
}
