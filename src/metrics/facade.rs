//! Metrics through the `metrics` facade: whatever is recorded is absolute, and so may be recorded
//! again.

use std::collections::HashMap;

use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};

use super::durations::added;
use super::families::{self, FAMILIES, Family, Kind, Value};
use super::view::View;
use crate::RunDurations;

static METADATA: Metadata<'static> =
    Metadata::new("tower_health", Level::INFO, Some(module_path!()));

/// How many counters are remembered of checks that were removed.
const MOST_FORMER: usize = 10_000;

/// What one recorder has been told.
#[derive(Default)]
pub(super) struct Facade {
    /// The address of the recorder.
    recorder: Option<usize>,
    /// Counts the recordings, also those in which the recorder panicked.
    round: u64,
    counters: HashMap<Key, Counted>,
    durations: HashMap<Key, Observed>,
    /// When each was set last.
    gauges: HashMap<Key, u64>,
}

/// The durations of a registration of a check that were recorded.
struct Observed {
    registration: Option<u64>,
    durations: RunDurations,
    /// When they were recorded last.
    round: u64,
}

/// A counter that never falls, although that of a check begins anew with each registration.
#[derive(Clone, Copy, Default)]
struct Counted {
    /// The registration of the check; `None` for a counter of the health itself.
    registration: Option<u64>,
    last: u64,
    /// The sum of the last values of earlier registrations.
    before: u64,
    /// When it was counted last.
    round: u64,
}

impl Counted {
    fn rise_to(&mut self, value: u64, registration: Option<u64>, round: u64) -> u64 {
        if self.registration != registration {
            self.before = self.before.saturating_add(self.last);
        }
        (self.registration, self.last, self.round) = (registration, value, round);
        self.before.saturating_add(value)
    }
}

impl Facade {
    /// Records everything with the recorder that is installed now; without one, nothing.
    pub(super) fn record(&mut self, view: &View) {
        metrics::with_recorder(|recorder| self.record_to(recorder, view));
    }

    fn record_to(&mut self, recorder: &dyn Recorder, view: &View) {
        let address = std::ptr::from_ref(recorder).cast::<()>().addr();
        if self.recorder != Some(address) {
            // Another recorder knows nothing yet.
            *self = Self::default();
            FAMILIES
                .iter()
                .for_each(|family| describe(recorder, family));
            self.recorder = Some(address);
        }
        self.round += 1;
        let registrations: HashMap<_, _> = view
            .checks()
            .map(|(probe, check)| ((check.name(), probe.as_str()), check.registration()))
            .collect();
        for family in FAMILIES {
            // This writer returns no error.
            let _ = (family.series)(view, &mut |labels, value| {
                let key = key(family, labels);
                let registration = match labels {
                    [("check", name), ("probe", probe), ..] => registrations.get(&(*name, *probe)),
                    _ => None,
                };
                let registration = registration.copied();
                match value {
                    Value::Whole(count) if family.kind == Kind::Counter => {
                        self.count(recorder, key, registration, count);
                    }
                    Value::Whole(number) => self.set(recorder, key, number as f64),
                    Value::Seconds(seconds) => self.set(recorder, key, seconds),
                    Value::Durations(now) => self.observe(recorder, key, registration, now),
                }
                Ok(())
            });
        }
        self.forget_former(recorder);
    }

    /// Forgets what this round did not come across. It is the last step: after a panic of the
    /// recorder, the next round knows everything that this one knew.
    fn forget_former(&mut self, recorder: &dyn Recorder) {
        let round = self.round;
        // The facade cannot remove a series.
        for (key, _) in self.gauges.iter().filter(|(_, seen)| **seen != round) {
            recorder.register_gauge(key, &METADATA).set(0.0);
        }
        self.gauges.retain(|_, seen| *seen == round);
        self.durations.retain(|_, observed| observed.round == round);
        if self.counters.len() > MOST_FORMER {
            self.counters.retain(|_, counted| counted.round == round);
        }
    }

    // Each is registered every time: a recorder that has dropped an idle series takes it up again.

    fn count(&mut self, recorder: &dyn Recorder, key: Key, registration: Option<u64>, value: u64) {
        let counter = recorder.register_counter(&key, &METADATA);
        let counted = self.counters.entry(key).or_default();
        counter.absolute(counted.rise_to(value, registration, self.round));
    }

    fn set(&mut self, recorder: &dyn Recorder, key: Key, value: f64) {
        recorder.register_gauge(&key, &METADATA).set(value);
        self.gauges.insert(key, self.round);
    }

    fn observe(
        &mut self,
        recorder: &dyn Recorder,
        key: Key,
        registration: Option<u64>,
        now: &RunDurations,
    ) {
        let histogram = recorder.register_histogram(&key, &METADATA);
        // Noted before they are recorded: if the recorder panics among them, some of this series are
        // lost, but none is ever recorded twice.
        let observed = Observed {
            registration,
            durations: *now,
            round: self.round,
        };
        let before = self.durations.insert(key, observed);
        let before = before.filter(|before| before.registration == registration);
        let before = before.map_or_else(RunDurations::default, |before| before.durations);
        for (duration, count) in added(&before, now) {
            histogram.record_many(duration.as_secs_f64(), count);
        }
    }
}

fn describe(recorder: &dyn Recorder, family: &Family) {
    let name = KeyName::from_const_str(family.name);
    let unit = family.is_in_seconds().then_some(Unit::Seconds);
    let help = SharedString::const_str(family.help);
    match family.kind {
        Kind::Counter => recorder.describe_counter(name, unit, help),
        Kind::Gauge => recorder.describe_gauge(name, unit, help),
        Kind::Histogram => recorder.describe_histogram(name, unit, help),
    }
}

fn key(family: &Family, labels: &[families::Label<'_>]) -> Key {
    let labels = labels.iter().map(|(name, value)| {
        let value = SharedString::from_owned((*value).to_owned());
        Label::new(SharedString::const_str(name), value)
    });
    let name = KeyName::from_const_str(family.name);
    Key::from_parts(name, labels.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
