//! The open connections: how many there are, and which of them makes room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::activity::Activity;

/// The open connections of a server.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<Connections>);

#[derive(Debug, Default)]
struct Connections {
    open: HashMap<u64, Connection>,
    next: u64,
}

#[derive(Debug)]
struct Connection {
    activity: Arc<Activity>,
    task: AbortHandle,
}

/// Takes a connection off the registry when its task ends, however it does.
#[derive(Debug)]
pub(super) struct Registered {
    registry: Arc<Registry>,
    key: u64,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the place for another connection, which [`add`](Self::add) fills.
    pub(super) fn reserve(self: &Arc<Self>) -> Registered {
        let mut connections = self.lock();
        connections.next += 1;
        Registered {
            registry: Arc::clone(self),
            key: connections.next,
        }
    }

    pub(super) fn add(&self, key: u64, activity: Arc<Activity>, task: AbortHandle) {
        let connection = Connection { activity, task };
        self.lock().open.insert(key, connection);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().open.len()
    }

    /// Ends the connection that has sent no request for the longest time. Returns `false` if there is
    /// no connection.
    ///
    /// An honest client sends its request at once, so its connection is among the youngest.
    pub(super) fn end_idlest(&self) -> bool {
        let mut connections = self.lock();
        let open = connections.open.iter();
        let idlest = open.min_by_key(|(key, open)| (open.activity.rank(), **key));
        let Some(key) = idlest.map(|(key, _)| *key) else {
            return false;
        };
        let ended = connections.open.remove(&key);
        drop(connections);
        if let Some(ended) = ended {
            ended.task.abort();
        }
        true
    }
}

impl Registered {
    pub(super) fn key(&self) -> u64 {
        self.key
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.lock().open.remove(&self.key);
    }
}
