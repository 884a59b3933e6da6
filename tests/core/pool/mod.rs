//! The engine under all indicators for pools, over a pool that does as it is told, in paused time.

mod toy;

use std::time::Duration;

use tower_health::indicators::{ExhaustedPool, PoolIndicator, PoolState};
use tower_health::{HealthIndicator, Status};

use self::toy::{Answer, ToyPool};
use crate::support::millis;

fn indicator(pool: &ToyPool) -> PoolIndicator<ToyPool> {
    PoolIndicator::over("toys", pool.clone())
}

async fn warning(pool: &ToyPool) -> String {
    let observation = indicator(pool).check().await.unwrap();
    assert_eq!(observation.status(), Status::Warn, "{observation:?}");
    observation.output().unwrap().to_owned()
}

async fn failure(pool: &ToyPool) -> String {
    indicator(pool)
        .check()
        .await
        .unwrap_err()
        .output()
        .to_owned()
}

// pooled: ----------------answer
// beside:         ------------------answer
#[tokio::test(start_paused = true)]
async fn a_slow_answer_of_the_pool_passes_although_the_run_looks_beside() {
    let pool = ToyPool::new().pooled(Answer::After(millis(1_500)));
    pool.beside(Answer::After(millis(1_000)));
    let observation = indicator(&pool).check().await.unwrap();
    assert_eq!(observation.status(), Status::Pass);
    assert_eq!((pool.connected(), pool.discarded()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_discarded_once_another_answers() {
    let pool = ToyPool::new().pooled(Answer::Never);
    let text = warning(&pool).await;
    assert!(
        text.starts_with("1 connection of the pool was dead"),
        "{text}"
    );
    assert_eq!(pool.discarded(), 1);
}

#[tokio::test(start_paused = true)]
async fn behind_a_pooler_a_silent_connection_has_all_the_time() {
    let pool = ToyPool::new().pooled(Answer::After(Duration::from_secs(13)));
    let observation = indicator(&pool).behind_pooler().check().await.unwrap();
    assert_eq!(observation.status(), Status::Pass);
    assert_eq!(pool.discarded(), 0);

    // A dead one is found all the same.
    let pool = ToyPool::new().pooled(Answer::Never);
    let observation = indicator(&pool).behind_pooler().check().await.unwrap();
    assert_eq!(observation.status(), Status::Warn);
    assert_eq!(pool.discarded(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_breaks_off_each_query_is_not_asked_in_a_loop() {
    let pool = ToyPool::new().pooled(Answer::Breaks);
    pool.beside(Answer::Breaks);
    let text = failure(&pool).await;
    assert!(
        text.contains("toys:4711 broke off a query: broken"),
        "{text}"
    );
    // The one that was open, and a new one.
    assert_eq!((pool.taken(), pool.connected()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_server_is_reported_at_once() {
    let pool = ToyPool::new().pooled(Answer::Refuses);
    let text = failure(&pool).await;
    assert_eq!(text, "toys:4711 answers a query with: refused");
    assert_eq!((pool.taken(), pool.connected()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_that_answers_fails_within_the_timeout() {
    let pool = ToyPool::new().pooled(Answer::Never);
    pool.beside(Answer::Never);
    let text = failure(&pool).await;
    assert!(text.contains("does not answer a query"), "{text}");
    assert!(
        text.contains("does not answer a new connection either"),
        "{text}"
    );
    assert_eq!(pool.discarded(), 1, "it may have a question open");
}

// It cannot be told from one that is exhausted.
#[tokio::test(start_paused = true)]
async fn a_pool_without_numbers_that_gives_nothing_warns_or_fails_as_configured() {
    let pool = ToyPool::new().gives_none().state(None);
    let text = warning(&pool).await;
    assert!(
        text.starts_with("the pool gave no connection within 0.9 s"),
        "{text}"
    );
    let strict = indicator(&pool).exhausted_pool(ExhaustedPool::Fails);
    strict.check().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_pool_with_room_that_gives_nothing_fails() {
    let pool = ToyPool::new()
        .gives_none()
        .state(Some(PoolState::new(0, 0, 5)));
    let text = failure(&pool).await;
    assert!(
        text.contains("although toys:4711 answers a new connection"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_server_warns_an_instance_that_uses_connections_and_fails_one_without() {
    let pool = ToyPool::new()
        .gives_none()
        .state(Some(PoolState::new(2, 0, 5)));
    pool.beside(Answer::Full);
    let text = warning(&pool).await;
    assert!(text.contains("accepts no further one: full"), "{text}");
    let pool = ToyPool::new()
        .gives_none()
        .state(Some(PoolState::new(0, 0, 5)));
    pool.beside(Answer::Full);
    assert_eq!(failure(&pool).await, "cannot connect to toys:4711: full");
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_pool_is_looked_beside_once_in_an_interval_until_it_gives_a_connection() {
    let pool = ToyPool::new()
        .gives_none()
        .state(Some(PoolState::new(5, 0, 5)));
    let indicator = indicator(&pool);
    for connected in [1, 1, 1] {
        assert_eq!(indicator.check().await.unwrap().status(), Status::Warn);
        assert_eq!(pool.connected(), connected);
    }
    tokio::time::advance(Duration::from_secs(15)).await;
    assert_eq!(indicator.check().await.unwrap().status(), Status::Warn);
    assert_eq!(pool.connected(), 2);
    pool.give();
    assert_eq!(indicator.check().await.unwrap().status(), Status::Pass);
    pool.take_away();
    assert_eq!(indicator.check().await.unwrap().status(), Status::Warn);
    assert_eq!(pool.connected(), 3, "at once, after another result");
    tokio::time::advance(Duration::from_secs(15)).await;
    pool.beside(Answer::Never);
    indicator.check().await.unwrap_err();
    indicator.check().await.unwrap_err();
    assert_eq!(pool.connected(), 5);
}
