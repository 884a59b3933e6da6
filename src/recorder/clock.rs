//! Whether the clock by which old rows are deleted can be believed.
//!
//! A clock that jumps ahead by a year would make everything old at once, and what is deleted does not
//! come back when the clock does. So a jump is believed only after an hour, of this process or since
//! another one saw the clock there: some processes live for minutes, such as a job of each night.

use std::time::{Duration, Instant};

/// How far a clock may be ahead of what is expected, in seconds.
const TOLERANCE: i64 = 2 * 60 * 60;
/// For how long a jump has to stay.
const PROBATION: Duration = Duration::from_secs(60 * 60);
/// For how long in seconds the word of a process counts that ended.
const WITNESSED: i64 = 32 * 24 * 60 * 60;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TrustedClock {
    /// What the clock showed when it was last believed.
    believed: Option<Reading>,
    /// What it showed first after a jump.
    doubted: Option<Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    seconds: i64,
    at: Instant,
}

impl Reading {
    /// What the clock should show now.
    fn expected(self, at: Instant) -> i64 {
        let elapsed = at.saturating_duration_since(self.at).as_secs();
        let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
        self.seconds.saturating_add(elapsed)
    }
}

impl TrustedClock {
    /// The latest moment of a process that can bear witness when the clock shows this.
    pub(super) fn witnessed_until(seconds: i64) -> i64 {
        seconds.saturating_sub(PROBATION.as_secs() as i64)
    }

    /// Returns whether the clock can be believed. `stored` is when it was believed last, by any
    /// process; 0 if never. `witness` is what the latest process saw on it that wrote nothing since
    /// [`witnessed_until`](Self::witnessed_until).
    pub(super) fn believes(
        &mut self,
        stored: i64,
        witness: Option<i64>,
        seconds: i64,
        at: Instant,
    ) -> bool {
        let now = Reading { seconds, at };
        let expected = self.believed.map_or(0, |reading| reading.expected(at));
        let expected = expected.max(stored);
        let latest = expected.saturating_add(TOLERANCE);
        // It saw the jump too, and not so long ago that this may be another one.
        let is_witnessed = witness.is_some_and(|witness| {
            let recently = seconds.saturating_sub(WITNESSED)..=Self::witnessed_until(seconds);
            witness > latest && recently.contains(&witness)
        });
        if expected == 0 || seconds <= latest || is_witnessed {
            self.believed = Some(now);
            self.doubted = None;
            return true;
        }
        match self.doubted {
            Some(first) if (first.expected(at) - seconds).abs() <= TOLERANCE => {
                let is_believed = at.saturating_duration_since(first.at) >= PROBATION;
                if is_believed {
                    self.believed = Some(now);
                    self.doubted = None;
                }
                is_believed
            }
            _ => {
                self.doubted = Some(now);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: i64 = 365 * 24 * 60 * 60;
    const NOW: i64 = 1_700_000_000;

    /// A clock that is read at a minute, with the year by which it is ahead.
    fn reads(
        clock: &mut TrustedClock,
        start: Instant,
        stored: i64,
        reads: [(u64, i64); 5],
    ) -> [bool; 5] {
        reads.map(|(minute, years)| {
            let now = NOW + i64::try_from(minute).unwrap() * 60 + years * YEAR;
            let at = start + Duration::from_secs(60 * minute);
            clock.believes(stored, None, now, at)
        })
    }

    const HOUR: i64 = 60 * 60;
    const DAY: i64 = 24 * HOUR;

    /// Whether a process that starts believes a clock that shows this, of which another process saw
    /// something else.
    fn starts_at(seconds: i64, witness: i64) -> bool {
        let mut clock = TrustedClock::default();
        clock.believes(NOW, Some(witness), seconds, Instant::now())
    }

    #[test]
    fn a_process_that_starts_believes_what_an_earlier_one_saw_too() {
        assert!(starts_at(NOW + 2 * DAY, NOW + DAY));
        assert!(starts_at(NOW + YEAR + 31 * DAY, NOW + YEAR));
        // Not one that was there before the jump, a moment ago, or before another jump.
        assert!(!starts_at(NOW + YEAR, NOW + 2 * HOUR));
        assert!(!starts_at(NOW + YEAR, NOW + YEAR - HOUR + 1));
        assert!(!starts_at(NOW + 2 * YEAR, NOW + YEAR));
    }

    #[test]
    fn a_jump_ahead_is_believed_only_after_an_hour() {
        let (mut clock, start) = (TrustedClock::default(), Instant::now());
        let jump = [(0, 0), (10, 1), (20, 1), (60, 1), (70, 1)];
        let believed = reads(&mut clock, start, 0, jump);
        assert_eq!(believed, [true, false, false, false, true]);
    }

    #[test]
    fn a_jump_that_is_taken_back_leaves_nothing() {
        let (mut clock, start) = (TrustedClock::default(), Instant::now());
        let jump = [(0, 0), (10, 1), (20, 0), (60, 1), (70, 1)];
        let believed = reads(&mut clock, start, 0, jump);
        assert_eq!(believed, [true, false, true, false, false]);
    }

    #[test]
    fn a_process_that_starts_while_the_clock_is_ahead_compares_with_what_was_stored() {
        let (mut clock, start) = (TrustedClock::default(), Instant::now());
        let ahead = [(0, 3), (10, 3), (50, 3), (59, 3), (60, 3)];
        let believed = reads(&mut clock, start, NOW, ahead);
        assert_eq!(believed, [false, false, false, false, true]);
    }

    #[test]
    fn a_clock_that_is_set_back_deletes_less_and_so_is_believed() {
        let (mut clock, start) = (TrustedClock::default(), Instant::now());
        let back = [(0, 0), (10, -1), (20, -1), (30, 0), (40, 1)];
        let believed = reads(&mut clock, start, NOW, back);
        assert_eq!(believed, [true, true, true, true, false]);
    }
}
