//! A statement of the application, on a connection for which the run has waited.

use std::time::Duration;

use tower_health::indicators::{Budget, DatabaseQueries};

use super::toy::ToyPool;
use super::{indicator, passes, warning};
use crate::support::millis;

#[tokio::test(start_paused = true)]
async fn a_statement_that_has_too_little_time_left_is_not_run() {
    let pool = ToyPool::new();
    let indicator = indicator(&pool).write_statement("INSERT");
    passes(&indicator).await;
    assert_eq!(pool.counts().written, 1);

    pool.exhaust();
    pool.beside(super::toy::Answer::Never);
    pool.release_after(millis(1_600));
    let text = warning(&indicator).await;
    assert!(text.contains("the statement was not run"), "{text}");
    assert_eq!(pool.counts().written, 1);

    pool.exhaust();
    pool.release_after(millis(1_000));
    passes(&indicator).await;
    assert_eq!(pool.counts().written, 2);
}

#[test]
fn queries_that_name_no_patience_have_some() {
    assert!(DatabaseQueries::default().patience() >= Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn a_budget_may_be_of_any_length() {
    let budget = Budget::start(Duration::MAX);
    budget.within("step", async {}).await.unwrap();
    let share = budget.within_share(Duration::MAX, "step", async {}).await;
    share.unwrap();
}
