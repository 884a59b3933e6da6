//! A pair of limits, one that warns and one that fails, checked when it is set.

use std::cmp::Ordering;

use crate::indicators::IndicatorError;

/// What lies beyond `warn` warns, what lies beyond `fail` fails; at the limit is not beyond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    warn: f64,
    fail: f64,
    /// On which side of a limit it is worse.
    worse: Ordering,
}

/// A limit that a value is beyond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Beyond {
    Warn(f64),
    Fail(f64),
}

impl Limits {
    /// Limits for what should be low. Both must be above 0 and at most `most`.
    pub(crate) fn above(
        indicator: &str,
        setting: &'static str,
        (warn, fail): (f64, f64),
        most: f64,
    ) -> Result<Self, IndicatorError> {
        let limits = Self {
            warn,
            fail,
            worse: Ordering::Greater,
        };
        limits.validate(most, indicator, setting)
    }

    /// Limits for what should be high. Both must be above 0 and at most `most`.
    #[cfg(feature = "system")]
    pub(crate) fn below(
        indicator: &str,
        setting: &'static str,
        (warn, fail): (f64, f64),
        most: f64,
    ) -> Result<Self, IndicatorError> {
        let limits = Self {
            warn,
            fail,
            worse: Ordering::Less,
        };
        limits.validate(most, indicator, setting)
    }

    /// Limits for what should be low, which are known to be in order.
    #[cfg(feature = "system")]
    pub(crate) const fn fixed(warn: f64, fail: f64) -> Self {
        Self {
            warn,
            fail,
            worse: Ordering::Greater,
        }
    }

    fn validate(
        self,
        most: f64,
        indicator: &str,
        setting: &'static str,
    ) -> Result<Self, IndicatorError> {
        let Self { warn, fail, worse } = self;
        for limit in [warn, fail] {
            // Not a number is in no range.
            if !(limit > 0.0 && limit <= most) {
                let range = match most.is_finite() {
                    true => format!("must be above 0 and at most {most}, not {limit}"),
                    false => format!("must be above 0, not {limit}"),
                };
                return Err(IndicatorError::new(indicator, setting, range));
            }
        }
        if warn.partial_cmp(&fail) == Some(worse) {
            let fault = format!("warns at {warn}, which is beyond its failure at {fail}");
            return Err(IndicatorError::new(indicator, setting, fault));
        }
        Ok(self)
    }

    pub(crate) fn judge(self, value: f64) -> Option<Beyond> {
        let is_beyond = |limit| value.partial_cmp(&limit) == Some(self.worse);
        if is_beyond(self.fail) {
            Some(Beyond::Fail(self.fail))
        } else if is_beyond(self.warn) {
            Some(Beyond::Warn(self.warn))
        } else {
            None
        }
    }

    pub(crate) fn fail(self) -> f64 {
        self.fail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_a_limit_counts_and_what_is_at_it_does_not() {
        let above = Limits::above("x", "y", (80.0, 90.0), 100.0).unwrap();
        let below = Limits::below("x", "y", (20.0, 10.0), 100.0).unwrap();
        for (value, beyond) in [
            (80.0, None),
            (80.1, Some(Beyond::Warn(80.0))),
            (90.0, Some(Beyond::Warn(80.0))),
            (90.1, Some(Beyond::Fail(90.0))),
        ] {
            assert_eq!(above.judge(value), beyond, "above: {value}");
        }
        for (value, beyond) in [
            (20.0, None),
            (19.9, Some(Beyond::Warn(20.0))),
            (10.0, Some(Beyond::Warn(20.0))),
            (9.9, Some(Beyond::Fail(10.0))),
        ] {
            assert_eq!(below.judge(value), beyond, "below: {value}");
        }
    }

    #[test]
    fn limits_that_cannot_be_meant_are_refused() {
        let nan = f64::NAN;
        for (limits, fault) in [
            ((nan, 90.0), "must be above 0 and at most 100, not NaN"),
            ((80.0, nan), "must be above 0 and at most 100, not NaN"),
            ((0.0, 90.0), "must be above 0 and at most 100, not 0"),
            ((80.0, -1.0), "must be above 0 and at most 100, not -1"),
            ((80.0, 100.5), "must be above 0 and at most 100, not 100.5"),
            (
                (f64::INFINITY, 90.0),
                "must be above 0 and at most 100, not inf",
            ),
            (
                (95.0, 90.0),
                "warns at 95, which is beyond its failure at 90",
            ),
        ] {
            let error = Limits::above("fds", "percent", limits, 100.0).unwrap_err();
            let expected = format!("indicator \"fds\": percent {fault}");
            assert_eq!(error.to_string(), expected);
        }
        let error = Limits::below("disk", "free_percent", (5.0, 10.0), 100.0).unwrap_err();
        let fault = "warns at 5, which is beyond its failure at 10";
        assert_eq!(
            error.to_string(),
            format!("indicator \"disk\": free_percent {fault}")
        );
        let error = Limits::above("x", "y", (0.0, 1.0), f64::INFINITY).unwrap_err();
        assert!(error.to_string().ends_with("y must be above 0, not 0"));
        assert!(Limits::above("x", "y", (90.0, 90.0), 100.0).is_ok());
    }
}
