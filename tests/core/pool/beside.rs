//! A pool that gives no connection, and what a connection beside it answers.

use std::time::Duration;

use tower_health::HealthIndicator;
use tower_health::indicators::{ExhaustedPool, PoolState};

use super::toy::{AT_ONCE, Answer, Growth, ToyPool};
use super::{failure, indicator, passes, warning};
use crate::support::secs;

// It cannot be told from one that is exhausted.
#[tokio::test(start_paused = true)]
async fn a_pool_without_numbers_that_gives_nothing_warns_or_fails_as_configured() {
    let pool = ToyPool::new();
    pool.exhaust();
    pool.grows(Growth::Retried);
    pool.says(None);
    let text = warning(&indicator(&pool)).await;
    assert!(
        text.starts_with("the pool gave no connection within 0.9 s"),
        "{text}"
    );
    let strict = indicator(&pool).exhausted_pool(ExhaustedPool::Fails);
    strict.check().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_pool_with_room_that_gives_nothing_fails() {
    let pool = ToyPool::with([], 5);
    pool.grows(Growth::Retried);
    let text = failure(&indicator(&pool)).await;
    assert!(
        text.contains("although toys:4711 answers a new connection"),
        "{text}"
    );
    assert!(text.ends_with("or its hooks may fail"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_pool_is_looked_beside_once_in_an_interval_until_it_gives_a_connection() {
    let pool = ToyPool::new();
    pool.exhaust();
    let indicator = indicator(&pool);
    for _ in 0..3 {
        warning(&indicator).await;
        assert_eq!(pool.counts().connected, 1);
    }
    tokio::time::advance(secs(15)).await;
    warning(&indicator).await;
    assert_eq!(pool.counts().connected, 2);
    pool.release(AT_ONCE);
    passes(&indicator).await;
    pool.exhaust();
    warning(&indicator).await;
    assert_eq!(pool.counts().connected, 3, "at once, after another result");
    tokio::time::advance(secs(15)).await;
    pool.beside(Answer::Never);
    warning(&indicator).await;
    failure(&indicator).await;
    failure(&indicator).await;
    assert_eq!(pool.counts().connected, 6);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_behind_an_exhausted_pool_fails_within_the_interval_and_two_runs() {
    let pool = ToyPool::new();
    pool.exhaust();
    let indicator = indicator(&pool);
    warning(&indicator).await;
    pool.beside(Answer::Never);
    let died_at = tokio::time::Instant::now();
    while died_at.elapsed() < secs(60) && indicator.check().await.is_ok() {
        tokio::time::advance(secs(5)).await;
    }
    assert!(died_at.elapsed() <= secs(29), "{:?}", died_at.elapsed());
}

// A packet was lost.
#[tokio::test(start_paused = true)]
async fn one_silent_look_beside_an_exhausted_pool_that_answered_lately_warns_once() {
    let pool = ToyPool::new();
    let indicator = indicator(&pool);
    passes(&indicator).await;
    pool.exhaust();
    pool.beside(Answer::Never);
    let text = warning(&indicator).await;
    assert!(text.contains("the next run looks again"), "{text}");
    pool.beside(AT_ONCE);
    warning(&indicator).await;
    assert_eq!(pool.counts().connected, 2, "at once");

    // The second one in a row counts, and each one after that.
    tokio::time::advance(secs(15)).await;
    pool.beside(Answer::Never);
    warning(&indicator).await;
    for _ in 0..3 {
        let text = failure(&indicator).await;
        assert!(text.contains("does not answer a new connection"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_beside_an_exhausted_pool_that_is_refused_or_has_nothing_before_it_fails_at_once() {
    let pool = ToyPool::new();
    pool.exhaust();
    pool.beside(Answer::Never);
    failure(&indicator(&pool)).await;

    let pool = ToyPool::new();
    let checked = indicator(&pool);
    passes(&checked).await;
    pool.exhaust();
    pool.beside(Answer::Refuses);
    failure(&checked).await;

    let pool = ToyPool::new();
    let checked = indicator(&pool);
    passes(&checked).await;
    tokio::time::advance(secs(35)).await;
    pool.exhaust();
    pool.beside(Answer::Never);
    failure(&checked).await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_may_be_short_of_places_is_looked_beside_once_in_an_interval() {
    let shared = PoolState::new(0, 0, 5).with_parent();
    for state in [None, Some(shared)] {
        let pool = ToyPool::new();
        pool.exhaust();
        pool.grows(Growth::Retried);
        pool.says(state);
        let indicator = indicator(&pool);
        for _ in 0..3 {
            warning(&indicator).await;
        }
        assert_eq!(pool.counts().connected, 1, "{state:?}");
        tokio::time::advance(secs(15)).await;
        warning(&indicator).await;
        assert_eq!(pool.counts().connected, 2, "{state:?}");
    }
}

// The pool of one is exhausted only because the run itself has the one.
#[tokio::test(start_paused = true)]
async fn a_connection_that_falls_silent_counts_more_than_an_earlier_answer_beside_the_pool() {
    let pool = ToyPool::with([AT_ONCE], 1);
    pool.exhaust();
    let indicator = indicator(&pool);
    warning(&indicator).await;
    pool.release(Answer::Never);
    pool.beside(Answer::Never);
    let text = failure(&indicator).await;
    assert!(text.contains("does not answer a query"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_becomes_free_within_the_run_passes() {
    let pool = ToyPool::new();
    pool.exhaust();
    pool.beside(Answer::After(Duration::from_secs(1)));
    pool.release_after(Duration::from_millis(1_500));
    passes(&indicator(&pool)).await;
}
