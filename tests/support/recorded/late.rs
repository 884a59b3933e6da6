//! Processes that come back, and clocks that are wrong.

use std::time::Duration;

use tower_health::recorder::Resolution;

use super::{
    DAY, HOUR, MINUTE, START, Store, at, buckets, merged, passed, passes, recorded, tidy, write,
    write_at,
};

/// A retry after a commit whose answer was lost.
pub(crate) async fn the_same_minutes_twice_count_once(store: &impl Store) {
    let mut process = store.process("one", at(START)).await;
    let minutes = [passes(START, 60), passes(START + MINUTE, 7)];
    for _ in 0..3 {
        assert_eq!(write(&mut process, &minutes).await, Some(0));
    }
    let grown = [passes(START + MINUTE, 60)];
    assert_eq!(write(&mut process, &grown).await, Some(0));
    let found = recorded(store, Resolution::Minute).await;
    assert_eq!(buckets(&found), [minutes[0], grown[0]]);
}

/// A restart within a minute, and two processes of one name.
pub(crate) async fn each_process_counts_its_own_runs(store: &impl Store) {
    for runs in [60, 7, 2] {
        let mut process = store.process("one", at(START)).await;
        write(&mut process, &[passes(START, runs)]).await;
    }
    let found = recorded(store, Resolution::Minute).await;
    assert_eq!(buckets(&found), [passes(START, 69)]);
}

/// It was suspended for days, and its minutes were rolled up as those of a process that is gone.
pub(crate) async fn a_process_that_returns_after_days_counts_nothing_twice(store: &impl Store) {
    let mut other = store.process("two", at(START)).await;
    let mut frozen = store.process("one", at(START)).await;
    let minute = [passes(START, 60)];
    write(&mut frozen, &minute).await;
    write(&mut other, &[passes(START + 3 * DAY, 5)]).await;
    tidy(&mut other, START + 3 * DAY).await;
    // What it says again, or says too late, is not taken.
    let now = at(START + 3 * DAY);
    for minutes in [
        passes(START, 60),
        passes(START, 61),
        passes(START + MINUTE, 60),
    ] {
        assert_eq!(write_at(&mut frozen, &[minutes], [now, now]).await, None);
    }
    tidy(&mut other, START + 4 * DAY).await;
    assert_eq!(passed(&recorded(store, Resolution::Hour).await), 65);
}

/// By three days, which is longer than minutes are kept.
pub(crate) async fn a_clock_that_is_behind_loses_and_doubles_nothing(store: &impl Store) {
    let mut right = store.process("one", at(START + 3 * DAY)).await;
    let mut behind = store.process("one", at(START)).await;
    let mut minutes = Vec::new();
    for minute in 0..200 {
        let (real, shown) = (START + 3 * DAY + minute * MINUTE, START + minute * MINUTE);
        // It grows within the minute, and others tidy up meanwhile.
        for count in [20, 60] {
            let clocks = [at(real), at(shown)];
            assert_eq!(
                write_at(&mut behind, &[passes(shown, count)], clocks).await,
                Some(0)
            );
            tidy(&mut right, real).await;
        }
        assert_eq!(write(&mut right, &[passes(real, 1)]).await, Some(0));
        minutes.extend([passes(shown, 60), passes(real, 1)]);
    }
    let expected = merged(Resolution::Day, &minutes);
    assert_eq!(buckets(&recorded(store, Resolution::Day).await), expected);
    // It ends, and its minutes are rolled up.
    tidy(&mut right, START + 7 * DAY).await;
    let days = recorded(store, Resolution::Day).await;
    assert_eq!(buckets(&days), expected);
    let hours = recorded(store, Resolution::Minute).await;
    assert!(hours.iter().all(|row| row.resolution() == Resolution::Hour));
}

/// By four days, after it was right for a week: the first pass through that time is rolled up.
pub(crate) async fn a_clock_that_is_set_back_erases_and_doubles_nothing(store: &impl Store) {
    let mut process = store.process("one", at(START)).await;
    let mut minutes = Vec::new();
    for hour in 0..7 * 24 {
        let minute = passes(START + hour * HOUR, 60);
        assert_eq!(write(&mut process, &[minute]).await, Some(0));
        minutes.push(minute);
    }
    let (now, shown) = (START + 7 * DAY, START + 3 * DAY);
    tidy(&mut process, now).await;
    let expected = merged(Resolution::Day, &minutes);
    assert_eq!(buckets(&recorded(store, Resolution::Day).await), expected);
    // As an earlier process would: this one has no row of its own for that time any more.
    let again = [passes(shown, 5), passes(shown + MINUTE, 5)];
    let clocks = [at(now), at(shown)];
    assert_eq!(write_at(&mut process, &again, clocks).await, Some(2));
    assert_eq!(buckets(&recorded(store, Resolution::Day).await), expected);
    // As another process, which is how a recorder writes them.
    let mut another = store.process("one", at(shown)).await;
    assert_eq!(write_at(&mut another, &again, clocks).await, Some(0));
    for later in [0, HOUR, 5 * DAY] {
        tidy(&mut process, now + later).await;
        minutes.truncate(7 * 24);
        minutes.extend(again);
        let expected = merged(Resolution::Day, &minutes);
        assert_eq!(buckets(&recorded(store, Resolution::Day).await), expected);
    }
}

/// By years, and then it is right again.
pub(crate) async fn minutes_from_the_future_are_rolled_up_and_go(store: &impl Store) {
    let future = START + 5 * 365 * DAY;
    let mut process = store.process("one", at(START)).await;
    write_at(&mut process, &[passes(future, 60)], [at(START), at(future)]).await;
    write(&mut process, &[passes(START, 60)]).await;
    tidy(&mut process, START + HOUR).await;
    assert_eq!(recorded(store, Resolution::Minute).await.len(), 2);
    // The process is gone; what is far away, ahead or behind, is old.
    let mut other = store.process("two", at(START)).await;
    tidy(&mut other, START + 3 * DAY).await;
    let left = recorded(store, Resolution::Minute).await;
    assert_eq!(buckets(&left), [passes(START, 60)]);
    tidy(&mut other, START + 40 * DAY).await;
    let left = recorded(store, Resolution::Minute).await;
    assert_eq!(left[0].resolution(), Resolution::Day);
    tidy(&mut other, START + 400 * DAY).await;
    assert!(recorded(store, Resolution::Minute).await.is_empty());
}

/// For longer than minutes are kept, with a memory of a week.
pub(crate) async fn a_backlog_of_days_is_written_and_rolled_up(store: &impl Store) {
    let mut process = store.process("one", at(START)).await;
    let minutes: Vec<_> = (0..5 * 24 * 6)
        .map(|number| passes(START + number * 10 * MINUTE, 6))
        .collect();
    for part in minutes.chunks(200) {
        let now = at(START + 5 * DAY);
        assert_eq!(write_at(&mut process, part, [now, now]).await, Some(0));
    }
    tidy(&mut process, START + 5 * DAY).await;
    let days = recorded(store, Resolution::Day).await;
    assert_eq!(buckets(&days), merged(Resolution::Day, &minutes));
    assert_eq!(
        days.last().unwrap().end() - Duration::from_secs(DAY),
        at(START + 4 * DAY)
    );
}
