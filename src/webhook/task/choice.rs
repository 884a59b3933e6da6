//! Which changes are posted.

use crate::catch::catch_panic;
use crate::{Probe, Subject, Transition};

type Filter = Box<dyn Fn(&Transition) -> bool + Send + Sync>;

/// Which changes are posted, whatever their status.
#[derive(Default)]
pub(in crate::webhook) struct Choice {
    pub(in crate::webhook) probes: Vec<Probe>,
    pub(in crate::webhook) checks: Vec<String>,
    pub(in crate::webhook) filter: Option<Filter>,
    pub(in crate::webhook) drains: bool,
}

impl Choice {
    pub(super) fn contains(&self, change: &Transition) -> bool {
        let is_chosen = match &change.subject {
            _ if self.probes.is_empty() && self.checks.is_empty() => true,
            Subject::Probe(probe) => self.probes.contains(probe),
            Subject::Check { name, .. } => self.checks.contains(name),
        };
        let passes = |filter: &Filter| catch_panic(|| filter(change)).unwrap_or(true);
        is_chosen && self.filter.as_ref().is_none_or(passes)
    }
}
