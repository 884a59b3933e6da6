//! One span for each run, where the user asks for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tokio::time::{advance, sleep};
use tower_health::test_util::Step;
use tower_health::{Check, Health, OnTimeout, Probe, Status, indicator_fn};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::support::log::Fields;
use crate::support::{lapse, millis, secs, settle, steady};

/// A span as it was when it closed, and the messages of the events within it.
#[derive(Clone, Debug, Default)]
struct Seen {
    fields: BTreeMap<&'static str, String>,
    events: Vec<String>,
    is_root: bool,
}

#[derive(Clone, Default)]
struct Spans {
    closed: Arc<Mutex<Vec<Seen>>>,
    /// The messages of the events outside of any span.
    outside: Arc<Mutex<Vec<String>>>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut seen = Seen {
            is_root: span.parent().is_none(),
            ..Seen::default()
        };
        attributes.record(&mut Fields(&mut seen.fields));
        span.extensions_mut().insert(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut extensions = span.extensions_mut();
        let seen = extensions.get_mut::<Seen>().unwrap();
        values.record(&mut Fields(&mut seen.fields));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let message = fields.remove("message").unwrap_or_default();
        match context.event_span(event) {
            Some(span) => {
                let mut extensions = span.extensions_mut();
                extensions.get_mut::<Seen>().unwrap().events.push(message);
            }
            None => self.outside.lock().unwrap().push(message),
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        assert_eq!(span.name(), "health_check");
        assert_eq!(span.metadata().target(), "tower_health");
        let seen = span.extensions().get::<Seen>().unwrap().clone();
        self.closed.lock().unwrap().push(seen);
    }
}

impl Spans {
    fn install(&self) -> DefaultGuard {
        set_default(tracing_subscriber::registry().with(self.clone()))
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.closed.lock().unwrap())
    }
}

/// An indicator that logs before and after it waits, and when it is dropped.
fn talkative(name: &str, takes: u64, result: Result<(), &'static str>) -> Check {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            tracing::info!("dropped");
        }
    }
    Check::new(indicator_fn(name, move || async move {
        let _last = Last;
        tracing::info!("asking");
        sleep(millis(takes)).await;
        tracing::info!("answered");
        result
    }))
}

fn text<'a>(seen: &'a Seen, field: &str) -> &'a str {
    seen.fields.get(field).map_or("", |text| text)
}

#[tokio::test(start_paused = true)]
async fn each_run_has_a_span_with_its_check_its_outcome_and_what_the_indicator_logs() {
    let spans = Spans::default();
    let _guard = spans.install();
    let health = steady()
        .run_spans()
        .readiness(talkative("db", 20, Ok(())))
        .startup(talkative("cache", 10, Err("refused")));
    let _health = health.start().unwrap();
    settle().await;
    let seen = spans.take();
    let [cache, db] = &seen[..] else {
        panic!("{seen:#?}")
    };
    assert_eq!(
        (text(cache, "probe"), text(cache, "check")),
        ("startup", "cache")
    );
    assert_eq!(text(cache, "outcome"), "fail");
    assert_eq!((text(db, "probe"), text(db, "check")), ("readiness", "db"));
    assert_eq!(
        (text(db, "outcome"), text(db, "duration_seconds")),
        ("pass", "0.02")
    );
    for seen in [cache, db] {
        assert_eq!(seen.events, ["asking", "answered", "dropped"]);
        assert!(seen.is_root);
    }
    // What the refresher itself logs belongs to no run.
    let outside = spans.outside.lock().unwrap();
    assert!(
        outside
            .iter()
            .any(|line| line == "first health check result")
    );

    let _ = spans;
}

