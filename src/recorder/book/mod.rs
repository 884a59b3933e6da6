//! What is in memory and what of it is in the database: minutes and transitions that are to be
//! written.
//!
//! The refresher keeps the latest minutes and transitions. The book compares them with what was
//! written before.

mod incarnations;
mod minutes;
mod transitions;

use std::collections::HashMap;

use self::incarnations::Incarnations;
use self::minutes::Minutes;
use self::transitions::Changes;
use crate::{HistoryReader, RunBucket, Subject, Transition};

/// How many rows one transaction writes, so that a long backlog gets through in parts.
const BATCH: usize = 1_000;

/// Everything that one recorder has to write.
///
/// Its size is bounded by that of the history in memory.
#[derive(Debug)]
pub(super) struct Book {
    minutes: HashMap<Subject, Minutes>,
    changes: HashMap<Subject, Changes>,
    incarnations: Incarnations,
    /// How many transitions of a subject wait.
    most_changes: usize,
    /// The number of the transition that is read next.
    next_transition: u64,
    /// Those before this are counted where they left the memory unread; `None` before the first look.
    looked_until: Option<u64>,
    /// What left the memory before it was written.
    pub(super) lost: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) minutes: u64,
    pub(super) transitions: u64,
}

/// Rows to be written in one transaction, all as one process of the database.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) incarnation: u32,
    /// The id in the database; `None` if it is to be registered.
    pub(super) process: Option<i64>,
    pub(super) minutes: Vec<(Subject, RunBucket)>,
    pub(super) changes: Vec<Change>,
}

#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) ordinal: i64,
    pub(super) transition: Transition,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.minutes.is_empty() && self.changes.is_empty()
    }
}

impl Book {
    pub(super) fn new(most_changes: usize) -> Self {
        Self {
            minutes: HashMap::new(),
            changes: HashMap::new(),
            incarnations: Incarnations::default(),
            most_changes,
            next_transition: 0,
            looked_until: None,
            lost: Counts::default(),
        }
    }

    /// Notes what has happened since the last call.
    pub(super) fn read(&mut self, history: &HistoryReader) {
        let checks = history.checks();
        let present: HashMap<_, _> = checks
            .into_iter()
            .filter_map(|check| history.runs(&check).map(|runs| (check, runs)))
            .collect();
        for (check, runs) in &present {
            let minutes = self.minutes.entry(check.clone());
            let first = self.incarnations.first();
            let minutes = minutes.or_insert_with(|| Minutes::new(first));
            self.lost.minutes += minutes.read(runs.registration(), runs.minutes());
            self.incarnations.note(minutes.incarnation());
        }
        self.forget_removed(|check| present.contains_key(check));
        self.read_transitions(history.transitions_from(self.next_transition));
    }

    /// Drops the checks that are gone, once all they left is written. One of the same name that
    /// comes later counts from 0 again, so it must not go on in rows that are there.
    fn forget_removed(&mut self, is_present: impl Fn(&Subject) -> bool) {
        let before = self.minutes.len();
        self.minutes
            .retain(|check, minutes| is_present(check) || minutes.has_unwritten());
        if self.minutes.len() < before {
            self.incarnations.begin_another();
        }
    }

    /// Takes over transitions that are new in memory, each with its number.
    fn read_transitions(&mut self, transitions: Vec<(u64, Transition)>) {
        self.changes.retain(|_, changes| changes.has_unwritten());
        let end = transitions.last().map(|(number, _)| number + 1);
        let end = end.unwrap_or(self.next_transition);
        if let Some(start) = self.looked_until {
            let unread = transitions.iter().filter(|(number, _)| *number >= start);
            self.lost.transitions += end.saturating_sub(start + unread.count() as u64);
        }
        self.looked_until = self.looked_until.max(Some(end));
        self.next_transition = end;
        let first = self.incarnations.first();
        for (number, transition) in transitions {
            let changes = self.changes.entry(transition.subject.clone());
            let changes = changes.or_insert_with(|| Changes::new(first));
            changes.read(number, transition);
        }
        let changes = self.changes.values_mut();
        let excess = changes.map(|changes| changes.make_room(self.most_changes));
        self.lost.transitions += excess.sum::<u64>();
    }

    /// Returns what is to be written next; it may be empty.
    pub(super) fn next_batch(&self) -> Batch {
        let minutes = self.minutes.values().filter_map(Minutes::next_incarnation);
        let changes = self.changes.values().filter_map(Changes::next_incarnation);
        let next = minutes.chain(changes).min();
        let incarnation = next.unwrap_or(self.incarnations.latest());
        let mut batch = Batch {
            incarnation,
            process: self.incarnations.process(incarnation),
            ..Batch::default()
        };
        for (check, minutes) in &self.minutes {
            let room = BATCH.saturating_sub(batch.minutes.len());
            let unwritten = minutes.unwritten(incarnation).take(room);
            let unwritten = unwritten.map(|minute| (check.clone(), minute));
            batch.minutes.extend(unwritten);
        }
        for changes in self.changes.values() {
            let room = BATCH.saturating_sub(batch.changes.len());
            let unwritten = changes.unwritten(incarnation).take(room);
            batch.changes.extend(unwritten);
        }
        batch
    }

    /// Notes that the database knows an incarnation as this process.
    pub(super) fn registered(&mut self, incarnation: u32, process: i64) {
        self.incarnations.set_process(incarnation, process);
    }

    /// Notes that a batch is in the database.
    pub(super) fn written(&mut self, batch: &Batch) {
        for (check, minute) in &batch.minutes {
            if let Some(minutes) = self.minutes.get_mut(check) {
                minutes.written(minute);
            }
        }
        for change in &batch.changes {
            if let Some(changes) = self.changes.get_mut(&change.transition.subject) {
                changes.written(change.ordinal);
            }
        }
        self.prune();
    }

    /// Notes that a batch may be in the database: its transaction was about to be committed when the
    /// connection failed.
    pub(super) fn in_doubt(&mut self, batch: &Batch) {
        for (check, minute) in &batch.minutes {
            if let Some(minutes) = self.minutes.get_mut(check) {
                minutes.in_doubt(minute);
            }
        }
        for change in &batch.changes {
            if let Some(changes) = self.changes.get_mut(&change.transition.subject) {
                changes.in_doubt(change.ordinal);
            }
        }
    }

    /// Notes that the database has rolled up all minutes of a process, and knows it no more. What
    /// it never saw is written as another one.
    pub(super) fn closed(&mut self, incarnation: u32) {
        let another = self.incarnations.begin_another();
        for minutes in self.minutes.values_mut() {
            self.lost.minutes += minutes.move_to(incarnation, another);
        }
        for changes in self.changes.values_mut() {
            self.lost.transitions += changes.move_to(incarnation, another);
        }
        self.prune();
    }

    /// Notes that nothing is written: this is another database.
    pub(super) fn database_is_new(&mut self) {
        self.incarnations.forget_processes();
        self.minutes.values_mut().for_each(Minutes::nothing_written);
        self.changes.values_mut().for_each(Changes::nothing_written);
        // What is still in memory is read again.
        self.next_transition = 0;
    }

    /// Forgets the incarnations that nothing belongs to any more.
    fn prune(&mut self) {
        let minutes = self.minutes.values().flat_map(Minutes::incarnations);
        let changes = self.changes.values().flat_map(Changes::incarnations);
        let used: Vec<_> = minutes.chain(changes).collect();
        self.incarnations
            .retain(|incarnation| used.contains(&incarnation));
    }
}

#[cfg(test)]
mod tests;
