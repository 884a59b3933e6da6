//! The failures since the last answer, and for how long there was nothing else.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Times are milliseconds since the epoch of the window.
#[derive(Debug, Default)]
pub(super) struct Streak {
    /// The time of the first failure, and below it how many there are; 0 if the last call was
    /// answered. One word, so that no reader sees the time of one streak and the count of another.
    failures: AtomicU64,
    last_at: AtomicU64,
}

/// What a reader sees of a streak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failures {
    pub(super) count: u64,
    /// That of the last failure if there is no streak.
    pub(super) first_at: u64,
    /// An answer ends the streak and leaves this time. 0 before the first failure.
    pub(super) last_at: u64,
}

impl Failures {
    /// Returns the milliseconds from the first to the last.
    pub(super) fn lasts(self) -> u64 {
        self.last_at.saturating_sub(self.first_at)
    }
}

/// Leaves 34 years for the time, and counts 16 million failures.
const COUNT_BITS: u32 = 24;
const MOST: u64 = (1 << COUNT_BITS) - 1;

impl Streak {
    /// Ends with an answer. It writes nothing if there is nothing to end, so that threads whose
    /// calls work do not wait for each other.
    pub(super) fn end(&self) {
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
    }

    pub(super) fn fail(&self, now: u64) {
        let _ = self.failures.fetch_update(Relaxed, Relaxed, |word| {
            Some(match word & MOST {
                0 => now << COUNT_BITS | 1,
                MOST => word,
                _ => word + 1,
            })
        });
        self.last_at.store(now, Relaxed);
    }

    pub(super) fn get(&self) -> Failures {
        let last_at = self.last_at.load(Relaxed);
        let word = self.failures.load(Relaxed);
        Failures {
            count: word & MOST,
            first_at: if word == 0 {
                last_at
            } else {
                word >> COUNT_BITS
            },
            last_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_the_first_failure_after_an_answer() {
        let streak = Streak::default();
        let seen = || (streak.get().count, streak.get().lasts());
        assert_eq!(seen(), (0, 0));
        streak.fail(0);
        streak.fail(1_000);
        assert_eq!(seen(), (2, 1_000));
        streak.end();
        assert_eq!(seen(), (0, 0));
        streak.fail(5_000);
        assert_eq!(seen(), (1, 0), "not since the first streak");
        streak.fail(5_500);
        assert_eq!(seen(), (2, 500));
    }

    #[test]
    fn it_counts_no_further_than_it_can() {
        let streak = Streak::default();
        streak.fail(7);
        streak.failures.fetch_or(MOST, Relaxed);
        streak.fail(9);
        let seen = streak.get();
        assert_eq!((seen.count, seen.lasts()), (MOST, 2));
    }
}
