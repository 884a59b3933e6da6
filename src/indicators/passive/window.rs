//! The sliding window: counts in slots of time, which expire without anybody who clears them.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::time::Duration;

use tokio::time::Instant;

/// How many slots of time make a window: it is precise to a tenth.
pub(super) const SLOTS: u32 = 10;

/// Answers by how long they took: below 1 ms, below 2 ms, and so on to powers of two. The last one
/// has those that took longer than all others.
pub(super) const LATENCIES: usize = 16;

/// The counts of all calls, whichever layer they went through.
#[derive(Debug)]
pub(super) struct Window {
    epoch: Instant,
    slots: [Slot; SLOTS as usize],
    /// The latest error that the dependency answered; 0 before the first.
    pub(super) last_error: AtomicU32,
    /// Set once a layer or a call has the settings of the window.
    pub(super) is_in_use: AtomicBool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Answered,
    /// The dependency answered with an error.
    Error,
    /// The client got no answer.
    Unanswered,
}

/// What one slot of time counts.
#[derive(Debug, Default)]
struct Slot {
    /// Calls that began in it and have no answer yet.
    waiting: Count,
    /// Calls that were answered in it without an error, by how long that took.
    answered: [Count; LATENCIES],
    /// How many of those were slow.
    slow: Count,
    errors: Count,
    unanswered: Count,
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            slots: Default::default(),
            last_error: AtomicU32::new(0),
            is_in_use: AtomicBool::new(false),
        }
    }

    /// Counts a call that begins, and returns the number of its slot.
    pub(super) fn begin(&self, now: Instant, width: Duration) -> u32 {
        let number = self.number(now, width);
        self.slot(number).waiting.add(number);
        number
    }

    /// Takes back that a call of this slot waits for an answer.
    pub(super) fn no_longer_waits(&self, number: u32) {
        self.slot(number).waiting.take(number);
    }

    pub(super) fn end(&self, now: Instant, width: Duration, ending: Ending, took: Took) {
        let number = self.number(now, width);
        let slot = self.slot(number);
        match ending {
            Ending::Answered => {
                slot.answered[latency(took.time)].add(number);
                if took.is_slow {
                    slot.slow.add(number);
                }
            }
            Ending::Error => slot.errors.add(number),
            Ending::Unanswered => slot.unanswered.add(number),
        }
    }

    /// Sums up the slots of the window that ends now. A call that has waited for longer than
    /// `slow_above` counts as overdue.
    pub(super) fn totals(&self, now: Instant, width: Duration, slow_above: Duration) -> Totals {
        self.latest(now, width, slow_above, u64::MAX)
    }

    /// Sums up the latest slots of the window until they have that many requests.
    pub(super) fn latest(
        &self,
        now: Instant,
        width: Duration,
        slow_above: Duration,
        enough: u64,
    ) -> Totals {
        let present = self.number(now, width);
        let slow_before = now.checked_sub(slow_above);
        let mut totals = Totals::default();
        for number in (present.saturating_sub(SLOTS - 1)..=present).rev() {
            let slot = self.slot(number);
            for (total, count) in totals.answered.iter_mut().zip(&slot.answered) {
                *total += count.get(number);
            }
            totals.slow += slot.slow.get(number);
            totals.errors += slot.errors.get(number);
            totals.unanswered += slot.unanswered.get(number);
            // Every call of the slot began before its end.
            let end = self.epoch + width * (number + 1);
            if slow_before.is_some_and(|before| end <= before) {
                totals.overdue += slot.waiting.get(number);
            }
            if totals.requests() >= enough {
                break;
            }
        }
        totals
    }

    /// Returns the number of the slot at a time, counted from the epoch.
    fn number(&self, at: Instant, width: Duration) -> u32 {
        let since = nanos(at.saturating_duration_since(self.epoch));
        // With the shortest window this is 13 years away.
        u32::try_from(since / nanos(width).max(1)).unwrap_or(u32::MAX - 1)
    }

    fn slot(&self, number: u32) -> &Slot {
        &self.slots[(number % SLOTS) as usize]
    }
}

/// In 64 bits, since a division of 128 takes a hundred instructions. 584 years fit.
fn nanos(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(time.subsec_nanos().into())
}

/// How long an answer took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    pub(super) time: Duration,
    pub(super) is_slow: bool,
}

fn latency(took: Duration) -> usize {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let bits = (u64::BITS - millis.leading_zeros()) as usize;
    bits.min(LATENCIES - 1)
}

/// A count that belongs to one slot of time. It starts again at 0 with the first call of the next
/// slot that takes its place.
///
/// The upper half of the word is the number of the slot and the lower half is the count, so that
/// one atomic operation both resets and counts: no call is lost or counted in a wrong slot however
/// many threads count at once.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self, number: u32) {
        // A thread that was not scheduled for a whole window comes too late: its call is forgotten.
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let (slot, count) = unpacked(word);
            match slot == number {
                true => Some(packed(number, count.saturating_add(1))),
                false => (slot < number).then(|| packed(number, 1)),
            }
        });
    }

    fn take(&self, number: u32) {
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let (slot, count) = unpacked(word);
            (slot == number).then(|| packed(number, count.saturating_sub(1)))
        });
    }

    fn get(&self, number: u32) -> u64 {
        let (slot, count) = unpacked(self.0.load(Relaxed));
        if slot == number { u64::from(count) } else { 0 }
    }
}

fn packed(slot: u32, count: u32) -> u64 {
    u64::from(slot) << 32 | u64::from(count)
}

