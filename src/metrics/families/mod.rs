//! The table of metrics: names, types, units, and what each reads from the view.
//!
//! A state is one series of 0 or 1 for each of its values, so that sums over instances mean
//! something. No label has an error text, and a moment is a timestamp, not an age: both would make a
//! new series or a new value for every scrape.

mod check;
mod health;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) use self::check::is_unknown;
use super::view::View;
use crate::{Probe, RefresherState, RunDurations, Status};

/// A metric: all series of one name.
pub(super) struct Family {
    /// The name that Prometheus shows, with the suffix of a counter and of a unit.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// Gives each series to the writer.
    pub(super) series: Series,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The value of one series.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Whole(u64),
    Seconds(f64),
    Durations(&'a RunDurations),
}

pub(super) type Series = fn(&View, &mut Writer<'_>) -> fmt::Result;

/// Takes the labels and the value of one series.
pub(super) type Writer<'a> = dyn FnMut(&[Label<'_>], Value<'_>) -> fmt::Result + 'a;

pub(super) type Label<'a> = (&'static str, &'a str);

impl Family {
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        help: &'static str,
        series: Series,
    ) -> Self {
        Self {
            name,
            kind,
            help,
            series,
        }
    }

    /// Returns whether the unit is the second, which is the last word of the name.
    pub(super) fn is_in_seconds(&self) -> bool {
        self.name.ends_with("_seconds")
    }
}

pub(super) const FAMILIES: &[Family] = &[
    Family::new(
        "health_check_state",
        Kind::Gauge,
        "1 for the status of the check, after thresholds and criticality, and 0 for the others",
        check::state,
    ),
    Family::new(
        "health_check_stale",
        Kind::Gauge,
        "1 if the result is too old to count",
        |view, write| check::each(view, write, |check| Some(flag(check.is_stale()))),
    ),
    Family::new(
        "health_check_info",
        Kind::Gauge,
        "1 for each check",
        check::info,
    ),
    Family::new(
        "health_check_runs_total",
        Kind::Counter,
        "Runs by their outcome, before thresholds and criticality",
        check::runs,
    ),
    Family::new(
        "health_check_run_duration_seconds",
        Kind::Histogram,
        "How long runs took, without the lateness of the refresher",
        check::durations,
    ),
    Family::new(
        "health_check_last_result_timestamp_seconds",
        Kind::Gauge,
        "When the last run ended",
        |view, write| {
            check::each(view, write, |check| {
                Some(Value::Seconds(since_1970(check.time()?)))
            })
        },
    ),
    Family::new(
        "health_check_consecutive_failures",
        Kind::Gauge,
        "Runs in a row that failed, up to the last one",
        |view, write| {
            check::each(view, write, |check| {
                Some(Value::Whole(check.stats().consecutive_failures()))
            })
        },
    ),
    Family::new(
        "health_check_detached_runs",
        Kind::Gauge,
        "Runs that exceeded their timeout and still go on",
        |view, write| {
            check::each(view, write, |check| {
                Some(Value::Whole(check.detached_runs() as u64))
            })
        },
    ),
    Family::new(
        "health_check_transitions_total",
        Kind::Counter,
        "Changes of the status, by the new status; the first result is one",
        check::transitions,
    ),
    Family::new(
        "health_probe_state",
        Kind::Gauge,
        "1 for the status of the probe, and 0 for the others",
        health::probe_state,
    ),
    Family::new(
        "health_probe_requests_total",
        Kind::Counter,
        "Probes that were answered",
        health::probe_requests,
    ),
    Family::new(
        "health_draining",
        Kind::Gauge,
        "1 from the moment a drain begins",
        |view, write| write(&[], flag(view.snapshot.is_draining())),
    ),
    Family::new(
        "health_started",
        Kind::Gauge,
        "1 from the moment startup is complete",
        |view, write| write(&[], flag(view.snapshot.status(Probe::Startup).is_healthy())),
    ),
    Family::new(
        "health_start_time_seconds",
        Kind::Gauge,
        "When the health was started",
        |view, write| write(&[], Value::Seconds(since_1970(view.snapshot.started()))),
    ),
    Family::new(
        "health_info",
        Kind::Gauge,
        "1, with the release that runs",
        health::info,
    ),
    Family::new(
        "health_refresher_running",
        Kind::Gauge,
        "1 while the task that runs the checks works",
        |view, write| {
            let is_running = view.snapshot.refresher() == RefresherState::Running;
            write(&[], flag(is_running))
        },
    ),
    Family::new(
        "health_refresher_restarts_total",
        Kind::Counter,
        "Restarts of that task after a panic; should be 0",
        |view, write| write(&[], Value::Whole(view.restarts)),
    ),
    Family::new(
        "health_refresher_lateness_seconds",
        Kind::Gauge,
        "How late that task is, or was in its last turn, because the process or its runtime is busy",
        |view, write| write(&[], Value::Seconds(view.lateness.latest.as_secs_f64())),
    ),
    Family::new(
        "health_refresher_starved_runs_total",
        Kind::Counter,
        "Runs that failed while that task was late, and so do not count",
        |view, write| write(&[], Value::Whole(view.lateness.starved_runs)),
    ),
    Family::new(
        "health_missed_transitions_total",
        Kind::Counter,
        "Transitions that listeners missed because they were too slow; should be 0",
        |view, write| write(&[], Value::Whole(view.missed_by_listeners)),
    ),
    Family::new(
        "health_missed_log_lines_total",
        Kind::Counter,
        "Log lines that were lost because the subscriber was too slow; should be 0",
        |view, write| write(&[], Value::Whole(view.missed_by_log)),
    ),
];

const STATUSES: [Status; 3] = [Status::Pass, Status::Warn, Status::Fail];

fn flag(is_on: bool) -> Value<'static> {
    Value::Whole(is_on.into())
}

fn since_1970(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    // Whole milliseconds: a clock that is shown to people has no more.
    since.as_millis() as f64 / 1_000.0
}
