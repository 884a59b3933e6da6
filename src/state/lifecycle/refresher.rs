//! The refresher as others see it: whether it works, and how late it is.
//!
//! The refresher writes it; probes and the application read it.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::model::{Lateness, RefresherState, RefresherView};
use crate::state::clock::{Epoch, as_nanos};

/// The lateness of an alarm from which on it counts. Timers of tokio are precise to 1 ms, those of
/// Windows to 16 ms, and a busy machine adds some.
pub(crate) const NOTICEABLE: Duration = Duration::from_millis(if cfg!(windows) { 25 } else { 10 });

/// How long the refresher may be away before only a restart of the process helps.
const RESTART_AFTER: Duration = Duration::from_secs(60);

/// How long a process that was perhaps paused has until its lateness is no excuse any more.
const RESUMING: Duration = Duration::from_secs(1);

/// A moment that never comes.
const NEVER: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct RefresherCell {
    epoch: Epoch,
    state: AtomicU8,
    /// From when on only a restart of the process helps.
    needs_restart_at: AtomicU64,
    /// When the refresher plans to have its next turn. It keeps this until the end of that turn.
    alarm: AtomicU64,
    /// When a reader first found the refresher overdue. It counts if it is later than the alarm.
    found_overdue_at: AtomicU64,
    /// The longest lateness that is excused.
    bound: Duration,
    latest: AtomicU64,
    worst: AtomicU64,
    total: AtomicU64,
    starved_runs: AtomicU64,
}

impl RefresherCell {
    pub(super) fn new(epoch: Epoch, bound: Duration) -> Self {
        Self {
            epoch,
            bound,
            state: AtomicU8::new(RefresherState::Running as u8),
            needs_restart_at: AtomicU64::new(NEVER),
            alarm: AtomicU64::new(NEVER),
            found_overdue_at: AtomicU64::new(0),
            latest: AtomicU64::new(0),
            worst: AtomicU64::new(0),
            total: AtomicU64::new(0),
            starved_runs: AtomicU64::new(0),
        }
    }

    fn state(&self) -> RefresherState {
        match self.state.load(Ordering::Acquire) {
            state if state == RefresherState::Running as u8 => RefresherState::Running,
            state if state == RefresherState::Restarting as u8 => RefresherState::Restarting,
            _ => RefresherState::Gone,
        }
    }

    /// Records that the refresher completed a turn.
    pub(super) fn is_back(&self) {
        self.state
            .store(RefresherState::Running as u8, Ordering::Release);
        self.needs_restart_at.store(NEVER, Ordering::Release);
    }

    /// Records that the refresher panicked or ended. The time until only a restart helps counts from the first
    /// of such events in a row, and only if there are results that it would have to renew.
    pub(super) fn is_away(&self, state: RefresherState, now: Instant, renews_results: bool) {
        self.state.store(state as u8, Ordering::Release);
        if renews_results {
            let needs_restart_at = self.epoch.nanos(now + RESTART_AFTER);
            self.needs_restart_at
                .fetch_min(needs_restart_at, Ordering::AcqRel);
        }
    }

    /// Returns whether only a restart of the process can bring the refresher back.
    #[inline]
    pub(super) fn needs_restart(&self, now: impl FnOnce() -> Instant) -> bool {
        let needs_restart_at = self.needs_restart_at.load(Ordering::Acquire);
        needs_restart_at != NEVER && needs_restart_at <= self.epoch.nanos(now())
    }

    pub(super) fn view(&self, now: Instant) -> RefresherView {
        RefresherView {
            state: self.state(),
            needs_restart: self.needs_restart(|| now),
        }
    }

    /// Records that an alarm woke the refresher, for all that it knows on time.
    pub(crate) fn wakes_up(&self) {
        self.latest.store(0, Ordering::Relaxed);
    }

    /// Records that the refresher finds itself this much too late.
    pub(crate) fn is_late(&self, by: Duration) {
        let by = as_nanos(by);
        self.latest.fetch_max(by, Ordering::Relaxed);
        self.worst.fetch_max(by, Ordering::Relaxed);
        self.total.fetch_add(by, Ordering::Relaxed);
    }

    /// Records that the refresher sleeps until then; `None` if it has no reason to wake up.
    pub(crate) fn sleeps_until(&self, alarm: Option<Instant>) {
        let alarm = alarm.map_or(NEVER, |alarm| self.epoch.nanos(alarm));
        self.alarm.store(alarm, Ordering::Relaxed);
    }

