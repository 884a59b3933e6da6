//! What the transitions tell: since when something has been as it is, and how long it was not.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::{Limits, Probe, Status, Subject, Transition};

/// The latest transitions, by their subject.
pub(crate) struct Changes<'a> {
    all: &'a [Transition],
    /// Places in `all`, oldest first.
    places: HashMap<&'a Subject, Vec<usize>>,
}

/// When something became as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) time: SystemTime,
    /// The place among all transitions: times repeat, and a clock can be set back.
    pub(crate) place: usize,
}

impl<'a> Changes<'a> {
    /// Takes the transitions of a health, oldest first.
    pub(crate) fn new(all: &'a [Transition]) -> Self {
        let mut places = HashMap::<_, Vec<_>>::new();
        for (place, transition) in all.iter().enumerate() {
            places.entry(&transition.subject).or_default().push(place);
        }
        Self { all, places }
    }

    fn of(&self, subject: &Subject) -> impl DoubleEndedIterator<Item = (usize, &'a Transition)> {
        let places = self.places.get(subject).into_iter().flatten();
        places.filter_map(|place| Some((*place, self.all.get(*place)?)))
    }

    /// Returns since when the status has been one for which this holds; `None` if no transition led
    /// there.
    pub(crate) fn since(&self, subject: &Subject, holds: impl Fn(Status) -> bool) -> Option<Since> {
        let mut since = None;
        for (place, transition) in self.of(subject).rev() {
            if !holds(transition.to) {
                break;
            }
            let time = transition.time;
            since = Some(Since { time, place });
        }
        since
    }

    /// Returns the place from which on readiness has failed without a break; `None` unless it fails.
    pub(crate) fn outage(&self, readiness: Status) -> Option<usize> {
        if readiness != Status::Fail {
            return None;
        }
        let subject = Subject::Probe(Probe::Readiness);
        let since = self.since(&subject, |status| status == Status::Fail);
        // Without a transition it has failed since the start, or since an expiry just now.
        let unannounced = || {
            if self.has(&subject) {
                self.all.len()
            } else {
                0
            }
        };
        Some(since.map_or_else(unannounced, |since| since.place))
    }

    /// Returns the step to a status with which the first spell of it began that lasted beyond a
    /// place, and the text of that step.
    pub(crate) fn first(
        &self,
        subject: &Subject,
        status: Status,
        beyond: usize,
    ) -> Option<(Since, Option<&'a str>)> {
        let mut first = None;
        for (place, transition) in self.of(subject) {
            if transition.to == status {
                let time = transition.time;
                first.get_or_insert((Since { time, place }, transition.output.as_deref()));
            } else if first.is_some() && place > beyond {
                break;
            } else {
                first = None;
            }
        }
        first
    }

    /// Returns whether the subject has ever changed.
    pub(crate) fn has(&self, subject: &Subject) -> bool {
        self.places.contains_key(subject)
    }

    /// Returns for how long readiness failed between two times, and in how many spells. The time before
    /// it first passed does not count: that is the start. The limits are those of the history, which
    /// may have forgotten the earliest spells.
    pub(crate) fn not_ready(&self, from: SystemTime, to: SystemTime, limits: &Limits) -> Lost {
        let subject = Subject::Probe(Probe::Readiness);
        let first = self.of(&subject).next();
        let is_after_from = first.is_some_and(|(_, first)| first.time > from);
        let mut lost = Lost {
            is_least: is_after_from && self.may_lack(&subject, limits),
            ..Lost::default()
        };
        let (mut start, mut is_lost) = (from, false);
        for (_, transition) in self.of(&subject) {
            let time = transition.time.clamp(from, to.max(from));
            if is_lost {
                lost.add(start, time);
            }
            (is_lost, start) = (!transition.to.is_healthy(), time);
        }
        if is_lost {
            lost.add(start, to);
        }
        lost
    }

