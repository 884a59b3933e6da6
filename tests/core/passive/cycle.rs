//! What becomes of an instance that its own failed requests took out of traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::{Instant, sleep};
use tower_health::indicators::SettableIndicator;
use tower_health::{
    Check, CheckResult, ComponentType, Criticality, Failure, HealthIndicator, Probe, Status,
    indicator_fn,
};

use super::support::{answers, fail, give_up, hang, payments, status, told, work};
use crate::support::watched::Watched;
use crate::support::{millis, secs};

fn critical(indicator: impl HealthIndicator) -> Watched {
    let check = Check::new(indicator).criticality(Criticality::Critical);
    Watched::start_check("payments", check)
}

// requests:  100 fail   none for a window   20 fail   20 work
// readyz:    503        200                 503       200 when those that failed have left
#[tokio::test(start_paused = true)]
async fn without_traffic_it_returns_after_a_window_and_leaves_again_if_requests_still_fail() {
    let payments = payments().window(secs(10));
    let layer = payments.layer();
    let watched = critical(payments);
    watched.passes().await;
    for _ in 0..2 {
        fail(&layer, 20).await;
        let failed_at = Instant::now();
        watched.fails().await;
        watched.passes().await;
        let out = failed_at.elapsed();
        assert!((secs(9)..secs(12)).contains(&out), "{out:?}");
    }
    work(&layer, 20).await;
    sleep(secs(2)).await;
    watched.passes().await;
}

#[tokio::test(start_paused = true)]
async fn unless_it_is_critical_a_failure_is_a_warning() {
    let payments = payments();
    let layer = payments.layer();
    let watched = Watched::start_check("payments", payments);
    watched.passes().await;
    fail(&layer, 20).await;
    let output = watched.turns(Status::Warn).await;
    assert!(output.starts_with("20 of 20 requests failed"), "{output}");
    assert_eq!(watched.probe(Probe::Readiness).await, 200);
}

// requests:  none    20 fail            none for a window
// active:    pass    pass   fail        fail           pass
// readyz:    200     503    503         503            200
#[tokio::test(start_paused = true)]
async fn in_a_pair_the_active_check_decides_who_returns() {
    let payments = payments().window(secs(10));
    let layer = payments.layer();
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.pass();
    let watched = critical(payments.when_idle(Counting::new(Arc::clone(&by_hand))));
    watched.passes().await;
    fail(&layer, 20).await;
    let output = watched.fails().await;
    assert!(output.starts_with("20 of 20 requests failed"), "{output}");
    by_hand.fail("maintenance");
    watched.turns_with(Status::Fail, "maintenance").await;
    sleep(secs(3_600)).await;
    watched.turns_with(Status::Fail, "maintenance").await;
    by_hand.pass();
    watched.passes().await;
}

#[tokio::test(start_paused = true)]
async fn the_active_check_runs_only_without_traffic_and_once_in_its_ttl() {
    let payments = payments();
    let layer = payments.layer();
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.pass();
    let active = Counting::new(by_hand);
    let runs = Arc::clone(&active.runs);
    let paired = payments.when_idle(active);
    for _ in 0..100 {
        assert_eq!(status(&paired).await, Status::Pass);
        sleep(millis(100)).await;
    }
    assert_eq!(runs.load(Ordering::Relaxed), 2, "in 10 s at a TTL of 5 s");
    for _ in 0..100 {
        work(&layer, 20).await;
        assert_eq!(status(&paired).await, Status::Pass);
        sleep(millis(100)).await;
    }
    assert_eq!(runs.load(Ordering::Relaxed), 2, "while there is traffic");
}

#[tokio::test(start_paused = true)]
async fn below_the_floor_the_active_check_has_the_word_whatever_few_requests_say() {
    let payments = payments();
    let layer = payments.layer();
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.pass();
    let paired = payments.when_idle(Counting::new(by_hand));
    fail(&layer, 19).await;
    let result = paired.check().await.unwrap();
    assert_eq!(result.status(), Status::Pass);
    let reading = &result.readings()[0];
    assert_eq!(reading.measurement(), Some("requests"));
    assert_eq!(reading.value(), &19.into());
    fail(&layer, 1).await;
    assert_eq!(told(&paired).await.0, Status::Fail);
}

