//! The recorder of the `metrics` facade, which is code of the application: each test has a process of
//! its own, since there is one recorder for all of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{
    Counter, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tower_health::{Health, Probe, Status};

use crate::support::{Dial, child, wait_until};

/// Keeps the gauges, and misbehaves on demand.
#[derive(Clone, Default)]
struct Gauges {
    values: Arc<Mutex<HashMap<String, f64>>>,
    panics: Arc<AtomicBool>,
    blocks: Arc<Mutex<()>>,
    durations: Arc<AtomicU64>,
}

struct Entry(Gauges, String);

impl GaugeFn for Entry {
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}
    fn set(&self, value: f64) {
        let mut values = self.0.values.lock().unwrap();
        values.insert(self.1.clone(), value);
    }
}

impl Recorder for Gauges {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        drop(self.blocks.lock().unwrap_or_else(PoisonError::into_inner));
        assert!(
            !self.panics.load(Ordering::Relaxed),
            "a bug of the recorder"
        );
        let labels = key
            .labels()
            .map(|label| format!(" {}={}", label.key(), label.value()));
        let series = format!("{}{}", key.name(), labels.collect::<String>());
        Gauge::from_arc(Arc::new(Entry(self.clone(), series)))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Durations(Arc::clone(&self.durations))))
    }
}

/// Counts what is recorded.
struct Durations(Arc<AtomicU64>);

impl HistogramFn for Durations {
    fn record(&self, _: f64) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Gauges {
    fn is(&self, series: &str, value: f64) -> bool {
        self.values.lock().unwrap().get(series) == Some(&value)
    }
}

const FAILED: &str = "health_check_state check=db probe=readiness state=fail";
const DRAINING: &str = "health_draining";

/// A runtime of its own, so that the test can block and wait.
fn running(db: &Dial) -> (tokio::runtime::Runtime, Health) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let _context = runtime.enter();
    let health = Health::builder()
        .ttl(Duration::from_millis(20))
        .readiness(db.check("db"))
        .start()
        .unwrap();
    (runtime, health)
}

#[test]
fn a_recorder_that_is_installed_late_follows_the_health_and_ends_with_it() {
    if !child::is_alone(
        module_path!(),
        "a_recorder_that_is_installed_late_follows_the_health_and_ends_with_it",
    ) {
        return;
    }
    let db = Dial::pass();
    let (_runtime, health) = running(&db);
    health.record_metrics().unwrap();
    let gauges = Gauges::default();
    metrics::set_global_recorder(gauges.clone())
        .map_err(drop)
        .unwrap();
    wait_until("the first state", || gauges.is(FAILED, 0.0));
    db.turn(Status::Fail);
    wait_until("the failure", || gauges.is(FAILED, 1.0));
    health.drain();
    wait_until("the drain", || gauges.is(DRAINING, 1.0));

    let weak = health.downgrade();
    drop(health);
    wait_until("the end", || weak.upgrade().is_none());
}

#[test]
fn a_recorder_that_panics_is_called_again_and_harms_nothing() {
    if !child::is_alone(
        module_path!(),
        "a_recorder_that_panics_is_called_again_and_harms_nothing",
    ) {
        return;
    }
    let db = Dial::pass();
    let (_runtime, health) = running(&db);
    let gauges = Gauges::default();
    gauges.panics.store(true, Ordering::Relaxed);
    metrics::set_global_recorder(gauges.clone())
        .map_err(drop)
        .unwrap();
    health.record_metrics().unwrap();
    db.turn(Status::Fail);
    wait_until("the failure", || {
        health.status(Probe::Readiness) == Status::Fail
    });
    gauges.panics.store(false, Ordering::Relaxed);
    wait_until("the recording", || gauges.is(FAILED, 1.0));
}

#[test]
fn a_recorder_that_blocks_delays_neither_checks_nor_the_end_of_the_runtime() {
    if !child::is_alone(
        module_path!(),
        "a_recorder_that_blocks_delays_neither_checks_nor_the_end_of_the_runtime",
    ) {
        return;
    }
    let db = Dial::pass();
    let (runtime, health) = running(&db);
    let gauges = Gauges::default();
    let _blocked = gauges.blocks.lock().unwrap();
    metrics::set_global_recorder(gauges.clone())
        .map_err(drop)
        .unwrap();
    health.record_metrics().unwrap();
    for status in [Status::Fail, Status::Pass, Status::Fail] {
        db.turn(status);
        wait_until("the change", || health.status(Probe::Readiness) == status);
    }
    assert!(gauges.values.lock().unwrap().is_empty());
    drop(runtime);
}

#[test]
fn a_health_whose_runtime_is_gone_is_still_recorded() {
    if !child::is_alone(
        module_path!(),
        "a_health_whose_runtime_is_gone_is_still_recorded",
    ) {
        return;
    }
    let (runtime, health) = running(&Dial::pass());
    let gauges = Gauges::default();
    metrics::set_global_recorder(gauges.clone())
        .map_err(drop)
        .unwrap();
    health.record_metrics().unwrap();
    wait_until("the start", || gauges.is("health_refresher_running", 1.0));
    drop(runtime);
    wait_until("the end of the refresher", || {
        gauges.is("health_refresher_running", 0.0)
    });
    health.drain();
    wait_until("the drain", || gauges.is(DRAINING, 1.0));
}

#[test]
fn a_health_that_is_recorded_twice_has_each_duration_once() {
    if !child::is_alone(
        module_path!(),
        "a_health_that_is_recorded_twice_has_each_duration_once",
    ) {
        return;
    }
    let (_runtime, health) = running(&Dial::pass());
    let gauges = Gauges::default();
    metrics::set_global_recorder(gauges.clone())
        .map_err(drop)
        .unwrap();
    health.record_metrics().unwrap();
    health.clone().record_metrics().unwrap();
    let recorded = || gauges.durations.load(Ordering::SeqCst);
    wait_until("durations", || recorded() >= 50);
    // Read in this order, because it runs meanwhile.
    let (recorded, snapshot) = (recorded(), health.snapshot());
    let check = snapshot.checks(Probe::Readiness).next().unwrap();
    let runs = check.stats().durations().count();
    assert!(recorded <= runs, "{recorded} durations of {runs} runs");
}
