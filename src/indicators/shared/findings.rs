//! The readings of a run, and the limits that they are beyond.

use super::limits::Beyond;
use crate::{CheckResult, Failure, Observation, ObservedValue};

/// Collects what a run measured until it is clear whether the run passes, warns or fails.
#[derive(Default)]
pub(crate) struct Findings {
    readings: Vec<(&'static str, ObservedValue, &'static str)>,
    warnings: Vec<String>,
    failures: Vec<String>,
}

impl Findings {
    pub(crate) fn reading(
        &mut self,
        measurement: &'static str,
        value: impl Into<ObservedValue>,
        unit: &'static str,
    ) {
        self.readings.push((measurement, value.into(), unit));
    }

    pub(crate) fn failure(&mut self, text: String) {
        self.failures.push(text);
    }

    /// Adds the text of `describe` if a value is beyond a limit, which it receives.
    pub(crate) fn limit(&mut self, beyond: Option<Beyond>, describe: impl FnOnce(f64) -> String) {
        match beyond {
            Some(Beyond::Fail(limit)) => self.failures.push(describe(limit)),
            Some(Beyond::Warn(limit)) => self.warnings.push(describe(limit)),
            None => {}
        }
    }

    /// Returns whether nothing is beyond a limit.
    pub(crate) fn is_empty(&self) -> bool {
        self.warnings.is_empty() && self.failures.is_empty()
    }

    /// The worst of all findings. Its text starts with the failures.
    pub(crate) fn result(self) -> CheckResult {
        let Self {
            readings,
            warnings,
            failures,
        } = self;
        let has_failed = !failures.is_empty();
        let output = [failures, warnings].concat().join("; ");
        if has_failed {
            let failure = readings.into_iter().fold(
                Failure::new(output),
                |failure, (measurement, value, unit)| failure.measurement(measurement, value, unit),
            );
            return Err(failure);
        }
        let observation = match output.is_empty() {
            true => Observation::pass(),
            false => Observation::warn(output),
        };
        Ok(readings
            .into_iter()
            .fold(observation, |observation, (measurement, value, unit)| {
                observation.measurement(measurement, value, unit)
            }))
    }
}

/// Rounds to two places, as a report should show a number.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