// active:  fails  pass
// pair:    fail   pass
#[tokio::test(start_paused = true)]
async fn a_failure_of_the_active_check_is_not_kept() {
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    let active = Counting::new(Arc::clone(&by_hand));
    let runs = Arc::clone(&active.runs);
    let paired = payments().when_idle(active);
    by_hand.fail("reset");
    assert_eq!(told(&paired).await, (Status::Fail, "reset".to_owned()));
    by_hand.pass();
    assert_eq!(status(&paired).await, Status::Pass);
    by_hand.fail("reset");
    assert_eq!(status(&paired).await, Status::Pass, "a pass is kept");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

// Each failure that a threshold counts is one that the dependency gave.
#[tokio::test(start_paused = true)]
async fn one_failure_of_the_active_check_does_not_reach_a_threshold_of_two() {
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.pass();
    let active = FailsOnce {
        inner: Counting::new(by_hand),
        at: 3,
    };
    let runs = Arc::clone(&active.inner.runs);
    let check = Check::new(payments().when_idle(active))
        .criticality(Criticality::Critical)
        .failure_threshold(2);
    let watched = Watched::start_check("payments", check);
    watched.passes().await;
    for _ in 0..1_200 {
        sleep(millis(50)).await;
        assert_eq!(watched.probe(Probe::Readiness).await, 200);
    }
    assert!(runs.load(Ordering::Relaxed) > 3);
}

// A timeout of 500 ms outside the layer.
// requests:  100 work   20 given up
// active:    pass       fail           pass
// pair:      pass       fail           warn
#[tokio::test(start_paused = true)]
async fn in_a_pair_the_active_check_tells_why_requests_were_given_up() {
    let payments = payments();
    let layer = payments.layer();
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.fail("no route");
    let active = Counting::new(Arc::clone(&by_hand));
    let runs = Arc::clone(&active.runs);
    let paired = payments.when_idle(active);
    answers(&layer, 100, 200, millis(16)).await;
    assert_eq!(status(&paired).await, Status::Pass);
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    give_up(&layer, 20, millis(500)).await;
    assert_eq!(told(&paired).await, (Status::Fail, "no route".to_owned()));
    by_hand.pass();
    let (status, output) = told(&paired).await;
    assert_eq!(status, Status::Warn);
    assert!(
        output.starts_with("20 of 120 requests were given up"),
        "{output}"
    );
}

// requests:  20 hang for longer than the window
#[tokio::test(start_paused = true)]
async fn in_a_pair_the_active_check_tells_why_requests_hang() {
    let payments = payments();
    let hanging = hang(&payments.layer(), 20);
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.fail("no route");
    let paired = payments.when_idle(Counting::new(Arc::clone(&by_hand)));
    tokio::time::advance(secs(60)).await;
    assert_eq!(told(&paired).await, (Status::Fail, "no route".to_owned()));
    by_hand.pass();
    assert_eq!(status(&paired).await, Status::Warn);
    drop(hanging);
}

// The active check never ends by itself: each run asks once, and ends at the timeout of 2 s.
#[tokio::test(start_paused = true)]
async fn an_active_check_that_hangs_is_asked_once_in_a_run() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let hanging = indicator_fn("hangs", move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<Result<(), String>>()
    });
    let check = Check::new(payments().when_idle(hanging))
        .criticality(Criticality::Critical)
        .timeout(secs(2));
    let watched = Watched::start_check("payments", check);
    watched.fails().await;
    asked.store(0, Ordering::Relaxed);
    sleep(secs(300)).await;
    let asked = asked.load(Ordering::Relaxed);
    assert!((90..=110).contains(&asked), "{asked} in 300 s, each 3 s");
}

#[tokio::test(start_paused = true)]
async fn a_pair_has_the_timeout_and_the_component_of_the_active_check() {
    let paired = payments().when_idle(Counting::new(Arc::new(SettableIndicator::new("by-hand"))));
    assert_eq!(paired.timeout(), Some(secs(2)));
    assert_eq!(paired.ttl(), None);
    assert_eq!(paired.component_type(), Some(ComponentType::Datastore));
    assert_eq!(paired.component_id().as_deref(), Some("primary"));
}

/// One that fails in its run of this number.
struct FailsOnce {
    inner: Counting,
    at: usize,
}

impl HealthIndicator for FailsOnce {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn check(&self) -> CheckResult {
        let result = self.inner.check().await;
        match self.inner.runs.load(Ordering::Relaxed) == self.at {
            true => Err(Failure::new("reset")),
            false => result,
        }
    }

    fn ttl(&self) -> Option<std::time::Duration> {
        self.inner.ttl()
    }
}

/// An active indicator that counts its runs.
struct Counting {
    by_hand: Arc<SettableIndicator>,
    runs: Arc<AtomicUsize>,
}

impl Counting {
    fn new(by_hand: Arc<SettableIndicator>) -> Self {
        let runs = Arc::default();
        Self { by_hand, runs }
    }
}

impl HealthIndicator for Counting {
    fn name(&self) -> &str {
        "not shown"
    }

    async fn check(&self) -> CheckResult {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.by_hand.get()
    }

    fn timeout(&self) -> Option<std::time::Duration> {
        Some(secs(2))
    }

    fn ttl(&self) -> Option<std::time::Duration> {
        Some(secs(5))
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Datastore)
    }

    fn component_id(&self) -> Option<String> {
        Some("primary".to_owned())
    }
}
