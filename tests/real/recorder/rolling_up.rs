//! Rolling up in Postgres: the scenarios in `tests/support/recorded`, which also run in SQLite.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};

use super::Schema;
use crate::servers::postgres::Postgres;
use crate::support::recorded::{concurrent, late, merging, trimming};

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn minutes_rolled_up_to_hours_and_days_equal_direct_sums() {
    let server = Postgres::start().await;
    let mut runner = TestRunner::new(Config::default());
    for number in 0..10 {
        let steps = merging::steps().new_tree(&mut runner).unwrap().current();
        let schema = Schema::new(&server, &format!("steps_{number}")).await;
        println!("{steps:?}");
        merging::equals_direct_sums(&schema, &steps).await;
    }
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn processes_that_return_and_clocks_that_are_wrong_count_nothing_twice() {
    let server = Postgres::start().await;
    let schema = async |name: &str| Schema::new(&server, name).await;
    late::the_same_minutes_twice_count_once(&schema("same").await).await;
    late::each_process_counts_its_own_runs(&schema("restart").await).await;
    late::a_process_that_returns_after_days_counts_nothing_twice(&schema("returns").await).await;
    late::a_clock_that_is_behind_loses_and_doubles_nothing(&schema("behind").await).await;
    late::a_clock_that_is_set_back_erases_and_doubles_nothing(&schema("back").await).await;
    late::minutes_from_the_future_are_rolled_up_and_go(&schema("future").await).await;
    late::a_backlog_of_days_is_written_and_rolled_up(&schema("backlog").await).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn transitions_that_are_too_many_or_too_old_go() {
    let server = Postgres::start().await;
    let schema = async |name: &str| Schema::new(&server, name).await;
    trimming::the_latest_thousand_of_each_check_and_instance_stay(&schema("many").await).await;
    trimming::those_of_more_than_a_year_go(&schema("old").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Postgres: run .ci/test"]
async fn processes_that_write_and_tidy_at_once_count_each_run_once() {
    let server = Postgres::start().await;
    let schema = Schema::new(&server, "concurrent").await;
    concurrent::writers_and_tidiers_count_each_run_once(&schema).await;
}
