//! Settings that cannot work are errors at the start.

use std::time::Duration;

use tower_health::recorder::{Recorder, RecorderBuilder, Retention};
use tower_health::{Health, Limits, Status};

use super::File;
use crate::support::recorded::healthy;

type Change = fn(RecorderBuilder) -> RecorderBuilder;

fn retention(change: fn(&mut Retention)) -> Retention {
    let mut retention = Retention::default();
    change(&mut retention);
    retention
}

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn each_setting_that_cannot_work_is_named() {
    let file = File::new();
    let health = healthy().await;
    let table: [(Change, &str); 14] = [
        (
            |b| b.interval(Duration::ZERO),
            "interval is 0s, but must be from 1s to 45m",
        ),
        (
            |b| b.interval(Duration::from_millis(999)),
            "interval is 999ms",
        ),
        (|b| b.interval(HOUR), "interval is 1h"),
        (
            |b| b.timeout(Duration::ZERO),
            "timeout is 0s, but must be from 100ms to 1m",
        ),
        (|b| b.flush_timeout(HOUR), "flush_timeout is 1h"),
        (|b| b.service(""), "the name of the service is empty"),
        (|b| b.service("a\nb"), "has a control character"),
        (
            |b| b.instance("x".repeat(129)),
            "the instance is longer than 128 bytes",
        ),
        (
            |b| b.retention(retention(|r| r.minutes = HOUR)),
            "retention.minutes",
        ),
        (
            |b| b.retention(retention(|r| r.hours = 50 * HOUR)),
            "retention.hours",
        ),
        (
            |b| b.retention(retention(|r| r.days = 31 * 24 * HOUR)),
            "retention.days",
        ),
        (
            |b| b.retention(retention(|r| r.days = Duration::MAX)),
            "retention.days",
        ),
        (
            |b| b.retention(retention(|r| r.transitions = 0)),
            "retention.transitions",
        ),
        (
            |b| b.retention(retention(|r| r.minutes = Duration::MAX)),
            "retention.hours",
        ),
    ];
    for (change, told) in table {
        let builder = change(Recorder::sqlite(file.path()));
        let error = builder.start(&health).unwrap_err();
        assert!(
            error.is_setting() && error.to_string().contains(told),
            "{error}"
        );
    }
    for no_file in ["/", "", ":memory:"] {
        let error = Recorder::sqlite(no_file).start(&health).unwrap_err();
        assert!(error.is_setting(), "{error}");
    }
    assert!(!file.path().exists());
}

#[cfg(feature = "recorder-postgres")]
#[tokio::test]
async fn a_url_that_is_none_is_not_quoted() {
    let health = healthy().await;
    for url in ["postgres://app:hunter2@[db/shop", "hunter2", ""] {
        let error = Recorder::postgres_url(url).start(&health).unwrap_err();
        assert!(
            error.is_setting() && !error.to_string().contains("hunter2"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_interval_is_bounded_by_what_is_in_memory() {
    let file = File::new();
    let mut limits = Limits::default();
    limits.minutes_per_check = 10;
    let health = Health::builder().limits(limits).start().unwrap();
    let start = |minutes: u64| {
        let interval = Duration::from_secs(60 * minutes);
        Recorder::sqlite(file.path())
            .interval(interval)
            .start(&health)
    };
    assert!(start(6).is_err());
    assert!(start(5).is_ok());
}

#[test]
fn a_runtime_is_needed() {
    let health = Health::fixed(Status::Pass);
    let error = Recorder::sqlite("health.db").start(&health).unwrap_err();
    assert!(error.is_setting(), "{error}");
}