    /// Returns whether the history is so full that it may have forgotten transitions.
    fn may_lack(&self, subject: &Subject, limits: &Limits) -> bool {
        let texts = self.of(subject).map(|(_, it)| it.output.as_deref());
        let bytes: usize = texts.flatten().map(str::len).sum();
        self.of(subject).count() >= limits.history_per_check
            // The next text of the longest kind would make the oldest transition go.
            || bytes.saturating_add(limits.text_bytes) > limits.history_bytes_per_check
    }
}

/// For how long the service was not ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) time: Duration,
    pub(crate) spells: usize,
    /// Whether there may have been more, which the history has forgotten.
    pub(crate) is_least: bool,
}

impl Lost {
    fn add(&mut self, from: SystemTime, to: SystemTime) {
        let span = to.duration_since(from).unwrap_or_default();
        if !span.is_zero() {
            self.time += span;
            self.spells += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn change(second: u64, from: Status, to: Status) -> Transition {
        Transition {
            subject: Subject::Probe(Probe::Readiness),
            from: Some(from),
            to,
            output: None,
            cause: None,
            time: at(second),
            duration: None,
            consecutive_failures: 0,
            lateness: Duration::ZERO,
        }
    }

    const READINESS: Subject = Subject::Probe(Probe::Readiness);
    use Status::{Fail, Pass, Warn};

    #[test]
    fn a_status_is_as_old_as_the_first_of_the_transitions_that_kept_it() {
        let all = [
            change(10, Fail, Pass),
            change(20, Pass, Warn),
            change(30, Warn, Pass),
            change(30, Pass, Warn),
        ];
        let changes = Changes::new(&all);
        let place = |holds: fn(Status) -> bool| {
            let since = changes.since(&READINESS, holds);
            since.map(|since| (since.time, since.place))
        };
        assert_eq!(place(|status| status == Warn), Some((at(30), 3)));
        assert_eq!(place(Status::is_healthy), Some((at(10), 0)));
        assert_eq!(place(|status| status == Fail), None);
        assert!(changes.has(&READINESS) && !changes.has(&Subject::Probe(Probe::Startup)));
    }

    #[test]
    fn the_time_that_readiness_failed_is_summed_up_within_the_bounds() {
        let all = [
            change(10, Fail, Pass),
            change(50, Pass, Fail),
            change(70, Fail, Warn),
        ];
        let changes = Changes::new(&all);
        let lost = |from, to| {
            let lost = changes.not_ready(at(from), at(to), &Limits::default());
            assert!(!lost.is_least);
            (lost.time.as_secs(), lost.spells)
        };
        // Not the ten seconds of the start.
        assert_eq!(lost(0, 100), (20, 1));
        assert_eq!(lost(60, 100), (10, 1));
        assert_eq!(lost(20, 60), (10, 1));
        assert_eq!(lost(80, 100), (0, 0));
        assert_eq!(lost(100, 80), (0, 0));
    }

    #[test]
    fn a_full_history_may_have_forgotten_what_came_before_it() {
        let mut all = [
            change(10, Pass, Fail),
            change(50, Fail, Pass),
            change(70, Pass, Fail),
        ];
        let is_least = |all: &[Transition], from, count, bytes| {
            let mut limits = Limits::default();
            (limits.history_per_check, limits.text_bytes) = (count, 100);
            limits.history_bytes_per_check = bytes;
            let changes = Changes::new(all);
            changes.not_ready(at(from), at(100), &limits).is_least
        };
        assert!(is_least(&all, 5, 3, 1_000));
        assert!(!is_least(&all, 5, 4, 1_000), "there was room for more");
        assert!(!is_least(&all, 20, 3, 1_000), "all of that time is known");
        // Texts can fill it too.
        all[0].output = Some("x".repeat(90));
        assert!(!is_least(&all, 5, 4, 190));
        assert!(is_least(&all, 5, 4, 189));
    }
}
