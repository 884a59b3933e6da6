//! The sums of a window.

use std::time::Duration;

/// Times of waiting: below 1 ms, below 2 ms, and so on to powers of two. The last one has those that
/// are longer than all others.
pub(super) const LATENCIES: usize = 16;

pub(super) fn latency(time: Duration) -> usize {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let bits = (u64::BITS - millis.leading_zeros()) as usize;
    bits.min(LATENCIES - 1)
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Calls that were answered, by the time to the head of the answer.
    pub(super) answered: [u64; LATENCIES],
    /// Calls that were answered and may take any time, as streams may.
    pub(super) untimed: u64,
    pub(super) slow: u64,
    pub(super) errors: u64,
    pub(super) unanswered: u64,
    /// Calls that still wait, and for too long.
    pub(super) overdue: u64,
    /// Calls that were dropped before an answer and before they were slow, by how long they waited.
    pub(super) cancelled: [u64; LATENCIES],
    /// Calls that began within the window and have no answer yet.
    pub(super) waiting: u64,
    /// Calls that began before the window and have no answer yet.
    pub(super) stuck: u64,
    /// Failures since the last answer, overdue calls included, if they last long enough to be no
    /// moment.
    pub(super) streak: u64,
    /// The time from the first failure of the streak to the last.
    pub(super) streak_lasts: Duration,
    /// The time since the last failure, or since a call began to wait for too long.
    pub(super) silence: Duration,
}

impl Totals {
    pub(super) fn answered(&self) -> u64 {
        self.answered.iter().sum::<u64>() + self.untimed
    }

    /// Calls without an answer: those that ended so, and those that wait for too long.
    pub(super) fn without_answer(&self) -> u64 {
        self.unanswered + self.overdue
    }

    pub(super) fn failed(&self) -> u64 {
        self.errors + self.without_answer()
    }

    pub(super) fn requests(&self) -> u64 {
        self.answered() + self.failed()
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.waiting + self.stuck
    }

    /// Calls that were cancelled after longer than 95 % of the answers took. One that is cancelled
    /// sooner says nothing: the dependency had no time to answer.
    pub(super) fn given_up(&self) -> u64 {
        let usual = self.slowest(95).map_or(0, |latency| latency + 1);
        self.cancelled[usual..].iter().sum()
    }

    /// Returns how many milliseconds this share of the answers took at most, rounded up to a power
    /// of two.
    pub(super) fn percentile(&self, percent: u64) -> Option<u64> {
        Some(1 << self.slowest(percent)?)
    }

    /// Returns the latency that this share of the answers did not exceed.
    fn slowest(&self, percent: u64) -> Option<usize> {
        let answered: u64 = self.answered.iter().sum();
        let wanted = (answered * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.answered.iter().position(|count| {
            seen += count;
            seen >= wanted
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(millis: &[(u64, u64)]) -> Totals {
        let mut totals = Totals::default();
        for (millis, times) in millis {
            totals.answered[latency(Duration::from_millis(*millis))] += times;
        }
        totals
    }

    #[test]
    fn percentiles_are_rounded_up_to_powers_of_two() {
        assert_eq!(Totals::default().percentile(50), None);
        let quick = answered(&[(0, 94)]);
        assert_eq!(quick.percentile(95), Some(1));
        let some = answered(&[(0, 94), (33, 6)]);
        assert_eq!(some.percentile(50), Some(1));
        assert_eq!(some.percentile(95), Some(64));
        let most = answered(&[(0, 94), (33, 6), (u64::MAX, 900)]);
        assert_eq!(most.percentile(95), Some(32_768));
    }

    #[test]
    fn a_call_is_given_up_if_it_waited_longer_than_answers_take() {
        // The time of answers, the time after which calls were cancelled, and how many count.
        for (answers, waited, given_up) in [
            (vec![], 0, 7),
            (vec![(16, 100)], 15, 0),
            (vec![(16, 100)], 31, 0),
            (vec![(16, 100)], 32, 7),
            // A few slow ones do not hide it.
            (vec![(16, 95), (900, 5)], 500, 7),
            (vec![(16, 94), (900, 6)], 500, 0),
            (vec![(u64::MAX, 100)], u64::MAX, 0),
        ] {
            let mut totals = answered(&answers);
            totals.cancelled[latency(Duration::from_millis(waited))] = 7;
            assert_eq!(totals.given_up(), given_up, "{answers:?}, {waited} ms");
        }
    }
}
