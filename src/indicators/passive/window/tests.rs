//! The window at times that the tests choose: no clock runs.
#![allow(clippy::unwrap_used, reason = "tests end where they go wrong")]

use std::collections::VecDeque;
use std::sync::Arc;

use super::*;

const LENGTH: Duration = Duration::from_secs(10);
const SLOW: Duration = Duration::from_secs(2);
const QUICK: Option<Took> = Some(Took {
    time: Duration::ZERO,
    is_slow: false,
});

fn at(window: &Window, millis: u64) -> Instant {
    window.epoch + Duration::from_millis(millis)
}

fn requests(window: &Window, millis: u64) -> u64 {
    window.totals(at(window, millis), SLOW).requests()
}

#[test]
fn a_call_counts_for_nine_to_ten_slots_and_then_makes_room() {
    let window = Window::new(LENGTH);
    for millis in [0, 999] {
        window.answer(at(&window, millis), QUICK);
    }
    assert_eq!(requests(&window, 9_999), 2);
    assert_eq!(requests(&window, 10_000), 0);
    window.fail(at(&window, 10_000), Ending::Error);
    let totals = window.totals(at(&window, 10_000), SLOW);
    assert_eq!((totals.answered(), totals.errors), (0, 1));
}

#[test]
fn after_a_pause_of_any_length_only_what_came_after_it_counts() {
    for pause in [9_001, 10_000, 15_500, 3_600_000, 86_400_000_000] {
        let window = Window::new(LENGTH);
        for millis in (0..10_000).step_by(500) {
            window.fail(at(&window, millis), Ending::Unanswered);
        }
        let resumed = 10_000 + pause;
        window.answer(at(&window, resumed), QUICK);
        let totals = window.totals(at(&window, resumed), SLOW);
        let kept = 10_u64.saturating_sub(resumed / 1_000 - 9) * 2;
        assert_eq!((totals.answered(), totals.unanswered), (1, kept), "{pause}");
    }
}

#[test]
fn a_call_that_waits_is_overdue_when_its_whole_slot_is() {
    let window = Window::new(LENGTH);
    let slot = window.begin(at(&window, 500));
    let overdue = |millis| window.totals(at(&window, millis), SLOW).overdue;
    assert_eq!(overdue(2_999), 0);
    assert_eq!(overdue(3_000), 1);
    assert_eq!(overdue(9_999), 1);
    // Otherwise a call that nobody ends would be held against the dependency for ever.
    assert_eq!(overdue(10_000), 0);
    let in_flight = |millis| {
        let totals = window.totals(at(&window, millis), SLOW);
        (totals.waiting, totals.stuck)
    };
    assert_eq!(in_flight(9_999), (1, 0));
    assert_eq!(in_flight(10_000), (0, 1));
    window.no_longer_waits(slot);
    assert_eq!((overdue(3_000), in_flight(3_000)), (0, (0, 0)));
    assert_eq!(in_flight(10_000), (0, 0));
}

#[test]
fn a_call_whose_slot_made_room_is_stuck_until_it_ends() {
    let window = Window::new(LENGTH);
    let slots = [0, 0, 10_000, 20_000].map(|millis| window.begin(at(&window, millis)));
    let stuck = |millis| window.totals(at(&window, millis), SLOW).stuck;
    assert_eq!((stuck(20_000), stuck(30_000), stuck(86_400_000)), (3, 4, 4));
    for (ended, slot) in slots.into_iter().enumerate() {
        window.no_longer_waits(slot);
        assert_eq!(stuck(30_000), 3 - ended as u64);
    }
    // It came a window late, so that it was never in a slot.
    let late = window.begin(at(&window, 0));
    assert_eq!(stuck(30_000), 1);
    window.no_longer_waits(late);
    assert_eq!(stuck(30_000), 0);
}

#[test]
fn an_answer_is_taken_back_from_its_own_slot() {
    let slow = Some(Took {
        time: SLOW,
        is_slow: true,
    });
    for took in [QUICK, slow, None] {
        let window = Window::new(LENGTH);
        let counted = window.answer(at(&window, 0), took);
        window.answer(at(&window, 5_000), took);
        window.take_back(counted);
        let totals = window.totals(at(&window, 5_000), SLOW);
        let is_slow = took.is_some_and(|took| took.is_slow);
        assert_eq!((totals.answered(), totals.slow), (1, is_slow.into()));
        window.take_back(counted);
        window.answer(at(&window, 10_000), took);
        window.take_back(counted);
        assert_eq!(requests(&window, 10_000), 2, "its slot has made room");
    }
}

