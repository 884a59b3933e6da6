//! The latest transitions of each check and probe.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Limits, Subject, Transition};

/// One ring for each check and each probe, so that one that flaps replaces only its own
/// transitions.
#[derive(Debug)]
pub(super) struct Transitions {
    rings: Mutex<Rings>,
    most: usize,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Rings {
    /// The transitions of all rings by their number, so that they can be listed in order.
    all: BTreeMap<u64, Arc<Transition>>,
    rings: HashMap<Subject, Ring>,
    next_number: u64,
}

/// The numbers of the transitions of one check or probe, oldest first.
#[derive(Debug, Default)]
struct Ring {
    numbers: VecDeque<u64>,
    /// The length of their texts.
    bytes: usize,
}

impl Transitions {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            rings: Mutex::default(),
            most: limits.history_per_check,
            most_bytes: limits.history_bytes_per_check,
        }
    }

    pub(super) fn add(&self, transition: Transition) {
        let mut rings = self.lock();
        let Rings {
            all,
            rings,
            next_number,
        } = &mut *rings;
        let ring = rings.entry(transition.subject.clone()).or_default();
        ring.numbers.push_back(*next_number);
        ring.bytes += text_bytes(&transition);
        all.insert(*next_number, Arc::new(transition));
        *next_number += 1;
        while ring.numbers.len() > self.most
            || (ring.bytes > self.most_bytes && ring.numbers.len() > 1)
        {
            let oldest = ring.numbers.pop_front();
            let oldest = oldest.and_then(|number| all.remove(&number));
            ring.bytes -= oldest.map_or(0, |oldest| text_bytes(&oldest));
        }
    }

    /// Forgets the transitions of a check that was removed.
    pub(super) fn forget(&self, subject: &Subject) {
        let mut rings = self.lock();
        let ring = rings.rings.remove(subject);
        for number in ring.into_iter().flat_map(|ring| ring.numbers) {
            rings.all.remove(&number);
        }
    }

    /// Returns the transitions, oldest first.
    pub(super) fn all(&self) -> Vec<Transition> {
        // Texts are copied without the lock, so that the refresher does not wait for that.
        let all: Vec<_> = self.lock().all.values().cloned().collect();
        all.into_iter().map(Arc::unwrap_or_clone).collect()
    }

    /// Returns the transitions from a number on, oldest first.
    pub(super) fn since(&self, number: u64) -> Vec<(u64, Transition)> {
        let numbered: Vec<_> = {
            let rings = self.lock();
            let from = rings.all.range(number..);
            from.map(|(number, transition)| (*number, Arc::clone(transition)))
                .collect()
        };
        let numbered = numbered.into_iter();
        numbered
            .map(|(number, transition)| (number, Arc::unwrap_or_clone(transition)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Rings> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text_bytes(transition: &Transition) -> usize {
    transition.output.as_ref().map_or(0, String::len)
}
