//! The shards of a cluster and their slots, as a node reports them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Value;

use super::slots::{self, SLOTS};

/// How long a map is used while all shards answer. Resharding meanwhile does no harm: the client
/// follows a slot to its shard, and only a shard that is new stays unread for so long.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// How many ranges of slots a name shows before it shows their number instead.
const RANGES_SHOWN: usize = 2;

/// The shards that serve slots.
#[derive(Debug, PartialEq)]
pub(super) struct Map {
    pub(super) shards: Vec<Shard>,
    /// How many slots no shard serves.
    pub(super) unserved: usize,
}

#[derive(Debug, PartialEq)]
pub(super) struct Shard {
    /// The address of its primary, and its slots.
    pub(super) name: String,
    /// A key in one of its slots.
    pub(super) key: String,
}

impl Map {
    /// Reads the answer to `CLUSTER SLOTS`: a list of `[first, last, [host, port, …], …]`, in which
    /// the first node of each range is its primary.
    ///
    /// Returns `None` if that is not what this is.
    pub(super) fn parse(answer: &Value, prefix: &str) -> Option<Self> {
        let mut primaries: Vec<(String, Vec<(usize, usize)>)> = Vec::new();
        let mut owners = vec![None; SLOTS];
        for range in list(answer)? {
            let [Value::Int(first), Value::Int(last), primary, ..] = list(range)? else {
                return None;
            };
            let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
            if first > last {
                return None;
            }
            let address = address(primary)?;
            let known = primaries.iter().position(|(other, _)| *other == address);
            let index = known.unwrap_or_else(|| {
                primaries.push((address, Vec::new()));
                primaries.len() - 1
            });
            owners.get_mut(first..=last)?.fill(Some(index));
            primaries[index].1.push((first, last));
        }
        let keys = slots::keys(prefix, &owners, primaries.len());
        let shards = primaries.into_iter().zip(keys);
        let shards = shards.filter_map(|((address, ranges), key)| {
            let name = format!("{address} ({})", in_words(&ranges));
            Some(Shard { name, key: key? })
        });
        Some(Self {
            shards: shards.collect(),
            unserved: owners.iter().filter(|owner| owner.is_none()).count(),
        })
    }
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

/// The host is empty or nil if the node does not know the name or address by which it is reached.
fn address(node: &Value) -> Option<String> {
    let [host, Value::Int(port), ..] = list(node)? else {
        return None;
    };
    Some(match host {
        Value::BulkString(host) if !host.is_empty() => {
            format!("{}:{port}", String::from_utf8_lossy(host))
        }
        _ => format!("the node at port {port}"),
    })
}

fn in_words(ranges: &[(usize, usize)]) -> String {
    if ranges.len() > RANGES_SHOWN {
        let count: usize = ranges.iter().map(|(first, last)| last - first + 1).sum();
        return format!("{count} slots");
    }
    let ranges: Vec<_> = ranges
        .iter()
        .map(|(first, last)| format!("{first}-{last}"))
        .collect();
    format!("slots {}", ranges.join(", "))
}

/// The map that an indicator has, and whether it should read it again.
#[derive(Default)]
pub(super) struct LatestMap(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    /// `Some` once it was read, with the time.
    map: Option<(Arc<Map>, Instant)>,
    /// The names of the shards that did not answer in the last run, the first to read first.
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
        let index = |name: &String| map.shards.iter().position(|shard| shard.name == *name);
        latest.lost.iter().filter_map(index).collect()
    }

    pub(super) fn set_lost(&self, map: &Map, lost: &[usize]) {
        let shards = lost.iter().filter_map(|&index| map.shards.get(index));
        self.lock().lost = shards.map(|shard| shard.name.clone()).collect();
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: &str, port: i64) -> Value {
        let node = |port| {
            let id = Value::BulkString(b"09dbe9720cda62f7865eabc5fd8857c5d2678366".to_vec());
            Value::Array(vec![text(host), Value::Int(port), id])
        };
        let replica = node(port + 1);
        Value::Array(vec![
            Value::Int(first),
            Value::Int(last),
            node(port),
            replica,
        ])
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn names(ranges: Vec<Value>) -> Vec<String> {
        let map = Map::parse(&Value::Array(ranges), "k").unwrap();
        map.shards.into_iter().map(|shard| shard.name).collect()
    }

    #[test]
    fn ranges_of_one_primary_are_one_shard() {
        let ranges = vec![
            range(0, 99, "a", 1),
            range(100, 16_000, "b", 1),
            range(16_001, 16_383, "a", 1),
        ];
        let map = Map::parse(&Value::Array(ranges.clone()), "k").unwrap();
        assert_eq!(map.unserved, 0);
        assert_eq!(
            names(ranges),
            ["a:1 (slots 0-99, 16001-16383)", "b:1 (slots 100-16000)"]
        );
    }

    #[test]
    fn many_ranges_are_counted_and_an_unknown_host_is_named_by_its_port() {
        let scattered = (0..3).map(|n| range(n * 10, n * 10 + 4, "", 7)).collect();
        assert_eq!(names(scattered), ["the node at port 7 (15 slots)"]);
    }

    #[test]
    fn slots_that_nobody_serves_are_counted() {
        let map = Map::parse(&Value::Array(vec![range(0, 16_000, "a", 1)]), "k").unwrap();
        assert_eq!(map.unserved, 383);
        assert_eq!(
            Map::parse(&Value::Array(vec![]), "k").unwrap().unserved,
            16_384
        );
    }

    #[test]
    fn another_answer_is_no_map() {
        for answer in [
            Value::Nil,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![range(0, 16_384, "a", 1)]),
            Value::Array(vec![range(2, 1, "a", 1)]),
            Value::Array(vec![range(-1, 1, "a", 1)]),
        ] {
            assert_eq!(Map::parse(&answer, "k"), None, "{answer:?}");
        }
    }
}
