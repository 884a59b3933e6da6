//! What a recorder is told, with a recorder that remembers everything.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn};

use super::*;
use crate::{Check, Health, indicator_fn};

/// The latest value of each counter and gauge, and all values of each histogram.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    values: BTreeMap<String, f64>,
    durations: BTreeMap<String, Vec<f64>>,
    described: BTreeMap<String, Option<Unit>>,
    /// `Some` until it panics: how many series it takes before.
    panics_after: Option<usize>,
}

struct Handle(Memory, String);

impl Handle {
    fn keep(&self, value: f64) {
        let values = &mut self.0.0.lock().unwrap().values;
        values.insert(self.1.clone(), value);
    }
}

impl CounterFn for Handle {
    fn increment(&self, _: u64) {
        panic!("a counter is absolute");
    }

    fn absolute(&self, value: u64) {
        let mut told = self.0.0.lock().unwrap();
        let counter = told.values.entry(self.1.clone()).or_default();
        // As the atomics of the facade do.
        *counter = counter.max(value as f64);
    }
}

impl GaugeFn for Handle {
    fn increment(&self, _: f64) {
        panic!("a gauge is absolute");
    }

    fn decrement(&self, _: f64) {
        panic!("a gauge is absolute");
    }

    fn set(&self, value: f64) {
        self.keep(value);
    }
}

impl HistogramFn for Handle {
    fn record(&self, value: f64) {
        let durations = &mut self.0.0.lock().unwrap().durations;
        durations.entry(self.1.clone()).or_default().push(value);
    }
}

impl Memory {
    fn describe(&self, name: &KeyName, unit: Option<Unit>) {
        let described = &mut self.0.lock().unwrap().described;
        let known = described.insert(name.as_str().to_owned(), unit);
        assert!(known.is_none(), "{} is described twice", name.as_str());
    }

    fn handle(&self, key: &Key) -> Arc<Handle> {
        let left = self.0.lock().unwrap().panics_after;
        let after = left.map(|left| left.checked_sub(1));
        self.0.lock().unwrap().panics_after = after.flatten();
        assert!(after != Some(None), "a bug of the recorder");
        let labels = key
            .labels()
            .map(|label| format!(" {}={}", label.key(), label.value()));
        let series = format!("{}{}", key.name(), labels.collect::<String>());
        Arc::new(Handle(self.clone(), series))
    }

    fn value(&self, series: &str) -> Option<f64> {
        self.0.lock().unwrap().values.get(series).copied()
    }

    fn durations(&self, series: &str) -> usize {
        let told = self.0.lock().unwrap();
        told.durations.get(series).map_or(0, Vec::len)
    }
}

impl Recorder for Memory {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&name, unit);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&name, unit);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&name, unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.handle(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.handle(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.handle(key))
    }
}

const RUNS: &str = "health_check_runs_total check=db probe=readiness outcome=pass";
const STATE: &str = "health_check_state check=db probe=readiness state=pass";
const DURATIONS: &str = "health_check_run_duration_seconds check=db probe=readiness";

fn db() -> Check {
    Check::new(indicator_fn("db", async || Ok::<_, &str>(())))
}

async fn ready() -> Health {
    let health = Health::builder()
        .jitter(0.0)
        .readiness(db())
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    health
}

