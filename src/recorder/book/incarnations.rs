//! As which processes this one writes.
//!
//! Usually it is one. Another begins when a minute comes that has the time of one that was written
//! already, and is not the same: the clock was set back, or a check was removed and added again.
//! The rows of both stay, and count once each.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Incarnations {
    /// The ids in the database; `None` before they are registered.
    processes: BTreeMap<u32, Option<i64>>,
    /// That of a check which appears.
    first: u32,
}

impl Default for Incarnations {
    fn default() -> Self {
        Self {
            processes: BTreeMap::from([(0, None)]),
            first: 0,
        }
    }
}

impl Incarnations {
    pub(super) fn first(&self) -> u32 {
        self.first
    }

    pub(super) fn latest(&self) -> u32 {
        self.processes.keys().next_back().copied().unwrap_or(0)
    }

    /// Returns a number that nothing was written with yet.
    pub(super) fn begin_another(&mut self) -> u32 {
        self.first = self.latest() + 1;
        self.note(self.first);
        self.first
    }

    /// Notes a number in use.
    pub(super) fn note(&mut self, incarnation: u32) {
        self.processes.entry(incarnation).or_default();
    }

    pub(super) fn process(&self, incarnation: u32) -> Option<i64> {
        self.processes.get(&incarnation).copied().flatten()
    }

    pub(super) fn set_process(&mut self, incarnation: u32, process: i64) {
        self.processes.insert(incarnation, Some(process));
    }

    pub(super) fn forget_processes(&mut self) {
        self.processes
            .values_mut()
            .for_each(|process| *process = None);
    }

    pub(super) fn retain(&mut self, is_used: impl Fn(u32) -> bool) {
        let (first, latest) = (self.first, self.latest());
        self.processes
            .retain(|number, _| *number == first || *number == latest || is_used(*number));
    }
}
