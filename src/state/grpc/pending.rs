//! The calls whose request has not arrived, from the oldest to the latest.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::permits::{Full, Peer, Permit, Permits};

/// Lets a limited number of calls wait. One more takes the permit of the oldest.
///
/// The request of an honest client is late by milliseconds. If the latest call were refused instead,
/// a few hundred calls a second that never end would keep every honest one out.
///
/// The lock is held for the time of a few instructions, and no code of others runs under it.
#[derive(Debug)]
pub(crate) struct PendingCalls {
    calls: Mutex<Calls>,
    most: usize,
    by_peer: Arc<Permits>,
}

#[derive(Debug, Default)]
struct Calls {
    by_age: BTreeMap<u64, Waker>,
    next_number: u64,
}

/// A call that waits. It leaves on drop.
#[derive(Debug)]
pub(crate) struct PendingPermit {
    calls: Arc<PendingCalls>,
    number: u64,
    _share: Option<Permit>,
}

impl PendingCalls {
    pub(super) fn new(most: usize, most_per_peer: usize) -> Arc<Self> {
        Arc::new(Self {
            calls: Mutex::default(),
            most,
            by_peer: Permits::new(usize::MAX, most_per_peer),
        })
    }

    /// Takes a permit, which may end the wait of the oldest call; an error if its peer has none
    /// left.
    pub(crate) fn enter(
        self: &Arc<Self>,
        peer: Option<Peer>,
        waker: Waker,
    ) -> Result<PendingPermit, Full> {
        let share = peer.map(|peer| self.by_peer.take(Some(peer)));
        let share = share.transpose()?;
        let mut calls = self.lock();
        let number = calls.next_number;
        calls.next_number += 1;
        calls.by_age.insert(number, waker);
        let is_full = calls.by_age.len() > self.most;
        let oldest = is_full.then(|| calls.by_age.pop_first()).flatten();
        drop(calls);
        let permit = PendingPermit {
            calls: Arc::clone(self),
            number,
            _share: share,
        };
        if let Some((_, waker)) = oldest {
            waker.wake();
        }
        Ok(permit)
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingPermit {
    /// Returns whether another call took this permit. Otherwise, `waker` is woken when one does.
    pub(crate) fn is_lost(&self, mut waker: Waker) -> bool {
        // Afterwards `waker` is the earlier one, which is dropped without the lock.
        match self.calls.lock().by_age.get_mut(&self.number) {
            Some(mine) => mem::swap(mine, &mut waker),
            None => return true,
        }
        false
    }
}

impl Drop for PendingPermit {
    fn drop(&mut self) {
        let waker = self.calls.lock().by_age.remove(&self.number);
        drop(waker);
    }
}
