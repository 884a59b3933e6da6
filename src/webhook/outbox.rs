//! The messages that wait to be delivered.
//!
//! It is plain data: the time is an argument. What does not fit is summed up with a message of the
//! same check or probe, or dropped; both are counted.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use crate::{Status, Subject, Transition};

/// From how many checks and probes on those of which there is nothing to remember are forgotten.
const MANY_SUBJECTS: usize = 1_024;

/// How many are remembered at most, beside those with messages. Only checks that were removed while
/// they failed can be so many.
const MOST_SUBJECTS: usize = 16 * MANY_SUBJECTS;

/// What the outbox needs to know of the settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The least status that is trouble.
    pub(super) min_status: Status,
    pub(super) recoveries: bool,
    /// The least time between two messages about the same subject.
    pub(super) throttle: Duration,
    /// How many messages can wait.
    pub(super) capacity: usize,
}

#[derive(Debug)]
pub(super) struct Outbox {
    rules: Rules,
    subjects: HashMap<Subject, Waiting>,
    /// The subjects with messages, in the order of their turns.
    turns: VecDeque<Subject>,
    /// How many messages wait.
    len: usize,
    next_number: u64,
    /// How many changes were dropped that no message has told.
    untold: u64,
    dropped: u64,
    summed_up: u64,
    /// Whether no message is held back any more.
    is_hurried: bool,
}

/// What is known of one subject.
#[derive(Debug, Default)]
struct Waiting {
    /// The messages, oldest first.
    messages: VecDeque<Message>,
    /// When the latest message was taken.
    sent_at: Option<Instant>,
    /// The latest status.
    last: Option<Status>,
    /// Whether the latest change that was accepted is trouble.
    in_trouble: bool,
}

/// One message: a change, or several in a row that are summed up.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) number: u64,
    pub(super) latest: Transition,
    pub(super) from: Option<Status>,
    pub(super) changes: u64,
    pub(super) since: SystemTime,
    pub(super) worst: Transition,
    pub(super) is_recovery: bool,
    /// How many changes were lost before it.
    pub(super) dropped: u64,
    /// When the first attempt to deliver it began.
    pub(super) tried_at: Option<Instant>,
    /// Whether an attempt has failed, so that nothing holds it back but the receiver.
    is_retry: bool,
}

impl Message {
    /// Adds later changes of the same subject. What is known of attempts is that of the earlier.
    fn merge(&mut self, later: Self) {
        self.changes += later.changes;
        if later.worst.to > self.worst.to {
            self.worst = later.worst;
        }
        self.latest = later.latest;
        self.is_recovery = later.is_recovery;
        // Another message than any that was sent.
        self.number = later.number;
        self.tried_at = None;
    }
}

impl Waiting {
    /// Returns when its next message may be taken; `None` if there is none, or at once.
    fn ready_at(&self, rules: &Rules, is_hurried: bool) -> Option<Instant> {
        let is_held_back = self.messages.front().is_some_and(|next| !next.is_retry);
        let sent_at = self.sent_at.filter(|_| is_held_back && !is_hurried)?;
        Some(sent_at + rules.throttle)
    }

    fn is_idle(&self, rules: &Rules, now: Instant) -> bool {
        let is_throttled = self.sent_at.is_some_and(|at| at + rules.throttle > now);
        self.messages.is_empty() && !self.in_trouble && !is_throttled
    }
}

