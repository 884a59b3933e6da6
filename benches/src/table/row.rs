//! One row: what was measured, beside what, and whether that is good enough.

use std::fmt::Display;

use super::format::{nanoseconds, number, signed, times, times_between, with_unit};
use super::verdict::Verdict;
use crate::timing::Spread;

/// One comparison.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    ours: String,
    other: String,
    relation: String,
    target: String,
    verdict: Option<Verdict>,
}

/// Something measured of somebody.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a, T>(pub &'a str, pub T);

impl Row {
    /// A ratio of two times, and at most how much it should be.
    pub fn time(
        what: impl Into<String>,
        ours: Spread,
        other: Of<'_, Spread>,
        ratio: Spread,
        at_most: Option<f64>,
    ) -> Self {
        Self::note(what, nanoseconds(ours.median))
            .beside(other.0, nanoseconds(other.1.median))
            .related(times_between(ratio))
            .judged(ratio.median, at_most, at_most_times)
    }

    /// A ratio of two numbers that were measured several times.
    pub fn measured(
        what: impl Into<String>,
        unit: &str,
        ours: Spread,
        other: Of<'_, Spread>,
        ratio: Spread,
        at_most: Option<f64>,
    ) -> Self {
        Self::note(what, with_unit(ours.median, unit))
            .beside(other.0, with_unit(other.1.median, unit))
            .related(times_between(ratio))
            .judged(ratio.median, at_most, at_most_times)
    }

    /// A ratio of two numbers.
    pub fn ratio(
        what: impl Into<String>,
        unit: &str,
        ours: f64,
        other: Of<'_, f64>,
        at_most: Option<f64>,
    ) -> Self {
        let ratio = ours / other.1;
        Self::pair(what, unit, ours, other)
            .related(times(ratio))
            .judged(ratio, at_most, at_most_times)
    }

    /// What is more or less than the other has.
    pub fn difference(
        what: impl Into<String>,
        unit: &str,
        ours: f64,
        other: Of<'_, f64>,
        at_most: Option<f64>,
    ) -> Self {
        let difference = ours - other.1;
        Self::pair(what, unit, ours, other)
            .related(signed(difference))
            .judged(difference, at_most, |most| format!("≤ {}", signed(most)))
    }

    /// A number that is judged by itself, and another to compare it with.
    pub fn versus(
        what: impl Into<String>,
        unit: &str,
        ours: f64,
        other: Of<'_, f64>,
        at_most: Option<f64>,
    ) -> Self {
        Self::number(what, unit, ours, at_most).beside(other.0, with_unit(other.1, unit))
    }

    /// A number that has nothing beside it.
    pub fn number(what: impl Into<String>, unit: &str, ours: f64, at_most: Option<f64>) -> Self {
        Self::note(what, with_unit(ours, unit)).judged(ours, at_most, at_most_of(unit))
    }

    /// A time that has nothing beside it.
    pub fn duration(what: impl Into<String>, ours: Spread) -> Self {
        let [low, median, high] = [ours.low, ours.median, ours.high].map(nanoseconds);
        Self::note(what, median).related(format!("{low}–{high}"))
    }

    /// A median, and the largest of all, which is what is judged.
    pub fn worst(
        what: impl Into<String>,
        unit: &str,
        median: f64,
        most: f64,
        at_most: f64,
    ) -> Self {
        let most_of_all = with_unit(most, unit);
        Self::note(
            what,
            format!("median {}, max {most_of_all}", number(median)),
        )
        .judged(most, Some(at_most), at_most_of(unit))
    }

    /// What happened, and whether it should have.
    pub fn outcome(what: impl Into<String>, ours: impl Display, good: Option<bool>) -> Self {
        Self {
            verdict: good.map(Verdict::of),
            ..Self::note(what, ours.to_string())
        }
    }

    /// Something to say in place of a result.
    pub fn note(what: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ours: text.into(),
            other: String::new(),
            relation: String::new(),
            target: String::new(),
            verdict: None,
        }
    }

    fn pair(what: impl Into<String>, unit: &str, ours: f64, other: Of<'_, f64>) -> Self {
        Self::note(what, with_unit(ours, unit)).beside(other.0, with_unit(other.1, unit))
    }

    fn beside(self, name: &str, value: String) -> Self {
        let other = format!("{name}: {value}");
        Self { other, ..self }
    }

    fn related(self, relation: String) -> Self {
        Self { relation, ..self }
    }

    fn judged(self, value: f64, at_most: Option<f64>, target: impl Fn(f64) -> String) -> Self {
        let Some(most) = at_most else { return self };
        Self {
            target: target(most),
            verdict: Some(Verdict::at_most(most, value)),
            ..self
        }
    }

    pub(super) fn cells(&self) -> [&str; 6] {
        [
            &self.what,
            &self.ours,
            &self.other,
            &self.relation,
            &self.target,
            self.verdict.map_or("", Verdict::text),
        ]
    }

    /// Whether it has a target.
    pub fn is_judged(&self) -> bool {
        self.verdict.is_some()
    }

    /// Whether it has a target and misses it.
    pub fn is_short(&self) -> bool {
        self.verdict == Some(Verdict::Short)
    }
}

fn at_most_times(most: f64) -> String {
    format!("≤ {most} ×")
}

fn at_most_of(unit: &str) -> impl Fn(f64) -> String {
    move |most| format!("≤ {}", with_unit(most, unit))
}
