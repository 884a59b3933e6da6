//! Texts are cut, and of many readings the first are kept.

use tower_health::{Health, HealthBuilder, Observation, ObservedValue, Probe};

use super::with;
use crate::support::{Dial, settle};

fn short() -> HealthBuilder {
    with(|limits| limits.text_bytes = 100)
}

async fn started(builder: HealthBuilder) -> Health {
    let health = builder.start().unwrap();
    settle().await;
    health
}

fn long() -> String {
    "a long story ".repeat(1000)
}

#[tokio::test(start_paused = true)]
async fn every_text_is_cut_at_the_limit() {
    let seen = Observation::warn(long()).value(long(), "");
    let builder = short()
        .readiness(Dial::at(Err(long().as_str().into())).check("db"))
        .readiness(Dial::at(Ok(seen)).check("cache"))
        .gate("migrations");
    let health = started(builder).await;
    health.gate("migrations").unwrap().fail(long());
    health.mark_broken(long());
    health.refuse_traffic(long());
    settle().await;

    let snapshot = health.snapshot();
    let mut texts = 0;
    let mut is_cut = |text: &str, most: usize| {
        assert!((90..=most).contains(&text.len()), "{}: {text}", text.len());
        texts += 1;
    };
    for check in snapshot.checks(Probe::Readiness) {
        is_cut(check.output().unwrap(), 100);
        for reading in check.readings() {
            let ObservedValue::Text(text) = reading.value() else {
                panic!("{reading:?}");
            };
            is_cut(text, 100);
        }
    }
    for probe in [Probe::Liveness, Probe::Readiness] {
        let report = snapshot.report(probe);
        is_cut(&report.output().unwrap(), 100);
        for reason in report.reasons().iter().filter(|reason| reason.len() > 50) {
            is_cut(reason, 100 + "refusing traffic: ".len());
        }
    }
    let history = health.history();
    for text in history.iter().filter_map(|t| t.output.as_deref()) {
        assert!(text.len() <= 100, "{text}");
    }
    assert_eq!(texts, 7);
}

#[tokio::test(start_paused = true)]
async fn the_output_of_a_probe_with_many_failing_checks_begins_as_if_it_were_not_cut() {
    let build = |bytes: usize| {
        let mut builder = with(|limits| limits.text_bytes = bytes);
        for n in 0..50 {
            let refused = format!("refused {n}");
            let check = Dial::at(Err(refused.as_str().into())).check(&format!("db-{n}"));
            builder = builder.readiness(check);
        }
        started(builder)
    };
    let output = |health: &Health| {
        let snapshot = health.snapshot();
        snapshot.report(Probe::Readiness).output().unwrap()
    };
    let whole = output(&build(65_536).await);
    assert!(
        whole.starts_with("db-0: refused 0; db-1: refused 1; "),
        "{whole}"
    );
    assert!(whole.ends_with("; db-49: refused 49"), "{whole}");
    for bytes in [64, 99, 100, 101, whole.len() - 1, whole.len()] {
        assert_eq!(output(&build(bytes).await), whole[..bytes], "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_readings_the_first_are_kept() {
    for (limit, builder) in [
        (64, with(|_| {})),
        (3, with(|limits| limits.readings_per_check = 3)),
    ] {
        let seen = (0..100_000).fold(Observation::pass(), |seen, n| {
            seen.measurement(format!("partition-{n}"), n, "messages")
        });
        let health = started(builder.readiness(Dial::at(Ok(seen)).check("lag"))).await;
        let snapshot = health.snapshot();
        let check = snapshot.checks(Probe::Readiness).next().unwrap();
        let readings = check.readings();
        assert_eq!(readings.len(), limit);
        assert_eq!(readings[2].measurement(), Some("partition-2"));
    }
}
