//! The latest transitions, for whoever asks afterwards.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::model::Transition;

/// How many transitions are kept.
const KEPT: usize = 256;

/// Written by the refresher and read by the application; no probe touches it.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<VecDeque<Transition>>);

impl History {
    pub(crate) fn add(&self, transition: Transition) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(transition);
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> Vec<Transition> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }
}
