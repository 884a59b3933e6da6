//! A count that belongs to one slot of time, and expires without anybody who clears it.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// It starts again at 0 with the first call of the next slot that takes its place.
///
/// The upper half of the word is the number of the slot and the lower half is the count, so that
/// one atomic operation both resets and counts: no call is lost or counted in a wrong slot however
/// many threads count at once.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

/// A thread that was not scheduled for a whole window counts for a slot that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLate;

impl Count {
    /// Counts one, and returns the count of an earlier slot that makes room.
    pub(super) fn add(&self, number: u32) -> Result<u32, TooLate> {
        let before = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let (slot, count) = unpacked(word);
            match slot == number {
                true => Some(packed(number, count.saturating_add(1))),
                false => (slot < number).then(|| packed(number, 1)),
            }
        });
        let (slot, count) = unpacked(before.map_err(|_| TooLate)?);
        Ok(if slot == number { 0 } else { count })
    }

    /// Takes one back, unless the slot is gone.
    pub(super) fn take(&self, number: u32) -> Result<(), TooLate> {
        let before = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let (slot, count) = unpacked(word);
            (slot == number).then(|| packed(number, count.saturating_sub(1)))
        });
        before.map(drop).map_err(|_| TooLate)
    }

    pub(super) fn get(&self, number: u32) -> u64 {
        let (slot, count) = unpacked(self.0.load(Relaxed));
        if slot == number { u64::from(count) } else { 0 }
    }

    /// Returns the count if it belongs to a slot before this one.
    pub(super) fn get_before(&self, number: u32) -> u64 {
        let (slot, count) = unpacked(self.0.load(Relaxed));
        if slot < number { u64::from(count) } else { 0 }
    }
}

fn packed(slot: u32, count: u32) -> u64 {
    u64::from(slot) << 32 | u64::from(count)
}

fn unpacked(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}
