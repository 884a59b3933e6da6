//! The result of a run, in a form that tests can compare.

use tower_health::{CheckResult, ObservedValue, Reading, Status};

pub(crate) fn status(result: &CheckResult) -> Status {
    match result {
        Ok(observation) => observation.status(),
        Err(_) => Status::Fail,
    }
}

pub(crate) fn output(result: &CheckResult) -> &str {
    match result {
        Ok(observation) => observation.output().unwrap_or_default(),
        Err(failure) => failure.output(),
    }
}

pub(crate) fn readings(result: &CheckResult) -> &[Reading] {
    match result {
        Ok(observation) => observation.readings(),
        Err(failure) => failure.readings(),
    }
}

/// The value of a reading that is a number, which has this unit.
pub(crate) fn number(result: &CheckResult, measurement: &str, unit: &str) -> f64 {
    let mut readings = readings(result).iter();
    let reading = readings.find(|reading| reading.measurement() == Some(measurement));
    let reading = reading.unwrap_or_else(|| panic!("no {measurement}: {result:?}"));
    assert_eq!(reading.unit(), Some(unit), "{measurement}");
    match reading.value() {
        ObservedValue::Integer(value) => *value as f64,
        ObservedValue::Float(value) => *value,
        other => panic!("{measurement} is {other:?}"),
    }
}
