//! Rolling up: see the scenarios in `tests/support/recorded`, which also run against Postgres.

use proptest::prelude::*;
use tokio::runtime::Builder;

use super::File;
use crate::support::recorded::{concurrent, late, merging, trimming};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // `PROPTEST_CASES` sets more.
        cases: 12,
        ..ProptestConfig::default()
    })]

    #[test]
    fn minutes_rolled_up_to_hours_and_days_equal_direct_sums(steps in merging::steps()) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(merging::equals_direct_sums(&File::new(), &steps));
    }
}

#[tokio::test]
async fn the_same_minutes_written_twice_count_once() {
    late::the_same_minutes_twice_count_once(&File::new()).await;
}

#[tokio::test]
async fn a_restart_within_a_minute_erases_nothing() {
    late::each_process_counts_its_own_runs(&File::new()).await;
}

#[tokio::test]
async fn a_process_that_returns_after_days_counts_nothing_twice() {
    late::a_process_that_returns_after_days_counts_nothing_twice(&File::new()).await;
}

#[tokio::test]
async fn a_clock_that_is_behind_loses_and_doubles_nothing() {
    late::a_clock_that_is_behind_loses_and_doubles_nothing(&File::new()).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_erases_and_doubles_nothing() {
    late::a_clock_that_is_set_back_erases_and_doubles_nothing(&File::new()).await;
}

#[tokio::test]
async fn minutes_from_the_future_are_rolled_up_and_go() {
    late::minutes_from_the_future_are_rolled_up_and_go(&File::new()).await;
}

#[tokio::test]
async fn a_backlog_of_days_is_written_and_rolled_up() {
    late::a_backlog_of_days_is_written_and_rolled_up(&File::new()).await;
}

#[tokio::test]
async fn the_latest_thousand_transitions_of_each_check_and_instance_stay() {
    trimming::the_latest_thousand_of_each_check_and_instance_stay(&File::new()).await;
}

#[tokio::test]
async fn transitions_of_more_than_a_year_go() {
    trimming::those_of_more_than_a_year_go(&File::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_write_and_tidy_at_once_count_each_run_once() {
    concurrent::writers_and_tidiers_count_each_run_once(&File::new()).await;
}
