//! The map of the last run, and which of its shards were lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::map::Map;

/// How long a map is used while all shards answer. Resharding meanwhile does no harm: the client
/// follows a slot to its shard, and only a shard that is new stays unread for so long.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// The map that an indicator has, and whether it should read it again.
#[derive(Default)]
pub(super) struct LatestMap(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    /// `Some` once it was read, with the time.
    map: Option<(Arc<Map>, Instant)>,
    /// The ids of the shards that did not answer in the last run, the first to read first.
    lost: Vec<String>,
}

impl LatestMap {
    pub(super) fn get(&self) -> Option<Arc<Map>> {
        let latest = self.lock();
        latest.map.as_ref().map(|(map, _)| Arc::clone(map))
    }

    pub(super) fn is_stale(&self) -> bool {
        let latest = self.lock();
        let is_sound = |map: &Map, read_at: &Instant| {
            latest.lost.is_empty() && map.unserved == 0 && read_at.elapsed() < FRESH_FOR
        };
        let map = latest.map.as_ref();
        !map.is_some_and(|(map, read_at)| is_sound(map, read_at))
    }

    pub(super) fn set(&self, map: Map) -> Arc<Map> {
        let map = Arc::new(map);
        self.lock().map = Some((Arc::clone(&map), Instant::now()));
        map
    }

    /// The indices of the shards that did not answer in the last run, in the order in which to read
    /// them.
    pub(super) fn lost_in(&self, map: &Map) -> Vec<usize> {
        let latest = self.lock();
        let index = |id: &String| map.shards.iter().position(|shard| shard.id == *id);
        latest.lost.iter().filter_map(index).collect()
    }

    pub(super) fn set_lost(&self, map: &Map, lost: &[usize]) {
        let shards = lost.iter().filter_map(|&index| map.shards.get(index));
        self.lock().lost = shards.map(|shard| shard.id.clone()).collect();
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::map::Shard;
    use super::*;

    #[test]
    fn a_lost_shard_is_found_in_the_next_map_although_its_slots_have_changed() {
        let shard = |id: &str, slots: &str| Shard {
            id: id.to_owned(),
            name: format!("the node at port 6379 ({slots})"),
            key: String::new(),
        };
        let map = |shards| Map {
            shards,
            unserved: 0,
        };
        let latest = LatestMap::default();
        let before = map(vec![shard("a", "slots 0-9"), shard("b", "slots 0-9")]);
        latest.set_lost(&before, &[1, 0]);
        let after = map(vec![shard("b", "5 slots"), shard("c", "5 slots")]);
        assert_eq!(latest.lost_in(&after), [0]);
    }
}
