//! Starting needs a runtime with a timer, and says so.

use tokio::runtime::Builder;
use tower_health::{BuildError, Health, Probe, Status};

use super::support::{RUNTIME, kinds, ok};

fn assert_runtime(result: Result<Health, BuildError>, expected: &str) {
    let error = result.expect_err("it should not start");
    assert_eq!(kinds(&error), RUNTIME);
    assert_eq!(error.to_string(), expected);
}

#[test]
fn without_a_runtime_nothing_starts() {
    assert_runtime(
        Health::builder().readiness(ok("db")).start(),
        "`start` was called outside a tokio runtime: call it within one, or use `start_on`",
    );
}

#[test]
fn a_lack_of_a_runtime_does_not_hide_what_else_is_wrong() {
    let error = Health::builder().jitter(2.0).start().unwrap_err();
    assert!(error.is_option() && error.is_runtime());
    assert_eq!(
        error.to_string(),
        "jitter must be from 0 to 0.5; \
         `start` was called outside a tokio runtime: call it within one, or use `start_on`"
    );
}

#[test]
fn a_runtime_without_a_timer_is_refused() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let expected =
        "the timer of the tokio runtime is not enabled: call `enable_time` on its builder";
    assert_runtime(Health::builder().start_on(runtime.handle()), expected);
    let _inside = runtime.enter();
    assert_runtime(Health::builder().start(), expected);
}

#[test]
fn a_runtime_that_is_given_is_used() {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let health = Health::builder()
        .readiness(ok("db"))
        .start_on(runtime.handle())
        .unwrap();
    assert_eq!(health.status(Probe::Readiness), Status::Fail);
    runtime.block_on(health.await_ready()).unwrap();
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
}

#[test]
fn a_layer_needs_no_runtime() {
    let health = Health::fixed(Status::Pass);
    tower_health::HealthLayer::builder(health).build().unwrap();
}
