//! The form of a question: what is asked of a stack, what is measured of it, and how much it may be.

use crate::ask::Ask;
use crate::catalogue::{
    AXUM_HEALTH, BARE, FRESH, IDENTITY, INSIDE, OUTSIDE, SATURATED, Spec, stack,
};

pub(super) struct Question {
    pub(super) stack: &'static str,
    pub(super) ask: Ask,
    pub(super) title: &'static str,
    /// File and title, if times are plotted.
    pub(super) plot: Option<(&'static str, &'static str)>,
    targets: &'static [Target],
}

/// At most so much more, or so many times as much, as another.
pub(super) struct Target {
    measure: Measure,
    ours: &'static str,
    other: &'static str,
    at_most: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Allocations,
    Bytes,
    Instructions,
    Time,
}

use Measure::{Allocations, Bytes, Instructions, Time};

pub(super) const fn target(
    measure: Measure,
    ours: &'static str,
    other: &'static str,
    at_most: f64,
) -> Target {
    Target {
        measure,
        ours,
        other,
        at_most,
    }
}

impl Question {
    pub(super) const fn new(stack: &'static str, ask: Ask, title: &'static str) -> Self {
        Self {
            stack,
            ask,
            title,
            plot: None,
            targets: &[],
        }
    }

    pub(super) const fn targets(mut self, targets: &'static [Target]) -> Self {
        self.targets = targets;
        self
    }

    pub(super) const fn plot(mut self, file: &'static str, title: &'static str) -> Self {
        self.plot = Some((file, title));
        self
    }

    /// Whom it is asked.
    pub(super) fn specs(&self) -> Vec<Spec> {
        let mut specs = stack(self.stack);
        specs.retain(|spec| self.can_answer(spec.name));
        specs
    }

    /// A control has no probes inside axum: it would answer 404.
    fn can_answer(&self, name: &str) -> bool {
        let is_probe = matches!(self.ask, Ask::Livez | Ask::Readyz);
        let has_none = matches!(self.stack, OUTSIDE | INSIDE) && matches!(name, BARE | IDENTITY);
        // It stands among the routes, which is where people put it.
        let elsewhere = self.stack == INSIDE && name == AXUM_HEALTH;
        !is_probe || !(has_none || elsewhere)
    }

    pub(super) fn measures(&self) -> &'static [Measure] {
        match self.stack {
            SATURATED => &[Time],
            // Under valgrind a thousand checks take minutes.
            FRESH => &[Time, Allocations, Bytes],
            _ => &[Time, Instructions, Allocations, Bytes],
        }
    }

    pub(super) fn at_most(&self, measure: Measure, ours: &str, other: &str) -> Option<f64> {
        let mut targets = self.targets.iter();
        let target = targets.find(|target| {
            target.measure == measure && target.ours == ours && target.other == other
        });
        target.map(|target| target.at_most)
    }
}
