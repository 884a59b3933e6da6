//! What the connections of the pool answer.

use std::time::Duration;

use tower_health::{HealthIndicator, Status};

use super::toy::{AT_ONCE, Answer, Counts, Growth, Test, ToyPool};
use super::{failure, indicator, passes, warning};
use crate::support::millis;

// pooled: ----------------answer
// beside:         ------------------answer
#[tokio::test(start_paused = true)]
async fn a_slow_answer_of_the_pool_passes_although_the_run_looks_beside() {
    let pool = ToyPool::with([Answer::After(millis(1_500))], 5);
    pool.beside(Answer::After(millis(1_000)));
    passes(&indicator(&pool)).await;
    let Counts {
        connected,
        discarded,
        ..
    } = pool.counts();
    assert_eq!((connected, discarded), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_discarded_once_another_answers() {
    let pool = ToyPool::with([Answer::Never], 5);
    let text = warning(&indicator(&pool)).await;
    assert!(
        text.starts_with("1 connection of the pool was dead"),
        "{text}"
    );
    assert_eq!(pool.counts().discarded, 1);
    passes(&indicator(&pool)).await;
}

#[tokio::test(start_paused = true)]
async fn behind_a_pooler_a_silent_connection_has_all_the_time() {
    let pool = ToyPool::with([Answer::After(Duration::from_secs(13))], 5);
    passes(&indicator(&pool).behind_pooler()).await;
    assert_eq!(pool.counts().discarded, 0);

    // A dead one is found all the same.
    let pool = ToyPool::with([Answer::Never], 5);
    warning(&indicator(&pool).behind_pooler()).await;
    assert_eq!(pool.counts().discarded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_breaks_off_each_query_is_not_asked_in_a_loop() {
    let pool = ToyPool::with([Answer::Breaks], 5);
    pool.grows(Growth::Breaks);
    pool.beside(Answer::Breaks);
    let text = failure(&indicator(&pool)).await;
    assert!(
        text.contains("toys:4711 broke off a query: broken"),
        "{text}"
    );
    let Counts {
        taken, connected, ..
    } = pool.counts();
    // The one that was open, and a new one.
    assert_eq!((taken, connected), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_server_is_reported_at_once() {
    let pool = ToyPool::with([Answer::Refuses], 5);
    let text = failure(&indicator(&pool)).await;
    assert_eq!(text, "toys:4711 answers a query with: refused");
    let Counts {
        taken, connected, ..
    } = pool.counts();
    assert_eq!((taken, connected), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_that_answers_fails_within_the_timeout() {
    let pool = ToyPool::with([Answer::Never], 5);
    pool.beside(Answer::Never);
    let text = failure(&indicator(&pool)).await;
    assert!(text.contains("does not answer a query"), "{text}");
    assert!(
        text.contains("does not answer a new connection either"),
        "{text}"
    );
    assert_eq!(pool.counts().discarded, 1, "it may have a question open");
}

// Each needs 200 ms, and the run has only 250 ms left when it knows that.
#[tokio::test(start_paused = true)]
async fn idle_connections_that_answer_in_a_round_trip_are_not_closed_for_being_slow() {
    let round_trip = Answer::After(millis(200));
    let pool = ToyPool::with([Answer::Never].into_iter().chain([round_trip; 4]), 5);
    pool.beside(round_trip);
    pool.login(millis(450));
    warning(&indicator(&pool)).await;
    assert_eq!(pool.counts().discarded, 1);
}

// On a network without a delay, the time to connect says nothing of an idle connection.
#[tokio::test(start_paused = true)]
async fn dead_connections_are_found_although_a_new_one_takes_long() {
    let pool = ToyPool::with([Answer::Never; 5], 5);
    pool.login(millis(300));
    warning(&indicator(&pool)).await;
    assert_eq!(pool.counts().discarded, 5);
    passes(&indicator(&pool)).await;
}

// The application gets none of them, run after run.
#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_on_idle_connections_fails() {
    for open in [1, 3] {
        let pool = ToyPool::with([AT_ONCE; 3].into_iter().take(open), 5);
        pool.tests(Test::Hangs);
        let indicator = indicator(&pool);
        let text = failure(&indicator).await;
        assert!(text.contains("its hooks may fail"), "{open}: {text}");
        // The run has closed some, and the pool gives new ones.
        for _ in 0..6 {
            if let Ok(observation) = indicator.check().await {
                assert_eq!(
                    observation.status(),
                    Status::Pass,
                    "{open}: {observation:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dead_connections_that_the_pool_tests_itself_are_no_hook_that_hangs() {
    for dead in 1..=5 {
        let pool = ToyPool::with([Answer::Never; 5].into_iter().take(dead), 5);
        pool.tests(Test::Ping);
        warning(&indicator(&pool)).await;
        passes(&indicator(&pool)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn dead_connections_that_no_run_can_take_while_idle_never_fail() {
    for test in [Test::None, Test::Ping] {
        for dead in 1..=9 {
            let pool = ToyPool::with([Answer::Never; 9].into_iter().take(dead), 9);
            pool.tests(test);
            pool.hides_idle();
            let indicator = indicator(&pool);
            let mut runs = 0;
            while indicator.check().await.unwrap().status() != Status::Pass {
                runs += 1;
                assert!(runs <= dead, "{test:?}, {dead}");
            }
        }
    }
}

// The query was sent a moment before the server answered beside the pool.
#[tokio::test(start_paused = true)]
async fn a_query_that_had_less_time_than_the_one_beside_the_pool_took_blames_no_connection() {
    let pool = ToyPool::new();
    pool.exhaust();
    pool.beside(Answer::After(millis(200)));
    pool.release_later(millis(1_050), Answer::After(millis(200)));
    passes(&indicator(&pool)).await;
    assert_eq!(pool.counts().discarded, 0);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_any_length_runs() {
    let pool = ToyPool::new();
    let indicator = indicator(&pool).timeout(Duration::MAX);
    let _ = indicator.check().await.unwrap();
}
