//! The transitions of a check or a probe that are to be written, each with a number of its own.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Change;
use crate::Transition;

/// To what length in bytes a reason is cut.
const TEXT: usize = 1024;

#[derive(Debug)]
pub(super) struct Changes {
    /// Those that were in memory at last, each as a hash.
    seen: Vec<u64>,
    next_ordinal: i64,
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
            seen: Vec::new(),
            next_ordinal: 0,
            waiting: VecDeque::new(),
            incarnation,
        }
    }

    /// Takes over what is new in memory, oldest first. Returns how many had to make room.
    pub(super) fn read(&mut self, present: Vec<Transition>, most: usize) -> u64 {
        let hashes: Vec<_> = present.iter().map(hash).collect();
        let known = overlap(&self.seen, &hashes);
        for mut transition in present.into_iter().skip(known) {
            transition.output = transition.output.map(cut);
            let ordinal = self.next_ordinal;
            self.next_ordinal += 1;
            self.waiting.push_back(Waiting {
                change: Change {
                    ordinal,
                    transition,
                },
                incarnation: self.incarnation,
                is_in_doubt: false,
            });
        }
        self.seen = hashes;
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

    /// What is still in memory is read again.
    pub(super) fn nothing_written(&mut self) {
        self.seen.clear();
        self.waiting.clear();
    }
}

/// Returns how many of `present` were seen: the end of what was seen is the beginning of what is
/// present, since the oldest go first.
fn overlap(seen: &[u64], present: &[u64]) -> usize {
    let lengths = (0..=seen.len().min(present.len())).rev();
    let mut lengths = lengths.filter(|length| seen.ends_with(&present[..*length]));
    lengths.next().unwrap_or(0)
}

fn hash(transition: &Transition) -> u64 {
    let mut hasher = DefaultHasher::new();
    transition.time.hash(&mut hasher);
    (transition.from.map(|from| from as u8), transition.to as u8).hash(&mut hasher);
    transition.output.hash(&mut hasher);
    transition.duration.hash(&mut hasher);
    transition.consecutive_failures.hash(&mut hasher);
    hasher.finish()
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
        changes.read(numbers.map(transition).collect(), 5)
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
    fn each_transition_gets_one_number() {
        let mut changes = Changes::new(0);
        read(&mut changes, 0..2);
        read(&mut changes, 0..2);
        read(&mut changes, 1..4);
        let expected = numbered(&[(0, 0), (1, 1), (2, 2), (3, 3)]);
        assert_eq!(waiting(&changes, 0), expected);
        changes.written(1);
        assert_eq!(waiting(&changes, 0).len(), 3);
        // All that was known is gone.
        read(&mut changes, 9..10);
        assert_eq!(waiting(&changes, 0).last(), numbered(&[(4, 9)]).last());
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
        changes.read(vec![long], 5);
        assert_eq!(waiting(&changes, 0)[0].1.len(), TEXT - 1);
    }
}
