//! Permits for what strangers hold open: a number in all, and a number for each peer that is known.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Identifies a peer by the hash of what the application knows about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer(u64);

/// Identifies the peers of a health. A peer is the same one through whatever layer it comes.
///
/// The keys are random, so that nobody can find a peer with the hash of another.
#[derive(Debug, Default)]
pub(crate) struct Peers(RandomState);

impl Peers {
    /// Returns the peer that is known by this key.
    pub(crate) fn of(&self, key: &impl Hash) -> Peer {
        Peer(self.0.hash_one(key))
    }
}

/// Counts the permits that are taken.
#[derive(Debug)]
pub(crate) struct Permits {
    taken: AtomicUsize,
    most: usize,
    most_per_peer: usize,
    /// Never locked for a caller whose peer is not asked for. It has an entry only for a peer that
    /// holds a permit.
    by_peer: Mutex<HashMap<Peer, usize>>,
}

/// A permit that is taken. It is given back on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    permits: Arc<Permits>,
    peer: Option<Peer>,
}

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    InAll,
    ForPeer,
}

impl Permits {
    pub(crate) fn new(most: usize, most_per_peer: usize) -> Arc<Self> {
        Arc::new(Self {
            taken: AtomicUsize::new(0),
            most,
            most_per_peer,
            by_peer: Mutex::default(),
        })
    }

    /// Takes a permit. Without a peer, only the number in all counts.
    pub(crate) fn take(self: &Arc<Self>, peer: Option<Peer>) -> Result<Permit, Full> {
        if let Some(peer) = peer {
            self.count(peer)?;
        }
        let one_more = |taken: usize| (taken < self.most).then_some(taken + 1);
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        if taken.is_err() {
            peer.into_iter().for_each(|peer| self.uncount(peer));
            return Err(Full::InAll);
        }
        Ok(Permit {
            permits: Arc::clone(self),
            peer,
        })
    }

    fn count(&self, peer: Peer) -> Result<(), Full> {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = by_peer.entry(peer).or_default();
        if *taken == self.most_per_peer {
            return Err(Full::ForPeer);
        }
        *taken += 1;
        Ok(())
    }

    fn uncount(&self, peer: Peer) {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut taken) = by_peer.entry(peer) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(peer) = self.peer {
            self.permits.uncount(peer);
        }
        self.permits.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_gives_one_permit_back_still_holds_the_others() {
        let permits = Permits::new(9, 2);
        let peer = Some(Peer(1));
        let _kept = permits.take(peer).expect("a permit");
        drop(permits.take(peer).expect("a permit"));
        let _again = permits.take(peer).expect("a permit");
        assert_eq!(permits.take(peer).expect_err("no permit"), Full::ForPeer);
    }

    #[test]
    fn a_peer_is_forgotten_with_its_last_permit() {
        let permits = Permits::new(3, 2);
        let (one, other) = (Some(Peer(1)), Some(Peer(2)));
        let first = permits.take(one).expect("a permit");
        let second = permits.take(one).expect("a permit");
        assert_eq!(permits.take(one).expect_err("no permit"), Full::ForPeer);
        let third = permits.take(other).expect("a permit");
        assert_eq!(permits.take(other).expect_err("no permit"), Full::InAll);
        assert_eq!(permits.take(None).expect_err("no permit"), Full::InAll);

        drop((first, second, third));
        assert_eq!(permits.taken.load(Ordering::Relaxed), 0);
        assert!(permits.by_peer.lock().expect("no panic").is_empty());
    }
}