#[test]
fn a_streak_is_as_long_as_a_second_or_a_tenth_of_a_short_window() {
    for (length, moment) in [(1, 100), (10, 1_000), (30, 1_000), (3_600, 1_000)] {
        let window = Window::new(Duration::from_secs(length));
        let streak = |millis| window.totals(at(&window, millis), SLOW).streak;
        window.fail(at(&window, 50), Ending::Error);
        window.fail(at(&window, 49 + moment), Ending::Error);
        assert_eq!(streak(49 + moment), 0, "{length} s");
        window.fail(at(&window, 50 + moment), Ending::Error);
        assert_eq!(streak(50 + moment), 3, "{length} s");
        window.answer(at(&window, 51 + moment), QUICK);
        assert_eq!(streak(51 + moment), 0, "{length} s");
    }
}

// seconds:  0         3         8
// calls:    2 begin   answer    3 begun in second 4 are overdue
#[test]
fn calls_that_hang_are_in_the_streak_if_they_began_after_the_last_answer() {
    let window = Window::new(LENGTH);
    let streak = |millis| window.totals(at(&window, millis), SLOW).streak;
    window.begin(at(&window, 0));
    window.begin(at(&window, 0));
    window.answer(at(&window, 3_500), QUICK);
    for _ in 0..3 {
        window.begin(at(&window, 4_000));
    }
    assert_eq!((streak(6_999), streak(7_000)), (0, 3));
    // A moment of failures adds nothing.
    window.fail(at(&window, 7_000), Ending::Error);
    window.fail(at(&window, 7_000), Ending::Error);
    assert_eq!(streak(7_000), 3);
    window.fail(at(&window, 8_000), Ending::Error);
    assert_eq!(streak(8_000), 6);
}

#[test]
fn the_end_of_a_call_takes_nothing_from_a_later_slot_in_its_place() {
    let window = Window::new(LENGTH);
    let old = window.begin(at(&window, 0));
    window.begin(at(&window, 10_000));
    window.no_longer_waits(old);
    let totals = window.totals(at(&window, 14_000), SLOW);
    assert_eq!(totals.overdue, 1);
}

#[test]
fn a_thread_that_comes_a_window_late_counts_nothing_and_erases_nothing() {
    let window = Window::new(LENGTH);
    window.answer(at(&window, 10_000), QUICK);
    window.answer(at(&window, 0), QUICK);
    assert_eq!(requests(&window, 10_000), 1);
}

#[test]
fn threads_that_count_at_the_change_of_slots_lose_nothing() {
    const THREADS: u64 = 4;
    const CALLS: u64 = 20_000;
    let window = Arc::new(Window::new(LENGTH));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for call in 0..CALLS {
                    // Nine slots, so that none expires.
                    let now = at(&window, call * 9_000 / CALLS);
                    let slot = window.begin(now);
                    window.answer(now, QUICK);
                    window.no_longer_waits(slot);
                }
            });
        }
    });
    let totals = window.totals(at(&window, 9_500), SLOW);
    assert_eq!((totals.requests(), totals.overdue), (THREADS * CALLS, 0));
}

#[test]
fn threads_whose_calls_outlive_their_slots_leave_none_in_flight() {
    const THREADS: usize = 4;
    const CALLS: u64 = 20_000;
    let window = Arc::new(Window::new(LENGTH));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut open = VecDeque::new();
                for call in 0..CALLS {
                    open.push_back(window.begin(at(&window, call * 10)));
                    // Each lasts for three windows.
                    if open.len() > 3_000 {
                        window.no_longer_waits(open.pop_front().unwrap());
                    }
                }
                for slot in open {
                    window.no_longer_waits(slot);
                }
            });
        }
    });
    let totals = window.totals(at(&window, CALLS * 10), SLOW);
    assert_eq!((totals.waiting, totals.stuck), (0, 0));
}
