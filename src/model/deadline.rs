//! A deadline that counts only the time in which the refresher could run.

use std::time::{Duration, Instant};

/// When a run times out, or a result expires.
///
/// It moves by the lateness of the refresher, but by no more than a bound in all. Without the bound,
/// a clock that jumps could keep an old result alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    at: Instant,
    moved: Duration,
    /// The lateness by which it could not move, because of the bound.
    excess: Duration,
}

impl Deadline {
    pub(crate) fn new(at: Instant) -> Self {
        Self {
            at,
            moved: Duration::ZERO,
            excess: Duration::ZERO,
        }
    }

    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    pub(crate) fn has_passed(&self, now: Instant) -> bool {
        self.at <= now
    }

    /// Moves by a lateness that was measured until now. The bound is for the sum of all moves.
    pub(crate) fn move_by(&mut self, late: Duration, bound: Duration) {
        let moved = late.min(self.slack(bound));
        self.at += moved;
        self.moved += moved;
        self.excess += late - moved;
    }

    /// Returns by how much it can still move.
    pub(crate) fn slack(&self, bound: Duration) -> Duration {
        bound.saturating_sub(self.moved)
    }

    /// Moves to a later moment, for a reason other than lateness.
    pub(crate) fn extend_to(&mut self, at: Instant) {
        self.at = self.at.max(at);
    }

    /// Returns the lateness since the deadline was set.
    pub(crate) fn lateness(&self) -> Duration {
        self.moved + self.excess
    }

    /// Returns whether lateness used up the bound.
    pub(crate) fn is_exceeded(&self) -> bool {
        !self.excess.is_zero()
    }

    /// Returns whether the deadline would lie ahead if it had moved by all of the lateness, including
    /// this much that the refresher has not noticed yet.
    pub(crate) fn would_lie_ahead(&self, now: Instant, unnoticed: Duration) -> bool {
        self.at + self.excess + unnoticed > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn all_moves_together_stay_within_the_bound() {
        let start = Instant::now();
        let mut deadline = Deadline::new(start);
        for late in [40, 15, 30] {
            deadline.move_by(secs(late), secs(60));
        }
        assert_eq!(deadline.at(), start + secs(60));
        assert_eq!(deadline.lateness(), secs(85));
        assert!(deadline.is_exceeded());
    }

    #[test]
    fn an_excess_tells_an_expiry_by_lateness_from_one_by_age() {
        let start = Instant::now();
        let mut deadline = Deadline::new(start + secs(10));
        deadline.move_by(secs(100), secs(60));
        assert!(deadline.has_passed(start + secs(70)));
        assert!(deadline.would_lie_ahead(start + secs(109), Duration::ZERO));
        assert!(!deadline.would_lie_ahead(start + secs(110), Duration::ZERO));
        assert!(deadline.would_lie_ahead(start + secs(110), secs(1)));
    }
}
