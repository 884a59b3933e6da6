//! A limit that cannot work is reported at the start, by its name and with its range.

use tower_health::{Health, HealthBuilder, Limits};

use super::support::{OPTION, error, from_toml, kinds};
use crate::support::{millis, secs, steady};

type Count = fn(&mut Limits) -> &mut usize;

/// Every limit that is a number, with its range.
const COUNTS: [(&str, Count, usize, usize); 17] = [
    (
        "excluded_names",
        |limits| &mut limits.excluded_names,
        1,
        65_536,
    ),
    ("query_bytes", |limits| &mut limits.query_bytes, 1, 65_536),
    (
        "pending_calls",
        |limits| &mut limits.pending_calls,
        1,
        1 << 20,
    ),
    (
        "pending_calls_per_peer",
        |limits| &mut limits.pending_calls_per_peer,
        1,
        1 << 20,
    ),
    ("watches", |limits| &mut limits.watches, 1, 1 << 20),
    (
        "watches_per_peer",
        |limits| &mut limits.watches_per_peer,
        1,
        1 << 20,
    ),
    ("services", |limits| &mut limits.services, 1, 65_536),
    (
        "service_name_bytes",
        |limits| &mut limits.service_name_bytes,
        1,
        4_096,
    ),
    ("transitions", |limits| &mut limits.transitions, 1, 65_536),
    ("log_lines", |limits| &mut limits.log_lines, 1, 65_536),
    (
        "history_per_check",
        |limits| &mut limits.history_per_check,
        1,
        4_096,
    ),
    (
        "history_bytes_per_check",
        |limits| &mut limits.history_bytes_per_check,
        1,
        1 << 20,
    ),
    (
        "samples_per_check",
        |limits| &mut limits.samples_per_check,
        1,
        65_536,
    ),
    (
        "minutes_per_check",
        |limits| &mut limits.minutes_per_check,
        1,
        10_080,
    ),
    (
        "readings_per_check",
        |limits| &mut limits.readings_per_check,
        1,
        4_096,
    ),
    ("text_bytes", |limits| &mut limits.text_bytes, 64, 65_536),
    (
        "detached_runs",
        |limits| &mut limits.detached_runs,
        1,
        1_024,
    ),
];

fn with(set: impl FnOnce(&mut Limits)) -> HealthBuilder {
    let mut limits = Limits::default();
    set(&mut limits);
    steady().limits(limits)
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_or_beyond_its_range_is_reported_by_its_name() {
    for (name, limit, least, most) in COUNTS {
        for absurd in [0, least - 1, most + 1, usize::MAX] {
            let error = error(with(|limits| *limit(limits) = absurd));
            let expected = format!("limits.{name} is {absurd}, but must be from {least} to {most}");
            assert_eq!(error.to_string(), expected);
            assert_eq!(kinds(&error), OPTION, "{name}");
        }
        for possible in [least, most] {
            let started = with(|limits| *limit(limits) = possible).start();
            assert!(started.is_ok(), "{name}: {possible}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_of_zero_or_beyond_an_hour_is_reported_by_its_name() {
    type Time = fn(&mut Limits) -> &mut std::time::Duration;
    let times: [(&str, Time); 2] = [
        ("read_timeout", |limits| &mut limits.read_timeout),
        ("lateness", |limits| &mut limits.lateness),
    ];
    for (name, limit) in times {
        for (absurd, text) in [(secs(0), "0s"), (secs(3601), "1h 1s")] {
            let error = error(with(|limits| *limit(limits) = absurd));
            let expected = format!("limits.{name} is {text}, but must be from 1ms to 1h");
            assert_eq!(error.to_string(), expected);
            assert_eq!(kinds(&error), OPTION, "{name}");
        }
        for possible in [millis(1), secs(3600)] {
            let started = with(|limits| *limit(limits) = possible).start();
            assert!(started.is_ok(), "{name}: {possible:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_limit_that_cannot_work_is_reported_at_once() {
    let builder = with(|limits| {
        for (_, limit, ..) in COUNTS {
            *limit(limits) = 0;
        }
        limits.lateness = secs(0);
    });
    let error = error(builder).to_string();
    for (name, ..) in COUNTS {
        assert!(error.contains(&format!("limits.{name} is 0, ")), "{error}");
    }
    assert!(error.contains("limits.lateness is 0s, "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_the_builder_win_over_those_of_the_file() {
    let file = from_toml("[health.limits]\nlog_lines = 7\nwatches = 8").unwrap();
    assert_eq!(
        (file.health.limits.log_lines, file.health.limits.watches),
        (7, 8)
    );
    let builder = Health::builder()
        .limits(Limits::default())
        .config(file.health);
    assert_eq!(format!("{builder:?}"), format!("{:?}", Health::builder()));
}
