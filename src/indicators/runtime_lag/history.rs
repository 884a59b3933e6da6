//! How late the latest ticks of a runtime were, as far as it can still matter.

use std::time::Duration;

/// More than that are forgotten, the oldest first. Only ticks that are each less late than the one
/// before them make so many.
const MOST: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Tick {
    /// Since any fixed moment.
    at: Duration,
    late: Duration,
}

/// Ticks in their order.
///
/// Whatever the limit, only the last two ticks beyond it matter, and the latest of any window. So a
/// tick goes as soon as two later ones were as late.
#[derive(Debug, Default)]
pub(super) struct History(Vec<Tick>);

/// What ticks say of a window that ends now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Past {
    /// How late the latest tick was.
    pub(super) worst: Duration,
    pub(super) lag: PastLag,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum PastLag {
    None,
    /// A tick was late beyond the limit, and no other within a window before it.
    Once,
    /// A tick was late beyond the limit, and another within a window before it.
    Repeated,
}

impl History {
    pub(super) fn add(&mut self, at: Duration, late: Duration) {
        self.0.push(Tick { at, late });
        // Of the ticks after the one that is looked at, the latest two.
        let mut latest = [Duration::ZERO; 2];
        for index in (0..self.0.len()).rev() {
            let late = self.0[index].late;
            if late <= latest[1] {
                self.0.remove(index);
            } else if late > latest[0] {
                latest = [late, latest[0]];
            } else {
                latest[1] = late;
            }
        }
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }

    pub(super) fn past(&self, limit: Duration, window: Duration, now: Duration) -> Past {
        let follows = |at: Duration, then: Duration| then.saturating_sub(at) <= window;
        let recent = self.0.iter().filter(|tick| follows(tick.at, now));
        let worst = recent.map(|tick| tick.late).max().unwrap_or_default();

        let mut beyond = self.0.iter().rev().filter(|tick| tick.late > limit);
        let last = beyond.next().filter(|last| follows(last.at, now));
        let lag = match (last, beyond.next()) {
            (None, _) => PastLag::None,
            (Some(last), Some(before)) if follows(before.at, last.at) => PastLag::Repeated,
            (Some(_), _) => PastLag::Once,
        };
        Past { worst, lag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(500);
    const WINDOW: Duration = Duration::from_secs(5);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Ticks every 100 ms, except while the runtime is blocked: so long in each period.
    fn blocked(length: u64, period: u64, until: u64) -> History {
        let mut history = History::default();
        let mut due = 100;
        loop {
            let into = due % period;
            let now = if into < length {
                due - into + length
            } else {
                due
            };
            if now > until {
                return history;
            }
            history.add(millis(now), millis(now - due));
            due = now + 100;
        }
    }

    // blocked:  700 of every 1,000 ms    of every 5,000 ms    of every 6,000 ms
    // lag:      repeated throughout      repeated throughout  once, then none
    #[test]
    fn a_runtime_that_is_blocked_once_in_a_window_is_behind_all_the_time() {
        for (period, expected) in [
            (1_000, [PastLag::Repeated; 2]),
            (5_000, [PastLag::Repeated; 2]),
            (6_000, [PastLag::Once, PastLag::None]),
        ] {
            let mut seen = Vec::new();
            for now in (2 * period + 1_000..3 * period + 600).step_by(10) {
                let past = blocked(700, period, now).past(LIMIT, WINDOW, millis(now));
                if seen.last() != Some(&past.lag) {
                    seen.push(past.lag);
                }
            }
            let mut expected = expected.to_vec();
            expected.dedup();
            assert_eq!(seen, expected, "every {period} ms");
        }
    }

    #[test]
    fn a_single_late_tick_counts_as_one_for_a_window_and_then_not_at_all() {
        let mut history = History::default();
        history.add(millis(0), millis(3_000));
        for tick in 1..100 {
            let now = millis(tick * 100);
            history.add(now, millis(1));
            let past = history.past(LIMIT, WINDOW, now);
            let expected = match now <= WINDOW {
                true => (millis(3_000), PastLag::Once),
                false => (millis(1), PastLag::None),
            };
            assert_eq!((past.worst, past.lag), expected, "{now:?}");
        }
    }

    /// Each with the whole list of ticks, which forgets nothing.
    #[test]
    fn what_is_forgotten_does_not_matter() {
        let (mut history, mut all) = (History::default(), Vec::new());
        let mut random = 7_u64;
        for tick in 0..2_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (at, late) = (millis(tick * 100), millis(random >> 54));
            history.add(at, late);
            all.push(Tick { at, late });
            for limit in [0, 100, 500, 900, 1_000] {
                let limit = millis(limit);
                let whole = History(all.clone()).past(limit, WINDOW, at);
                assert_eq!(history.past(limit, WINDOW, at), whole, "{tick} {limit:?}");
            }
        }
        assert!(history.0.len() < MOST, "{}", history.0.len());
    }

    #[test]
    fn no_sequence_makes_it_grow_without_bound() {
        let mut history = History::default();
        for tick in 0..10_000 {
            history.add(millis(tick), millis(20_000 - tick));
        }
        assert_eq!(history.0.len(), MOST);
    }
}
