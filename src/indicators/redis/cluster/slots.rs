//! The hash slots of a cluster: which one a key is in, and a key for each shard.
//!
//! The rule is that of "Key distribution model" and "Hash tags" in the cluster specification:
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>.

use std::fmt::Write;

/// How many slots every cluster has.
pub(super) const SLOTS: usize = 16_384;

/// A search for keys that has found none for a shard by now never will: a shard with one slot is
/// missed by so many random keys once in 10^27 searches.
const MOST_KEYS: u64 = 1 << 20;

/// Returns the slot of a key without a hash tag, whose beginning has this checksum.
fn slot_of(start: u16, rest: &str) -> usize {
    usize::from(crc16(start, rest.as_bytes())) % SLOTS
}

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0, and here that of the bytes before.
fn crc16(start: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(start, |crc, &byte| {
        let [high, low] = crc.to_be_bytes();
        (u16::from(low) << 8) ^ CRC_OF_BYTE[usize::from(high ^ byte)]
    })
}

/// A search may look at many keys, on a thread of the application's runtime.
const CRC_OF_BYTE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// Whether the prefix contains a hash tag, which would put all keys into one slot.
pub(super) fn has_hash_tag(prefix: &str) -> bool {
    prefix.contains('{')
}

/// Finds, for each of `shards` shards, a key in one of its slots: the prefix and a number.
///
/// `owners` has the index of a shard for each slot. A shard without slots gets no key.
pub(super) fn keys(prefix: &str, owners: &[Option<usize>], shards: usize) -> Vec<Option<String>> {
    search(prefix, owners, shards).0
}

/// Also returns how many keys it looked at: about as many as there are slots for a shard that has
/// one, which takes less than a millisecond.
fn search(prefix: &str, owners: &[Option<usize>], shards: usize) -> (Vec<Option<String>>, u64) {
    let mut keys = vec![None; shards];
    // One whose slots another one claims as well may have none left.
    let mut missing = (0..shards)
        .filter(|shard| owners.contains(&Some(*shard)))
        .count();
    let start = crc16(0, prefix.as_bytes());
    let mut digits = String::new();
    for number in 0..MOST_KEYS {
        if missing == 0 {
            return (keys, number);
        }
        digits.clear();
        let _ = write!(digits, "{number}");
        let owner = owners.get(slot_of(start, &digits)).copied().flatten();
        if let Some(place @ None) = owner.and_then(|shard| keys.get_mut(shard)) {
            *place = Some(format!("{prefix}{digits}"));
            missing -= 1;
        }
    }
    (keys, MOST_KEYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The value for "123456789" is in the specification; the others are those of CLUSTER KEYSLOT.
    #[test]
    fn the_slot_of_a_key_is_that_of_the_specification() {
        assert_eq!(crc16(0, b"123456789"), 0x31C3);
        assert_eq!(slot_of(0, "foo"), 12_182);
        assert_eq!(slot_of(0, "bar"), 5_061);
        assert_eq!(slot_of(crc16(0, b"b"), "ar"), 5_061);
    }

    // The definition, without a table.
    #[test]
    fn the_checksum_of_each_byte_is_that_of_the_polynomial() {
        for byte in 0..=u8::MAX {
            let crc = (0..8).fold(u16::from(byte) << 8, |crc, _| match crc & 0x8000 {
                0 => crc << 1,
                _ => (crc << 1) ^ 0x1021,
            });
            assert_eq!(crc16(0, &[byte]), crc, "{byte}");
        }
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
            assert_eq!(owners[slot_of(0, key)], Some(shard));
        }
    }

    #[test]
    fn a_shard_without_slots_gets_no_key() {
        assert_eq!(keys("", &[None; SLOTS], 1), [None]);
    }

    #[test]
    fn nothing_is_searched_for_a_shard_whose_slots_another_one_claims() {
        let (keys, tries) = search("k", &[Some(1); SLOTS], 2);
        assert_eq!((keys[0].as_deref(), keys[1].as_deref()), (None, Some("k0")));
        assert_eq!(tries, 1);
    }
}