fn unpacked(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// The sums of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) answered: [u64; LATENCIES],
    pub(super) slow: u64,
    pub(super) errors: u64,
    pub(super) unanswered: u64,
    /// Calls that still wait, and for too long.
    pub(super) overdue: u64,
}

impl Totals {
    pub(super) fn answered(&self) -> u64 {
        self.answered.iter().sum()
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

    /// Returns how many milliseconds this share of the answers took at most, rounded up to a power
    /// of two.
    pub(super) fn percentile(&self, percent: u64) -> Option<u64> {
        let answered = self.answered();
        let wanted = (answered * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let latency = self.answered.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(1 << latency)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests end where they go wrong")]
mod tests {
    use std::sync::Arc;

    use super::*;

    const WIDTH: Duration = Duration::from_secs(1);
    const SLOW: Duration = Duration::from_secs(2);
    const QUICK: Took = Took {
        time: Duration::ZERO,
        is_slow: false,
    };

    fn at(window: &Window, millis: u64) -> Instant {
        window.epoch + Duration::from_millis(millis)
    }

    fn requests(window: &Window, millis: u64) -> u64 {
        window.totals(at(window, millis), WIDTH, SLOW).requests()
    }

    #[test]
    fn a_call_counts_for_nine_to_ten_slots_and_then_makes_room() {
        let window = Window::new();
        for millis in [0, 999] {
            window.end(at(&window, millis), WIDTH, Ending::Answered, QUICK);
        }
        assert_eq!(requests(&window, 9_999), 2);
        assert_eq!(requests(&window, 10_000), 0);
        window.end(at(&window, 10_000), WIDTH, Ending::Error, QUICK);
        let totals = window.totals(at(&window, 10_000), WIDTH, SLOW);
        assert_eq!((totals.answered(), totals.errors), (0, 1));
    }

    #[test]
    fn after_a_pause_of_any_length_only_what_came_after_it_counts() {
        for pause in [9_001, 10_000, 15_500, 3_600_000, 86_400_000_000] {
            let window = Window::new();
            for millis in (0..10_000).step_by(500) {
                window.end(at(&window, millis), WIDTH, Ending::Unanswered, QUICK);
            }
            let resumed = 10_000 + pause;
            window.end(at(&window, resumed), WIDTH, Ending::Answered, QUICK);
            let totals = window.totals(at(&window, resumed), WIDTH, SLOW);
            let kept = 10_u64.saturating_sub(resumed / 1_000 - 9) * 2;
            assert_eq!((totals.answered(), totals.unanswered), (1, kept), "{pause}");
        }
    }

    #[test]
    fn a_call_that_waits_is_overdue_when_its_whole_slot_is() {
        let window = Window::new();
        let slot = window.begin(at(&window, 500), WIDTH);
        let overdue = |millis| window.totals(at(&window, millis), WIDTH, SLOW).overdue;
        assert_eq!(overdue(2_999), 0);
        assert_eq!(overdue(3_000), 1);
        assert_eq!(overdue(9_999), 1);
        // Otherwise a call that nobody ends would be held against the dependency for ever.
        assert_eq!(overdue(10_000), 0);
        window.no_longer_waits(slot);
        assert_eq!(overdue(3_000), 0);
    }

    #[test]
    fn the_end_of_a_call_takes_nothing_from_a_later_slot_in_its_place() {
        let window = Window::new();
        let old = window.begin(at(&window, 0), WIDTH);
        window.begin(at(&window, 10_000), WIDTH);
        window.no_longer_waits(old);
        let totals = window.totals(at(&window, 14_000), WIDTH, SLOW);
        assert_eq!(totals.overdue, 1);
    }

    #[test]
    fn a_thread_that_comes_a_window_late_counts_nothing_and_erases_nothing() {
        let window = Window::new();
        window.end(at(&window, 10_000), WIDTH, Ending::Answered, QUICK);
        window.end(at(&window, 0), WIDTH, Ending::Answered, QUICK);
        assert_eq!(requests(&window, 10_000), 1);
    }

    #[test]
    fn percentiles_are_rounded_up_to_powers_of_two() {
        let window = Window::new();
        let answered = |millis| {
            let time = Duration::from_millis(millis);
            let took = Took { time, ..QUICK };
            window.end(at(&window, 0), WIDTH, Ending::Answered, took);
        };
        let totals = || window.totals(at(&window, 0), WIDTH, SLOW);
        assert_eq!(totals().percentile(50), None);
        (0..94).for_each(|_| answered(0));
        assert_eq!(totals().percentile(95), Some(1));
        (0..6).for_each(|_| answered(33));
        assert_eq!(totals().percentile(50), Some(1));
        assert_eq!(totals().percentile(95), Some(64));
        (0..900).for_each(|_| answered(u64::MAX));
        assert_eq!(totals().percentile(95), Some(32_768));
    }

    #[test]
    fn threads_that_count_at_the_change_of_slots_lose_nothing() {
        const THREADS: u64 = 4;
        const CALLS: u64 = 20_000;
        let window = Arc::new(Window::new());
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for call in 0..CALLS {
                        // Nine slots, so that none expires.
                        let now = at(&window, call * 9_000 / CALLS);
                        let slot = window.begin(now, WIDTH);
                        window.end(now, WIDTH, Ending::Answered, QUICK);
                        window.no_longer_waits(slot);
                    }
                });
            }
        });
        let totals = window.totals(at(&window, 9_500), WIDTH, SLOW);
        assert_eq!((totals.requests(), totals.overdue), (THREADS * CALLS, 0));
    }
}
