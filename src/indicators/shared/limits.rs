//! Limits for a measured value: one beyond which a check warns, one beyond which it fails.

use std::cmp::Ordering;

use super::config;

/// A value beyond `warn` warns, a value beyond `fail` fails. A value at the limit is not beyond it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// `None` if the check never warns.
    pub(crate) warn: Option<f64>,
    /// `None` if the check never fails.
    pub(crate) fail: Option<f64>,
    /// The setters of `warn` and `fail`, which a fault names.
    setters: [&'static str; 2],
    /// The side of a limit on which values are worse.
    worse: Ordering,
    /// The largest value that can occur.
    most: f64,
}

/// The limit that a value is beyond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Beyond {
    Warn(f64),
    Fail(f64),
}

impl Limits {
    /// Limits for a value that is worse when it is higher.
    pub(crate) const fn above(setters: [&'static str; 2], most: f64) -> Self {
        Self {
            warn: None,
            fail: None,
            setters,
            worse: Ordering::Greater,
            most,
        }
    }

    /// Limits for a value that is worse when it is lower.
    pub(crate) const fn below(setters: [&'static str; 2], most: f64) -> Self {
        Self {
            worse: Ordering::Less,
            ..Self::above(setters, most)
        }
    }

    pub(crate) const fn warn(mut self, limit: f64) -> Self {
        self.warn = Some(limit);
        self
    }

    pub(crate) const fn fail(mut self, limit: f64) -> Self {
        self.fail = Some(limit);
        self
    }

    /// What makes these limits useless, if anything does.
    pub(crate) fn config_error(self) -> Option<String> {
        let Self {
            warn,
            fail,
            setters,
            worse,
            most,
        } = self;
        let range_fault = |(setter, limit): (&str, Option<f64>)| {
            // NaN is in no range.
            let limit = limit.filter(|limit| !(*limit > 0.0 && *limit <= most))?;
            Some(match most.is_finite() {
                true => format!("{setter} must be above 0 and at most {most}, not {limit}"),
                false => format!("{setter} must be above 0, not {limit}"),
            })
        };
        let out_of_range = config::join(setters.into_iter().zip([warn, fail]).map(range_fault));
        if out_of_range.is_some() {
            return out_of_range;
        }
        let (warn, fail) = (warn?, fail?);
        let [warn_setter, fail_setter] = setters;
        (warn.partial_cmp(&fail) == Some(worse)).then(|| {
            format!(
                "{warn_setter} is {warn}, which is beyond {fail_setter} at {fail}: \
                 the check would never warn"
            )
        })
    }

    pub(crate) fn compare(self, value: f64) -> Option<Beyond> {
        let is_beyond = |limit: &f64| value.partial_cmp(limit) == Some(self.worse);
        let fail = self.fail.filter(is_beyond).map(Beyond::Fail);
        fail.or_else(|| self.warn.filter(is_beyond).map(Beyond::Warn))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests end where they go wrong")]
mod tests {
    use super::*;

    const ABOVE: Limits = Limits::above(["warn_above", "fail_above"], 100.0);
    const BELOW: Limits = Limits::below(["warn_below", "fail_below"], 100.0);

    #[test]
    fn a_value_beyond_a_limit_counts_and_a_value_at_it_does_not() {
        let above = ABOVE.warn(80.0).fail(90.0);
        let below = BELOW.warn(20.0).fail(10.0);
        for (value, beyond) in [
            (80.0, None),
            (80.1, Some(Beyond::Warn(80.0))),
            (90.0, Some(Beyond::Warn(80.0))),
            (90.1, Some(Beyond::Fail(90.0))),
        ] {
            assert_eq!(above.compare(value), beyond, "above: {value}");
        }
        for (value, beyond) in [
            (20.0, None),
            (19.9, Some(Beyond::Warn(20.0))),
            (10.0, Some(Beyond::Warn(20.0))),
            (9.9, Some(Beyond::Fail(10.0))),
        ] {
            assert_eq!(below.compare(value), beyond, "below: {value}");
        }
    }

    #[test]
    fn one_limit_works_without_the_other() {
        assert_eq!(ABOVE.compare(1e9), None);
        assert_eq!(ABOVE.warn(80.0).compare(99.0), Some(Beyond::Warn(80.0)));
        assert_eq!(ABOVE.fail(90.0).compare(89.0), None);
        assert_eq!(ABOVE.fail(90.0).compare(99.0), Some(Beyond::Fail(90.0)));
        for limits in [ABOVE, ABOVE.warn(80.0), ABOVE.fail(90.0)] {
            assert_eq!(limits.config_error(), None);
        }
    }

    #[test]
    fn limits_that_cannot_work_are_faults() {
        let nan = f64::NAN;
        let range = "must be above 0 and at most 100, not";
        for (warn, fail, fault) in [
            (nan, 90.0, format!("warn_above {range} NaN")),
            (80.0, nan, format!("fail_above {range} NaN")),
            (0.0, 90.0, format!("warn_above {range} 0")),
            (80.0, -1.0, format!("fail_above {range} -1")),
            (80.0, 100.5, format!("fail_above {range} 100.5")),
            (f64::INFINITY, 90.0, format!("warn_above {range} inf")),
            (
                95.0,
                90.0,
                "warn_above is 95, which is beyond fail_above at 90: the check would never warn"
                    .to_owned(),
            ),
        ] {
            assert_eq!(ABOVE.warn(warn).fail(fail).config_error(), Some(fault));
        }
        assert_eq!(
            BELOW.warn(5.0).fail(10.0).config_error().unwrap(),
            "warn_below is 5, which is beyond fail_below at 10: the check would never warn"
        );
        let endless = Limits::above(["warn_above", "fail_above"], f64::INFINITY);
        assert_eq!(
            endless.warn(0.0).fail(1.0).config_error().unwrap(),
            "warn_above must be above 0, not 0"
        );
        assert_eq!(ABOVE.warn(90.0).fail(90.0).config_error(), None);
    }
}
