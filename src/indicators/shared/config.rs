//! What is wrong with how an indicator was configured, kept until `start()` reports it.

use crate::{Failure, HealthIndicator};

/// Joins the faults of several settings into the text of `config_error`.
pub(crate) fn join(faults: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let faults: Vec<_> = faults.into_iter().flatten().collect();
    (!faults.is_empty()).then(|| faults.join("; "))
}

/// Fails the run of a misconfigured indicator, which a wrapper can register without its
/// `config_error`.
pub(crate) fn validated(indicator: &impl HealthIndicator) -> Result<(), Failure> {
    match indicator.config_error() {
        Some(fault) => Err(misconfigured(&fault)),
        None => Ok(()),
    }
}

/// Fails a run whose setting could not be parsed.
pub(crate) fn parsed<T>(setting: &Result<T, String>) -> Result<&T, Failure> {
    setting.as_ref().map_err(|fault| misconfigured(fault))
}

fn misconfigured(fault: &str) -> Failure {
    Failure::new(format!("the indicator is misconfigured: {fault}"))
}