    /// Counts a run that does not count because it was starved.
    pub(crate) fn count_starved_run(&self) {
        self.starved_runs.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns for how long the refresher should have been awake; zero if that is not noticeable.
    pub(crate) fn overdue(&self, now: Instant) -> Duration {
        let alarm = self.alarm.load(Ordering::Relaxed);
        let overdue = Duration::from_nanos(self.epoch.nanos(now).saturating_sub(alarm));
        if overdue < NOTICEABLE {
            return Duration::ZERO;
        }
        overdue
    }

    /// Returns for how long the refresher has been late without having noticed. A refresher that is
    /// away is not late.
    pub(crate) fn unnoticed_lateness(&self, now: Instant) -> Duration {
        match self.state() {
            RefresherState::Running => self.overdue(now),
            _ => Duration::ZERO,
        }
    }

    /// Returns the lateness for which a reader forgives what the refresher is about to move: zero
    /// unless the process may have been paused until a moment ago, so that nothing could run.
    ///
    /// The refresher has to be overdue, and not to have been found so for more than 1 s: a process
    /// that answers probes for longer is not paused.
    pub(crate) fn forgiven(&self, now: Instant) -> Duration {
        let overdue = self.unnoticed_lateness(now);
        if overdue.is_zero() || !self.may_be_resuming(now) {
            return Duration::ZERO;
        }
        overdue.min(self.bound)
    }

    fn may_be_resuming(&self, now: Instant) -> bool {
        let now = self.epoch.nanos(now);
        let found = self.found_overdue_at.load(Ordering::Relaxed);
        if found > self.alarm.load(Ordering::Relaxed) {
            return now.saturating_sub(found) < as_nanos(RESUMING);
        }
        // An error means that another reader has just found it.
        let _ = self.found_overdue_at.compare_exchange(
            found,
            now,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        true
    }

    pub(crate) fn lateness(&self, now: Instant) -> Lateness {
        let load = |nanos: &AtomicU64| Duration::from_nanos(nanos.load(Ordering::Relaxed));
        let overdue = self.overdue(now);
        Lateness {
            latest: load(&self.latest).max(overdue),
            worst: load(&self.worst).max(overdue),
            total: load(&self.total) + overdue,
            starved_runs: self.starved_runs.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(60);

    fn cell() -> (RefresherCell, Instant) {
        let start = Instant::now();
        (RefresherCell::new(Epoch::new(start), BOUND), start)
    }

    #[test]
    fn a_refresher_needs_restart_a_minute_after_it_went_away_first() {
        let (cell, start) = cell();
        cell.is_away(RefresherState::Restarting, start, true);
        cell.is_away(RefresherState::Gone, start + Duration::from_secs(30), true);
        let view = |seconds| cell.view(start + Duration::from_secs(seconds));
        assert_eq!(view(59).state, RefresherState::Gone);
        assert!(!view(59).needs_restart);
        assert!(view(60).needs_restart);
    }

    #[test]
    fn a_refresher_that_has_nothing_to_renew_needs_no_restart() {
        let (cell, start) = cell();
        cell.is_away(RefresherState::Gone, start, false);
        assert!(!cell.view(start + Duration::from_secs(3_600)).needs_restart);
    }

    #[test]
    fn a_process_that_answers_for_a_second_is_not_paused() {
        let (cell, start) = cell();
        let after = |millis| start + Duration::from_millis(millis);
        let forgiven = |millis| cell.forgiven(after(millis)).as_millis();
        cell.sleeps_until(Some(start));
        assert_eq!(forgiven(9), 0);
        assert_eq!(forgiven(30_000), 30_000);
        assert_eq!(forgiven(30_999), 30_999);
        assert_eq!(forgiven(31_000), 0);
        // The refresher comes, and sleeps again.
        cell.sleeps_until(Some(after(40_000)));
        assert_eq!(forgiven(50_000), 10_000);
        assert_eq!(forgiven(51_000), 0);
    }

    #[test]
    fn lateness_counts_from_what_is_noticeable() {
        let (cell, start) = cell();
        cell.sleeps_until(Some(start));
        let just_less = NOTICEABLE - Duration::from_nanos(1);
        assert_eq!(cell.overdue(start + just_less), Duration::ZERO);
        assert_eq!(cell.overdue(start + NOTICEABLE), NOTICEABLE);
    }

    #[test]
    fn no_more_than_the_bound_is_forgiven() {
        let (cell, start) = cell();
        cell.sleeps_until(Some(start));
        assert_eq!(cell.forgiven(start + Duration::from_secs(3_600)), BOUND);
    }
}