impl Outbox {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            subjects: HashMap::new(),
            turns: VecDeque::new(),
            len: 0,
            next_number: 1,
            untold: 0,
            dropped: 0,
            summed_up: 0,
            is_hurried: false,
        }
    }

    /// Adds a change. One that is no trouble only counts if the subject was in trouble before.
    pub(super) fn add(&mut self, change: Transition, now: Instant) {
        self.forget_idle(now);
        let is_trouble = change.to >= self.rules.min_status;
        let subject = change.subject.clone();
        let known = self.subjects.entry(subject.clone()).or_default();
        known.last = Some(change.to);
        let was_in_trouble = std::mem::replace(&mut known.in_trouble, is_trouble);
        let is_recovery = !is_trouble && was_in_trouble && self.rules.recoveries;
        if !is_trouble && !is_recovery {
            return;
        }
        let message = Message {
            number: self.next_number,
            from: change.from,
            changes: 1,
            since: change.time,
            worst: change.clone(),
            is_recovery,
            latest: change,
            dropped: 0,
            tried_at: None,
            is_retry: false,
        };
        self.next_number += 1;
        let sums_up = !self.rules.throttle.is_zero() || self.len >= self.rules.capacity;
        if let Some(last) = known.messages.back_mut().filter(|_| sums_up) {
            last.merge(message);
            self.summed_up += 1;
            return;
        }
        if known.messages.is_empty() {
            self.turns.push_back(subject.clone());
        }
        known.messages.push_back(message);
        self.len += 1;
        if self.len > self.rules.capacity {
            self.drop_oldest();
        }
    }

    /// Notes a change that is not told although it happened.
    pub(super) fn skip(&mut self, change: &Transition) {
        let known = self.subjects.entry(change.subject.clone()).or_default();
        known.last = Some(change.to);
    }

    /// Returns the latest status of a subject that it was told of.
    pub(super) fn last(&self, subject: &Subject) -> Option<Status> {
        self.subjects.get(subject)?.last
    }

    /// Notes changes that never arrived here.
    pub(super) fn lose(&mut self, changes: u64) {
        self.dropped += changes;
        self.untold += changes;
    }

    /// Takes the next message that nothing holds back.
    pub(super) fn take(&mut self, now: Instant) -> Option<Message> {
        let is_ready = |subject: &Subject| {
            self.subjects.get(subject).is_some_and(|waiting| {
                let ready_at = waiting.ready_at(&self.rules, self.is_hurried);
                ready_at.is_none_or(|at| at <= now)
            })
        };
        let turn = self.turns.iter().position(is_ready)?;
        let subject = self.turns.remove(turn)?;
        let waiting = self.subjects.get_mut(&subject)?;
        let mut message = waiting.messages.pop_front()?;
        self.len -= 1;
        waiting.sent_at = Some(now);
        if !waiting.messages.is_empty() {
            self.turns.push_back(subject);
        }
        message.tried_at.get_or_insert(now);
        message.dropped = self.untold;
        Some(message)
    }

    /// Notes that a message was delivered.
    pub(super) fn delivered(&mut self, message: &Message) {
        self.untold = self.untold.saturating_sub(message.dropped);
    }

    /// Takes a message back that could not be delivered. Other subjects have their turns before it.
    pub(super) fn put_back(&mut self, mut message: Message) {
        message.is_retry = true;
        let subject = message.latest.subject.clone();
        let waiting = self.subjects.entry(subject.clone()).or_default();
        let sums_up = !self.rules.throttle.is_zero() || self.len >= self.rules.capacity;
        if let Some(later) = waiting.messages.pop_front() {
            if sums_up {
                message.merge(later);
                self.summed_up += 1;
                self.len -= 1;
            } else {
                waiting.messages.push_front(later);
            }
            self.turns.retain(|other| *other != subject);
        }
        waiting.messages.push_front(message);
        self.turns.push_back(subject);
        self.len += 1;
        if self.len > self.rules.capacity {
            self.drop_oldest();
        }
    }

    /// Notes that a message will never be delivered.
    pub(super) fn give_up(&mut self, message: &Message) {
        self.lose(message.changes);
    }

    /// Drops the message whose turn is next.
    fn drop_oldest(&mut self) {
        let Some(subject) = self.turns.pop_front() else {
            return;
        };
        let Some(waiting) = self.subjects.get_mut(&subject) else {
            return;
        };
        let oldest = waiting.messages.pop_front();
        if !waiting.messages.is_empty() {
            self.turns.push_front(subject);
        }
        if let Some(oldest) = oldest {
            self.len -= 1;
            self.lose(oldest.changes);
        }
    }

    /// Sets whether messages are held back no longer.
    pub(super) fn hurry(&mut self, is_hurried: bool) {
        self.is_hurried = is_hurried;
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.is_hurried
    }

    /// Drops all messages.
    pub(super) fn clear(&mut self) {
        while self.len > 0 && !self.turns.is_empty() {
            self.drop_oldest();
        }
    }

    /// Returns when the next message may be taken; `None` if none waits.
    pub(super) fn next_at(&self, now: Instant) -> Option<Instant> {
        let waiting = self.turns.iter().filter_map(|turn| self.subjects.get(turn));
        let ready_at = waiting.map(|waiting| {
            let ready_at = waiting.ready_at(&self.rules, self.is_hurried);
            ready_at.unwrap_or(now)
        });
        ready_at.min()
    }

    /// Returns how many messages wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns how many changes were dropped, and how many summed up with an earlier one.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.dropped, self.summed_up)
    }

    fn forget_idle(&mut self, now: Instant) {
        if self.subjects.len() >= MANY_SUBJECTS && self.subjects.len().is_power_of_two() {
            let rules = self.rules;
            self.subjects
                .retain(|_, waiting| !waiting.is_idle(&rules, now));
        }
        if self.subjects.len() >= MOST_SUBJECTS {
            self.subjects
                .retain(|_, waiting| !waiting.messages.is_empty());
        }
    }
}

#[cfg(test)]
mod tests;
