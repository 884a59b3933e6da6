//! What can be wrong with the settings of a built-in indicator.

use std::error::Error;
use std::fmt;

/// Why a built-in indicator could not be made.
///
/// Its text names the indicator, the setting and what is wrong with it.
#[derive(Debug)]
pub struct IndicatorError {
    indicator: String,
    setting: &'static str,
    fault: String,
}

impl IndicatorError {
    pub(super) fn new(indicator: &str, setting: &'static str, fault: impl Into<String>) -> Self {
        Self {
            indicator: indicator.to_owned(),
            setting,
            fault: fault.into(),
        }
    }
}

impl fmt::Display for IndicatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            indicator,
            setting,
            fault,
        } = self;
        write!(f, "indicator {indicator:?}: {setting} {fault}")
    }
}

impl Error for IndicatorError {}
