//! What a slot excuses, and what time it gives back.

use super::*;
use crate::catch::CatchDrop;
use crate::indicator_fn;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test]
async fn only_the_lateness_before_and_during_a_run_excuses_it() {
    let start = Instant::now();
    let task = tokio::spawn(async {}).abort_handle();
    let mut run = Run::new(task, start, &spec(ms(2_000)));
    run.late_before = ms(300);
    let late = Late {
        alarm: start + ms(100),
        by: ms(1_000),
    };
    run.move_deadline(late, start + ms(1_100), ms(60_000));

    // The scheduler takes the result only after the pause.
    for (ended_after, during) in [
        (50, 0),
        (100, 0),
        (400, 300),
        (1_100, 1_000),
        (1_500, 1_000),
        // The process itself had half of the timeout.
        (2_000, 1_000),
    ] {
        let starved = run.starvation(ms(2_000), start + ms(ended_after), Some(late));
        assert_eq!(starved.during, ms(during), "{ended_after}");
        assert_eq!(starved.late(), ms(during + 300), "{ended_after}");
        let is_plausible = (1_000..2_000).contains(&ended_after);
        assert_eq!(starved.is_plausible, is_plausible, "{ended_after}");
    }
}

#[tokio::test]
async fn the_last_turn_is_given_once_and_only_when_no_time_is_left() {
    let start = Instant::now();
    let task = tokio::spawn(async {}).abort_handle();
    let mut run = Run::new(task, start, &spec(ms(2_000)));
    // The first lateness uses up the bound.
    for (now, by, deadline) in [
        (600, 500, 2_500),
        (2_400, 10, 2_500),
        // It has more time left than it lost.
        (2_480, 10, 2_500),
        (2_499, 50, 2_549),
        (2_540, 200, 2_549),
    ] {
        let late = Late {
            alarm: start + ms(now - by),
            by: ms(by),
        };
        run.move_deadline(late, start + ms(now), ms(500));
        assert_eq!(run.deadline.at(), start + ms(deadline), "{now}");
    }
}

#[tokio::test]
async fn a_short_lateness_does_not_use_up_the_last_turn() {
    let start = Instant::now();
    let task = tokio::spawn(async {}).abort_handle();
    let mut run = Run::new(task, start, &spec(ms(56)));
    for (now, by, deadline) in [(35, 12, 68), (16_530, 16_495, 16_630)] {
        let late = Late {
            alarm: start + ms(now - by),
            by: ms(by),
        };
        run.move_deadline(late, start + ms(now), ms(1_000));
        assert_eq!(run.deadline.at(), start + ms(deadline), "{now}");
    }
}

fn spec(timeout: Duration) -> CheckSpec {
    CheckSpec {
        timeout,
        ..CheckSpec::clone(&CheckState::fixed(Status::Pass).spec)
    }
}

fn slot(timeout: Duration) -> Slot {
    let indicator = indicator_fn("fixed", async || Ok::<_, String>(()));
    Slot::new(
        Probe::Readiness,
        spec(timeout),
        Arc::new(CatchDrop::new(indicator)),
    )
}

#[test]
fn a_long_pause_excuses_failures_that_come_within_half_the_timeout() {
    let start = Instant::now();
    let mut slot = slot(ms(2_000));
    let after_a_pause = Starvation {
        before: Duration::from_micros(1_234_567),
        ..Starvation::default()
    };
    assert!(slot.excuses(&after_a_pause, start));
    let refused = Outcome::failed(RunOutcome::Fail, "refused".to_owned(), Duration::ZERO);
    slot.excuse(&refused, &after_a_pause, start);
    let on_time = Starvation::default();
    assert!(slot.excuses(&on_time, start + ms(999)));
    assert!(!slot.excuses(&on_time, start + ms(1_000)));
    assert_eq!(
        slot.state.contradiction.as_deref(),
        Some("starved: failed while the refresher was 1s 234ms late: refused")
    );
}
