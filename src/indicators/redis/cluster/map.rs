//! The shards of a cluster and their slots, as a node reports them.

use redis::Value;

use super::slots::{self, SLOTS};

/// How many ranges of slots a name shows before it shows their number instead.
const RANGES_SHOWN: usize = 2;

/// How much of the id of a node a name shows: enough to find it in `CLUSTER NODES`.
const ID_SHOWN: usize = 8;

/// The shards that serve slots.
#[derive(Debug, PartialEq)]
pub(super) struct Map {
    pub(super) shards: Vec<Shard>,
    /// How many slots no shard serves.
    pub(super) unserved: usize,
}

#[derive(Debug, PartialEq)]
pub(super) struct Shard {
    /// The id of its primary, or the address if the node reports no id.
    pub(super) id: String,
    /// The address of its primary, and its slots.
    pub(super) name: String,
    /// A key in one of its slots.
    pub(super) key: String,
}

impl Map {
    /// Reads the answer to `CLUSTER SLOTS`: a list of `[first, last, [host, port, id, …], …]`, in
    /// which the first node of each range is its primary.
    ///
    /// With `cluster-preferred-endpoint-type unknown-endpoint` all primaries have the same address,
    /// the one by which the node itself was reached; only the id tells one from another.
    ///
    /// Returns `None` if that is not what this is.
    pub(super) fn parse(answer: &Value, prefix: &str) -> Option<Self> {
        let mut primaries: Vec<(Primary, Vec<(usize, usize)>)> = Vec::new();
        let mut owners = vec![None; SLOTS];
        for range in list(answer)? {
            let [Value::Int(first), Value::Int(last), primary, ..] = list(range)? else {
                return None;
            };
            let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
            if first > last {
                return None;
            }
            let primary = Primary::parse(primary)?;
            let known = primaries
                .iter()
                .position(|(other, _)| other.id == primary.id);
            let index = known.unwrap_or_else(|| {
                primaries.push((primary, Vec::new()));
                primaries.len() - 1
            });
            owners.get_mut(first..=last)?.fill(Some(index));
            primaries[index].1.push((first, last));
        }
        let keys = slots::keys(prefix, &owners, primaries.len());
        let shards = primaries.into_iter().zip(keys);
        let shards = shards.filter_map(|((Primary { id, name }, ranges), key)| {
            let name = format!("{name} ({})", in_words(&ranges));
            let key = key?;
            Some(Shard { id, name, key })
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

struct Primary {
    id: String,
    name: String,
}

impl Primary {
    /// The host is empty or nil if the node does not know the name or address by which it is reached.
    /// There is no id before Redis 4.
    fn parse(node: &Value) -> Option<Self> {
        let [host, Value::Int(port), rest @ ..] = list(node)? else {
            return None;
        };
        let id = rest.first().and_then(text).unwrap_or_default();
        let start: String = id.chars().take(ID_SHOWN).collect();
        let name = match text(host) {
            Some(host) => format!("{host}:{port}"),
            None if id.is_empty() => format!("the node at port {port}"),
            None => format!("the node {start}… at port {port}"),
        };
        let id = if id.is_empty() { name.clone() } else { id };
        Some(Self { id, name })
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(text) if !text.is_empty() => {
            Some(String::from_utf8_lossy(text).into_owned())
        }
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a primary whose id begins with its host and port.
    fn range(first: i64, last: i64, host: &str, port: i64) -> Value {
        range_of(
            first,
            last,
            bulk(host),
            port,
            &format!("{host}{port}da62f7865e"),
        )
    }

    fn range_of(first: i64, last: i64, host: Value, port: i64, id: &str) -> Value {
        let primary = vec![host.clone(), Value::Int(port), bulk(id)];
        let replica = vec![
            host,
            Value::Int(port + 1),
            bulk("09d0e9720cda62f7865eabc5fd8857"),
        ];
        Value::Array(vec![
            Value::Int(first),
            Value::Int(last),
            Value::Array(primary),
            Value::Array(replica),
        ])
    }

    fn bulk(text: &str) -> Value {
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
        assert_eq!(
            names(scattered),
            ["the node 7da62f78… at port 7 (15 slots)"]
        );
    }

    #[test]
    fn primaries_at_an_unknown_endpoint_are_told_apart_by_their_ids() {
        let of = |host: &Value| {
            let ranges = vec![
                range_of(0, 5_460, host.clone(), 6379, "11111111aa"),
                range_of(5_461, 10_922, host.clone(), 6379, "22222222bb"),
                range_of(10_923, 16_000, host.clone(), 6379, "33333333cc"),
                range_of(16_001, 16_383, host.clone(), 6379, "11111111aa"),
            ];
            Map::parse(&Value::Array(ranges), "k").unwrap()
        };
        for host in [Value::Nil, bulk(""), bulk("10.0.0.1")] {
            let map = of(&host);
            let ids: Vec<_> = map.shards.iter().map(|shard| shard.id.as_str()).collect();
            assert_eq!(ids, ["11111111aa", "22222222bb", "33333333cc"]);
        }
        let names: Vec<_> = of(&Value::Nil).shards.into_iter().map(|s| s.name).collect();
        assert_eq!(
            names,
            [
                "the node 11111111… at port 6379 (slots 0-5460, 16001-16383)",
                "the node 22222222… at port 6379 (slots 5461-10922)",
                "the node 33333333… at port 6379 (slots 10923-16000)",
            ]
        );
    }

    #[test]
    fn without_ids_an_address_is_a_shard() {
        let node = |port| Value::Array(vec![bulk("a"), Value::Int(port)]);
        let range =
            |first, last, port| Value::Array(vec![Value::Int(first), Value::Int(last), node(port)]);
        let ranges = vec![range(0, 9, 1), range(10, 19, 2), range(20, 16_383, 1)];
        assert_eq!(
            names(ranges),
            ["a:1 (slots 0-9, 20-16383)", "a:2 (slots 10-19)"]
        );
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