#[tokio::test(start_paused = true)]
async fn a_span_tells_how_its_run_ended() {
    let run = |step: Step| async move {
        let spans = Spans::default();
        let _guard = spans.install();
        let script = tower_health::test_util::ScriptedIndicator::new("db", [step]);
        let check = Check::new(script).timeout(secs(1));
        let _health = steady().run_spans().readiness(check).start().unwrap();
        lapse(millis(1_100)).await;
        let seen = spans.take();
        (
            text(&seen[0], "outcome").to_owned(),
            text(&seen[0], "duration_seconds").to_owned(),
        )
    };
    for (step, outcome, duration) in [
        (Step::pass(), "pass", "0.0"),
        (Step::warn("slow"), "warn", "0.0"),
        (Step::fail("refused"), "fail", "0.0"),
        (Step::panic("poisoned"), "panic", "0.0"),
        (Step::hang(), "timeout", "1.0"),
    ] {
        assert_eq!(run(step).await, (outcome.to_owned(), duration.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_aborted_run_is_dropped_within_its_span() {
    let spans = Spans::default();
    let _guard = spans.install();
    let check = talkative("db", 60_000, Ok(())).timeout(secs(1));
    let _health = steady().run_spans().readiness(check).start().unwrap();
    lapse(millis(1_100)).await;
    let seen = spans.take();
    assert_eq!(text(&seen[0], "outcome"), "timeout");
    assert_eq!(seen[0].events, ["asking", "dropped"]);
}

// Its result does not count, but it goes on and has one.
#[tokio::test(start_paused = true)]
async fn the_span_of_a_detached_run_ends_with_the_run() {
    let spans = Spans::default();
    let _guard = spans.install();
    let check = talkative("db", 3_000, Ok(())).timeout(secs(1));
    let check = check.on_timeout(OnTimeout::Detach).ttl(secs(60));
    let _health = steady().run_spans().readiness(check).start().unwrap();
    lapse(secs(2)).await;
    assert!(spans.take().is_empty());
    lapse(secs(2)).await;
    let seen = spans.take();
    assert_eq!(
        (
            text(&seen[0], "outcome"),
            text(&seen[0], "duration_seconds")
        ),
        ("pass", "3.0")
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_removed_during_a_run_leaves_a_span_without_an_outcome() {
    let spans = Spans::default();
    let _guard = spans.install();
    let check = talkative("db", 60_000, Ok(()));
    let health = steady().run_spans().readiness(check).start().unwrap();
    lapse(secs(1)).await;
    health.remove_readiness("db").await.unwrap();
    settle().await;
    let seen = spans.take();
    assert_eq!((seen.len(), text(&seen[0], "outcome")), (1, ""));
    assert_eq!(text(&seen[0], "duration_seconds"), "1.0");
}

// Nothing polls the run for more than half of its timeout.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_polled_late_and_times_out_says_so() {
    let spans = Spans::default();
    let _guard = spans.install();
    let check = Check::new(indicator_fn("db", || {
        assert!(advance(millis(600)).now_or_never().is_none());
        std::future::pending::<Result<(), &str>>()
    }));
    let check = check.timeout(secs(1)).ttl(secs(60));
    let _health = steady().run_spans().readiness(check).start().unwrap();
    lapse(secs(3)).await;
    let seen = spans.take();
    assert_eq!((seen.len(), text(&seen[0], "outcome")), (1, "timeout"));
}

// On the clock it took longer than its timeout, which it was given back.
#[tokio::test(start_paused = true)]
async fn a_run_that_was_paused_until_its_check_was_removed_did_not_time_out() {
    let spans = Spans::default();
    let _guard = spans.install();
    let check = talkative("db", 60_000, Ok(())).timeout(secs(2));
    let health = steady().run_spans().readiness(check).start().unwrap();
    settle().await;
    advance(secs(30)).await;
    settle().await;
    health.remove_readiness("db").await.unwrap();
    settle().await;
    let seen = spans.take();
    assert_eq!((seen.len(), text(&seen[0], "outcome")), (1, ""));
}

#[tokio::test(start_paused = true)]
async fn without_being_asked_there_is_no_span() {
    let spans = Spans::default();
    let _guard = spans.install();
    let _health = steady()
        .readiness(talkative("db", 0, Ok(())))
        .start()
        .unwrap();
    lapse(secs(10)).await;
    assert!(spans.take().is_empty());
    assert!(
        spans
            .outside
            .lock()
            .unwrap()
            .iter()
            .any(|line| line == "asking")
    );
}

/// A layer that panics in one of its callbacks.
struct PanicsOn(&'static str);

impl PanicsOn {
    fn meets(&self, callback: &str) {
        assert_ne!(callback, self.0, "a layer that panics");
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for PanicsOn {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.meets("new");
    }

    fn on_record(&self, _: &Id, _: &Record<'_>, _: Context<'_, S>) {
        self.meets("record");
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        self.meets("enter");
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        self.meets("exit");
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        self.meets("close");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_changes_no_result_and_keeps_no_thread_in_a_span() {
    for callback in ["new", "record", "enter", "exit", "close"] {
        let _guard = set_default(tracing_subscriber::registry().with(PanicsOn(callback)));
        let health: Health = steady()
            .run_spans()
            .readiness(indicator_fn("db", async || {
                sleep(millis(700)).await;
                Ok::<_, std::io::Error>(())
            }))
            .start()
            .unwrap();
        // Mostly within a run, which waits and so is not being polled.
        for _ in 0..100 {
            lapse(millis(100)).await;
            assert_eq!(Span::current().id(), None, "{callback}");
        }
        assert_eq!(health.status(Probe::Readiness), Status::Pass, "{callback}");
        assert_eq!(health.refresher_restarts(), 0, "{callback}");
        let runs = health.runs(Probe::Readiness, "db").unwrap();
        assert!(runs.samples().len() >= 5, "{callback}");
    }
}
