//! An indicator that is set by hand.

use std::thread;

use tower_health::indicators::SettableIndicator;
use tower_health::{Failure, HealthIndicator, Observation, Status};

use super::support::{number, output, status};
use crate::support::watched::Watched;

#[tokio::test(start_paused = true)]
async fn it_passes_until_it_is_set_and_says_then_what_it_was_set_to() {
    let switch = SettableIndicator::new("switch");
    let watched = Watched::start("switch", switch.clone());
    watched.passes().await;
    switch.fail("the warehouse is being moved");
    assert_eq!(watched.fails().await, "the warehouse is being moved");
    switch.warn("half of it is back");
    assert_eq!(watched.turns(Status::Warn).await, "half of it is back");
    switch.pass();
    watched.passes().await;
}

#[tokio::test]
async fn what_is_set_before_it_is_registered_holds_from_the_first_run() {
    let switch = SettableIndicator::new("switch");
    switch.fail("nobody said so yet");
    let watched = Watched::start("switch", switch);
    watched.turns_with(Status::Fail, "nobody said so yet").await;
}

#[tokio::test]
async fn a_thread_outside_of_the_runtime_sets_it_with_readings() {
    let switch = SettableIndicator::new("switch");
    let elsewhere = switch.clone();
    let setting = thread::spawn(move || {
        elsewhere.set(Err(
            Failure::new("too much").measurement("depth", 7, "messages")
        ));
    });
    setting.join().unwrap();
    let result = switch.check().await;
    assert_eq!(
        (status(&result), output(&result)),
        (Status::Fail, "too much")
    );
    assert_eq!(number(&result, "depth", "messages"), 7.0);

    switch.set(Ok(Observation::pass().measurement("depth", 0, "messages")));
    assert_eq!(switch.get(), switch.check().await);
    assert_eq!(number(&switch.get(), "depth", "messages"), 0.0);
}
