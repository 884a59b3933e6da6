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
