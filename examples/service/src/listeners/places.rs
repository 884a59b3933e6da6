//! How many connections the listeners hold together.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::spell::Spell;

/// Beyond it, connections wait in the backlog of the system.
const CONNECTIONS: usize = 10_000;

/// Descriptors that connections leave to the database, to Redis, to files and to the 128
/// connections of the management port. Without them, nothing that broke could connect again.
const RESERVE: usize = 256;

/// A place for each connection. It is shared by the listeners.
#[derive(Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: usize,
    taken: Arc<Mutex<Spell>>,
}

/// The place of a connection. It is free again when the last copy is dropped: an upgraded connection
/// keeps one.
#[derive(Clone, Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held")] Arc<OwnedSemaphorePermit>);

impl Places {
    pub(crate) fn new() -> Self {
        let all = places(descriptors());
        tracing::debug!(places = all, "connections that may be open at once");
        Self {
            free: Arc::new(Semaphore::new(all)),
            all,
            taken: Arc::default(),
        }
    }

    /// Waits for a place. Returns `None` if there will never be one.
    pub(super) async fn take(&self) -> Option<Place> {
        let free = self.free.available_permits();
        let news = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            // One place that becomes free, and is taken at once, ends nothing.
            if free > self.all / 10 {
                taken.end();
            }
            free == 0 && taken.begins()
        };
        if news {
            tracing::warn!(
                places = self.all,
                "every place is taken, further connections wait"
            );
        }
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(Place(Arc::new(permit)))
    }
}

/// Leaves a reserve, but for a limit that is too low for one.
fn places(descriptors: Option<u64>) -> usize {
    let limit = descriptors.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let places = limit.saturating_sub(RESERVE).max(limit / 4);
    places.clamp(1, CONNECTIONS)
}

/// How many descriptors the process may have; `None` for no limit.
#[cfg(unix)]
fn descriptors() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn descriptors() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_reserve_of_descriptors() {
        for (descriptors, expected) in [
            (None, 10_000),
            (Some(u64::MAX), 10_000),
            (Some(1_048_576), 10_000),
            (Some(10_256), 10_000),
            (Some(10_255), 9_999),
            (Some(1024), 768),
            (Some(256), 64),
            (Some(0), 1),
        ] {
            assert_eq!(places(descriptors), expected, "{descriptors:?}");
        }
    }
}
