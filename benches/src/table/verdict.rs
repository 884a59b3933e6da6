//! Whether what was measured is good enough.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Short,
}

impl Verdict {
    pub(super) const fn of(good: bool) -> Self {
        if good { Self::Ok } else { Self::Short }
    }

    /// What is shown as equal is equal. What is not a number is not good enough.
    pub(super) fn at_most(most: f64, value: f64) -> Self {
        Self::of(value <= most + 0.005)
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Short => "SHORT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_up_to_what_is_shown_as_equal() {
        for (value, expected) in [
            (0.0, Verdict::Ok),
            (1.03, Verdict::Ok),
            (1.034, Verdict::Ok),
            (1.04, Verdict::Short),
            (f64::NAN, Verdict::Short),
            (f64::INFINITY, Verdict::Short),
        ] {
            assert_eq!(Verdict::at_most(1.03, value), expected, "{value}");
        }
    }
}
