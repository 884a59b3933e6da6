//! The latest transitions, for the application.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::model::Transition;

/// How many transitions are kept.
const CAPACITY: usize = 256;

/// A ring that the refresher writes and the application reads. No probe touches it.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<VecDeque<Transition>>);

impl History {
    pub(crate) fn add(&self, transition: Transition) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == CAPACITY {
            ring.pop_front();
        }
        ring.push_back(transition);
    }

    /// Returns the transitions, oldest first.
    pub(crate) fn all(&self) -> Vec<Transition> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.iter().cloned().collect()
    }
}
