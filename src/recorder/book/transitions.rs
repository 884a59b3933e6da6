//! The transitions of a check or a probe that are to be written, each with its number in the history
//! in memory.

use std::collections::VecDeque;

use super::Change;
use crate::Transition;

/// To what length in bytes a reason is cut.
const TEXT: usize = 1024;

#[derive(Debug)]
pub(super) struct Changes {
    /// In the order of their numbers.
    waiting: VecDeque<Waiting>,
    incarnation: u32,
}

#[derive(Debug)]
struct Waiting {
    change: Change,
    incarnation: u32,
    is_in_doubt: bool,
}

impl Changes {
    pub(super) fn new(incarnation: u32) -> Self {
        Self {
            waiting: VecDeque::new(),
            incarnation,
        }
    }

    /// Takes over a transition, unless it waits already.
    pub(super) fn read(&mut self, number: u64, mut transition: Transition) {
        let ordinal = i64::try_from(number).unwrap_or(i64::MAX);
        let place = self
            .waiting
            .binary_search_by_key(&ordinal, |waiting| waiting.change.ordinal);
        let Err(place) = place else { return };
        transition.output = transition.output.map(cut);
        let waiting = Waiting {
            change: Change {
                ordinal,
                transition,
            },
            incarnation: self.incarnation,
            is_in_doubt: false,
        };
        self.waiting.insert(place, waiting);
    }

    /// Drops the oldest beyond this many, and returns how many these are.
    pub(super) fn make_room(&mut self, most: usize) -> u64 {
        let excess = self.waiting.len().saturating_sub(most);
        self.waiting.drain(..excess);
        excess as u64
    }

    pub(super) fn incarnations(&self) -> impl Iterator<Item = u32> {
        let waiting = self.waiting.iter().map(|waiting| waiting.incarnation);
        waiting.chain([self.incarnation])
    }

    pub(super) fn has_unwritten(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn next_incarnation(&self) -> Option<u32> {
        self.waiting.iter().map(|waiting| waiting.incarnation).min()
    }

    pub(super) fn unwritten(&self, incarnation: u32) -> impl Iterator<Item = Change> {
        let waiting = self.waiting.iter();
        let waiting = waiting.filter(move |waiting| waiting.incarnation == incarnation);
        waiting.map(|waiting| waiting.change.clone())
    }

    pub(super) fn written(&mut self, ordinal: i64) {
        self.waiting
            .retain(|waiting| waiting.change.ordinal != ordinal);
    }

    pub(super) fn in_doubt(&mut self, ordinal: i64) {
        let mut waiting = self.waiting.iter_mut();
        if let Some(waiting) = waiting.find(|waiting| waiting.change.ordinal == ordinal) {
            waiting.is_in_doubt = true;
        }
    }

    /// Gives what was never written to another incarnation, and returns how many may be written or
    /// not.
    pub(super) fn move_to(&mut self, from: u32, to: u32) -> u64 {
        let before = self.waiting.len();
        self.waiting
            .retain(|waiting| waiting.incarnation != from || !waiting.is_in_doubt);
        let moved = self.waiting.iter_mut();
        for waiting in moved.filter(|waiting| waiting.incarnation == from) {
            waiting.incarnation = to;
        }
        self.incarnation = self.incarnation.max(to);
        (before - self.waiting.len()) as u64
    }

    /// What waits is new to another database.
    pub(super) fn nothing_written(&mut self) {
        let waiting = self.waiting.iter_mut();
        waiting.for_each(|waiting| waiting.is_in_doubt = false);
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT {
        let end = (0..=TEXT).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::recorder::columns::at_seconds;
    use crate::{Probe, Status, Subject};

    /// One whose reason is a number.
    fn transition(number: u64) -> Transition {
        Transition {
            subject: Subject::Probe(Probe::Readiness),
            from: Some(Status::Pass),
            to: Status::Fail,
            output: Some(number.to_string()),
            cause: None,
            // A clock that stands still.
            time: at_seconds(1_700_000_000),
            duration: None,
            consecutive_failures: 0,
            lateness: Duration::ZERO,
        }
    }

    fn read(changes: &mut Changes, numbers: std::ops::Range<u64>) -> u64 {
        numbers.for_each(|number| changes.read(number, transition(number)));
        changes.make_room(5)
    }

    fn waiting(changes: &Changes, incarnation: u32) -> Vec<(i64, String)> {
        let unwritten = changes.unwritten(incarnation);
        unwritten
            .map(|change| (change.ordinal, change.transition.output.unwrap_or_default()))
            .collect()
    }

    fn numbered(numbers: &[(i64, u64)]) -> Vec<(i64, String)> {
        let numbers = numbers.iter();
        numbers
            .map(|(ordinal, number)| (*ordinal, number.to_string()))
            .collect()
    }

    #[test]
    fn a_transition_that_is_read_again_waits_once() {
        let mut changes = Changes::new(0);
        read(&mut changes, 2..4);
        changes.written(3);
        read(&mut changes, 0..4);
        let expected = numbered(&[(0, 0), (1, 1), (2, 2), (3, 3)]);
        assert_eq!(waiting(&changes, 0), expected);
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let mut changes = Changes::new(0);
        assert_eq!(read(&mut changes, 0..5), 0);
        assert_eq!(read(&mut changes, 3..8), 3);
        let left: Vec<_> = waiting(&changes, 0)
            .into_iter()
            .map(|(ordinal, _)| ordinal)
            .collect();
        assert_eq!(left, [3, 4, 5, 6, 7]);
    }

    #[test]
    fn what_the_database_may_have_is_not_written_as_another_process() {
        let mut changes = Changes::new(0);
        read(&mut changes, 0..3);
        changes.in_doubt(1);
        assert_eq!(changes.move_to(0, 1), 1);
        assert_eq!(waiting(&changes, 1), numbered(&[(0, 0), (2, 2)]));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut long = transition(0);
        long.output = Some(format!("x{}", "ä".repeat(TEXT)));
        let mut changes = Changes::new(0);
        changes.read(0, long);
        assert_eq!(waiting(&changes, 0)[0].1.len(), TEXT - 1);
    }
}
