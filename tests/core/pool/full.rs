//! A server that accepts no further connection.

use std::time::Duration;

use super::toy::{AT_ONCE, Answer, Growth, ToyPool};
use super::{failure, indicator, passes, warning};
use crate::support::{millis, secs};

/// The pool has room, uses one and has another that is idle, of a server that is full.
fn full(idle: &[Answer]) -> ToyPool {
    let pool = ToyPool::with([AT_ONCE], 5);
    pool.take_idle_away();
    pool.exhaust();
    for answer in idle {
        pool.release(*answer);
    }
    pool.grows(Growth::Refused);
    pool.beside(Answer::Full);
    pool
}

// The listener of the server answers, and its backends hang.
#[tokio::test(start_paused = true)]
async fn a_full_server_does_not_excuse_a_connection_of_the_pool_that_falls_silent() {
    let pool = full(&[AT_ONCE]);
    let indicator = indicator(&pool);
    passes(&indicator).await;
    pool.idle_answer(Answer::Never);
    let text = failure(&indicator).await;
    assert!(text.contains("does not answer a query"), "{text}");
    assert!(
        text.contains("accepts no further connection: full"),
        "{text}"
    );
    // It is closed, and the application holds the others: they may be as silent.
    failure(&indicator).await;
    pool.release(AT_ONCE);
    passes(&indicator).await;
}

#[tokio::test(start_paused = true)]
async fn one_dead_connection_of_a_full_server_warns_while_another_answers() {
    let pool = full(&[AT_ONCE]);
    let indicator = indicator(&pool);
    passes(&indicator).await;
    pool.idle_answer(Answer::Never);
    pool.release(AT_ONCE);
    let text = warning(&indicator).await;
    assert!(text.contains("1 connection of the pool was dead"), "{text}");
    assert_eq!(pool.counts().discarded, 1);
    passes(&indicator).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_server_excuses_an_exhausted_pool_for_ten_minutes_after_the_last_answer() {
    let pool = full(&[AT_ONCE]);
    let indicator = indicator(&pool);
    passes(&indicator).await;
    let answered_at = tokio::time::Instant::now();
    pool.exhaust();
    while answered_at.elapsed() < secs(595) {
        let text = warning(&indicator).await;
        assert!(text.contains("no further one"), "{text}");
        tokio::time::advance(secs(5)).await;
    }
    tokio::time::advance(secs(5)).await;
    let text = failure(&indicator).await;
    assert!(
        text.contains("no connection of the pool has answered"),
        "{text}"
    );

    // Any answer of the pool begins another ten minutes.
    pool.release(AT_ONCE);
    passes(&indicator).await;
    pool.exhaust();
    warning(&indicator).await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_a_full_server_lets_not_grow_warns_while_the_application_uses_some() {
    for growth in [Growth::Refused, Growth::Retried] {
        let pool = ToyPool::new();
        let indicator = indicator(&pool);
        passes(&indicator).await;
        pool.take_idle_away();
        pool.grows(growth);
        pool.beside(Answer::Full);
        for _ in 0..3 {
            let text = warning(&indicator).await;
            assert!(text.contains("accepts no further one"), "{text}");
        }
        let connected = pool.counts().connected;
        assert!(connected <= 1, "{connected} beside, {growth:?}");
    }
}

// What the pool tries to open for the run is no connection that the application uses.
#[tokio::test(start_paused = true)]
async fn an_earlier_answer_does_not_hide_that_the_instance_has_lost_its_last_connection() {
    let pool = ToyPool::new();
    let indicator = indicator(&pool);
    passes(&indicator).await;
    pool.take_idle_away();
    pool.grows(Growth::Retried);
    pool.beside(Answer::Full);
    warning(&indicator).await;
    pool.close();
    let text = failure(&indicator).await;
    assert_eq!(text, "cannot connect to toys:4711: full");
}

// A pool may count what it tries to open as connections in use.
#[tokio::test(start_paused = true)]
async fn a_full_server_fails_an_instance_without_a_connection() {
    for growth in [Growth::Refused, Growth::Retried] {
        for most in [1, 5] {
            let pool = ToyPool::with([], most);
            pool.grows(growth);
            pool.beside(Answer::Full);
            let text = failure(&indicator(&pool)).await;
            assert_eq!(text, "cannot connect to toys:4711: full", "{growth:?}");
        }
    }
}

// Each caller of the application tries to connect.
#[tokio::test(start_paused = true)]
async fn a_full_server_fails_an_instance_whose_pool_has_never_answered() {
    let pool = ToyPool::new();
    pool.exhaust();
    pool.beside(Answer::Full);
    let text = failure(&indicator(&pool)).await;
    assert!(
        text.contains("no connection of the pool has answered yet"),
        "{text}"
    );
}

// Its answer was on the way when the run ended.
#[tokio::test(start_paused = true)]
async fn a_connection_that_a_run_wins_at_its_very_end_is_not_silent() {
    for at in [1_000, 1_790] {
        let pool = full(&[AT_ONCE]);
        let indicator = indicator(&pool);
        passes(&indicator).await;
        pool.exhaust();
        pool.release_later(millis(at), Answer::After(millis(900)));
        warning(&indicator).await;
        pool.exhaust();
        tokio::time::advance(secs(15)).await;
        warning(&indicator).await;
    }
}

// The application had the only one.
#[tokio::test(start_paused = true)]
async fn a_pool_of_one_that_a_run_wins_at_its_very_end_is_not_without_a_connection() {
    let pool = ToyPool::with([AT_ONCE], 1);
    pool.beside(Answer::Full);
    let indicator = indicator(&pool);
    passes(&indicator).await;
    pool.exhaust();
    pool.release_later(millis(1_790), Answer::After(millis(50)));
    warning(&indicator).await;
}

// The pool refuses at once, and what the application has returns a moment later.
#[tokio::test(start_paused = true)]
async fn a_run_over_a_pool_that_cannot_grow_waits_for_a_connection_in_use() {
    for at in [20, 700, 1_500] {
        let pool = ToyPool::new();
        let indicator = indicator(&pool);
        passes(&indicator).await;
        pool.take_idle_away();
        pool.grows(Growth::Refused);
        pool.beside(Answer::Full);
        pool.release_after(millis(at));
        passes(&indicator).await;
    }
}

// A place became free between the attempt of the pool and the one beside it.
#[tokio::test(start_paused = true)]
async fn a_pool_that_the_server_refuses_is_short_although_one_beside_it_is_accepted() {
    let pool = ToyPool::new();
    pool.take_idle_away();
    pool.grows(Growth::Refused);
    warning(&indicator(&pool)).await;
}

#[tokio::test(start_paused = true)]
async fn behind_a_pooler_that_is_full_nothing_is_known_of_the_server() {
    let pool = full(&[AT_ONCE]);
    let indicator = indicator(&pool).behind_pooler();
    passes(&indicator).await;
    pool.exhaust();
    let text = failure(&indicator).await;
    assert!(
        text.contains("the pooler accepts no further connection"),
        "{text}"
    );
}

// The pooler lets the pool not grow, and the application gives back what it has.
#[tokio::test(start_paused = true)]
async fn behind_a_pooler_that_is_full_a_run_waits_for_a_connection_in_use() {
    let pool = ToyPool::new();
    pool.take_idle_away();
    pool.grows(Growth::Refused);
    pool.beside(Answer::Full);
    pool.release_after(Duration::from_secs(9));
    let indicator = indicator(&pool).behind_pooler();
    passes(&indicator).await;
}
