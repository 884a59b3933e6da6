//! What a run found, before it is known whether it passes, warns or fails.

use super::limits::Beyond;
use crate::{CheckResult, Failure, Observation, ObservedValue};

/// Readings, and the limits that some of them are beyond.
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

    /// `output` says what is beyond the limit.
    pub(crate) fn judged(&mut self, beyond: Option<Beyond>, output: impl FnOnce(f64) -> String) {
        match beyond {
            Some(Beyond::Fail(limit)) => self.failures.push(output(limit)),
            Some(Beyond::Warn(limit)) => self.warnings.push(output(limit)),
            None => {}
        }
    }

    /// A failure if there is one, else a warning if there is one; its text tells the worst first.
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

/// A number as a report should show it: to two places.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