#[tokio::test(start_paused = true)]
async fn every_metric_is_described_once_with_its_unit() {
    let (memory, health) = (Memory::default(), ready().await);
    let mut facade = Facade::default();
    for _ in 0..3 {
        facade.record_to(&memory, &View::of(&health));
    }
    let described = &memory.0.lock().unwrap().described;
    assert_eq!(described.len(), FAMILIES.len());
    for (name, unit) in described {
        let is_time = name.contains("time") || name.contains("duration") || name.contains("late");
        assert_eq!(unit.is_some(), is_time, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_duration_is_recorded_once_however_often_everything_is_recorded() {
    let (memory, health) = (Memory::default(), ready().await);
    let mut facade = Facade::default();
    for runs in 1..4 {
        for _ in 0..2 {
            facade.record_to(&memory, &View::of(&health));
        }
        assert_eq!(memory.value(RUNS), Some(f64::from(runs)));
        assert_eq!(memory.durations(DURATIONS), runs as usize);
        health.run_now("db").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_comes_late_learns_everything() {
    let health = ready().await;
    let mut facade = Facade::default();
    facade.record_to(&metrics::NoopRecorder, &View::of(&health));
    health.run_now("db").await.unwrap();
    let memory = Memory::default();
    facade.record_to(&memory, &View::of(&health));
    assert_eq!(memory.value(RUNS), Some(2.0));
    assert_eq!(memory.durations(DURATIONS), 2);
}

#[tokio::test(start_paused = true)]
async fn the_gauges_of_a_removed_check_become_zero_and_its_counters_never_fall() {
    let (memory, health) = (Memory::default(), ready().await);
    let mut facade = Facade::default();
    health.run_now("db").await.unwrap();
    facade.record_to(&memory, &View::of(&health));
    assert_eq!(
        (memory.value(STATE), memory.value(RUNS)),
        (Some(1.0), Some(2.0))
    );

    health.remove_readiness("db").await.unwrap();
    facade.record_to(&memory, &View::of(&health));
    assert_eq!(
        (memory.value(STATE), memory.value(RUNS)),
        (Some(0.0), Some(2.0))
    );

    health.add_readiness(db()).await.unwrap();
    health.run_now("db").await.unwrap(); // the second run
    facade.record_to(&memory, &View::of(&health));
    assert_eq!(
        (memory.value(STATE), memory.value(RUNS)),
        (Some(1.0), Some(4.0))
    );
    assert_eq!(memory.durations(DURATIONS), 4);
}

/// Records with a recorder that panics after this many series. Returns whether it did.
fn panics(facade: &mut Facade, memory: &Memory, after: usize, health: &Health) -> bool {
    memory.0.lock().unwrap().panics_after = Some(after);
    let view = View::of(health);
    let recorded = catch_unwind(AssertUnwindSafe(|| facade.record_to(memory, &view)));
    memory.0.lock().unwrap().panics_after = None;
    recorded.is_err()
}

// Wherever it panics.
#[tokio::test(start_paused = true)]
async fn a_recorder_that_panics_once_is_told_everything_once() {
    let health = ready().await;
    let mut runs = 1;
    for after in 0.. {
        let (memory, mut facade) = (Memory::default(), Facade::default());
        facade.record_to(&memory, &View::of(&health));
        health.run_now("db").await.unwrap();
        runs += 1;
        let has_panicked = panics(&mut facade, &memory, after, &health);
        facade.record_to(&memory, &View::of(&health));
        assert_eq!(memory.value(RUNS), Some(f64::from(runs)), "{after}");
        assert_eq!(memory.durations(DURATIONS), runs as usize, "{after}");
        if !has_panicked {
            assert!(after > 30, "{after} series");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_a_check_is_gone_neither_keeps_its_gauges_nor_changes_its_counters() {
    let health = ready().await;
    for after in 0.. {
        let (memory, mut facade) = (Memory::default(), Facade::default());
        facade.record_to(&memory, &View::of(&health));
        health.remove_readiness("db").await.unwrap();
        let has_panicked = panics(&mut facade, &memory, after, &health);
        facade.record_to(&memory, &View::of(&health));
        assert_eq!(memory.value(STATE), Some(0.0), "{after}");
        assert_eq!(memory.value(RUNS), Some(1.0), "{after}");
        health.add_readiness(db()).await.unwrap();
        health.await_ready().await.unwrap();
        facade.record_to(&memory, &View::of(&health));
        assert_eq!(memory.value(RUNS), Some(2.0), "{after}");
        assert_eq!(memory.durations(DURATIONS), 2, "{after}");
        if !has_panicked {
            return;
        }
    }
}

// As many runs as before, or more: no counter shows by itself that it began anew.
#[tokio::test(start_paused = true)]
async fn a_check_that_comes_back_between_two_recordings_adds_all_of_its_counters() {
    let (memory, health) = (Memory::default(), ready().await);
    let mut facade = Facade::default();
    let mut all = 1;
    for runs in 1..4 {
        facade.record_to(&memory, &View::of(&health));
        assert_eq!(memory.value(RUNS), Some(f64::from(all)));
        assert_eq!(memory.durations(DURATIONS), all as usize);
        health.remove_readiness("db").await.unwrap();
        health.add_readiness(db()).await.unwrap();
        health.await_ready().await.unwrap(); // the first run
        for _ in 1..runs {
            health.run_now("db").await.unwrap();
        }
        all += runs;
    }
}
