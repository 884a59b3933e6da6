//! The hash slots of a cluster: which one a key is in, and a key for each shard.
//!
//! The rule is that of "Key distribution model" and "Hash tags" in the cluster specification:
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>.

/// How many slots every cluster has.
pub(super) const SLOTS: usize = 16_384;

/// A search for keys that has found none for a shard by now never will: a shard with one slot is
/// missed by so many random keys once in 10^27 searches.
const MOST_KEYS: u64 = 1 << 20;

/// Returns the slot of a key without a hash tag.
fn slot_of(key: &str) -> usize {
    usize::from(crc16(key.as_bytes())) % SLOTS
}

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    })
}

/// Whether the prefix contains a hash tag, which would put all keys into one slot.
pub(super) fn has_hash_tag(prefix: &str) -> bool {
    prefix.contains('{')
}

/// Finds, for each of `shards` shards, a key in one of its slots: the prefix and a number.
///
/// `owners` has the index of a shard for each slot. A shard without slots gets no key.
pub(super) fn keys(prefix: &str, owners: &[Option<usize>], shards: usize) -> Vec<Option<String>> {
    let mut keys = vec![None; shards];
    let mut missing = shards;
    for number in 0..MOST_KEYS {
        if missing == 0 {
            break;
        }
        let key = format!("{prefix}{number}");
        let owner = owners.get(slot_of(&key)).copied().flatten();
        if let Some(place @ None) = owner.and_then(|shard| keys.get_mut(shard)) {
            *place = Some(key);
            missing -= 1;
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    // The value for "123456789" is in the specification; the others are those of CLUSTER KEYSLOT.
    #[test]
    fn the_slot_of_a_key_is_that_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot_of("foo"), 12_182);
        assert_eq!(slot_of("bar"), 5_061);
    }

    #[test]
    fn each_shard_gets_a_key_of_its_own_slots_even_if_it_has_only_one() {
        let mut owners = vec![Some(0); SLOTS];
        owners[5_460..10_923].fill(Some(1));
        owners[16_383] = Some(2);
        let keys = keys("tower-health:", &owners, 3);
        for (shard, key) in keys.iter().enumerate() {
            let key = key.as_ref().unwrap();
            assert!(key.starts_with("tower-health:"), "{key}");
            assert_eq!(owners[slot_of(key)], Some(shard));
        }
    }

    #[test]
    fn a_shard_without_slots_gets_no_key() {
        assert_eq!(keys("", &[None; SLOTS], 1), [None]);
    }
}
