//! The one sentence that an operator reads first.

use std::time::SystemTime;

use super::changes::Changes;
use super::story::reasons;
use super::{ProbeView, Row, Shape};
use crate::page::text::{beginning, clock};
use crate::{Probe, RefresherState, Snapshot, Status, Subject};

/// The longest reason in the sentence, in bytes. The table has the whole text.
const REASON: usize = 240;

/// How many of those that are waited for have their names in the sentence.
const NAMED: usize = 4;

/// One sentence: the state of the service, since when, and why.
#[derive(Clone, Debug)]
pub(crate) struct Sentence {
    pub(crate) shape: Shape,
    /// Begins the sentence, such as `Not ready`.
    pub(crate) state: &'static str,
    pub(crate) since: Option<SystemTime>,
    /// What follows the colon.
    pub(crate) why: Option<String>,
}

impl Sentence {
    pub(super) fn new(
        snapshot: &Snapshot,
        rows: &[Row],
        probes: &[ProbeView],
        changes: &Changes<'_>,
    ) -> Self {
        let since = |probe| {
            let mut probes = probes.iter().filter(|view| view.probe == probe);
            probes.next().and_then(|view| view.since)
        };
        let of_process = |probe| some(reasons(probe, snapshot, rows).join("; "));
        let readiness = snapshot.status(Probe::Readiness);
        let (shape, state, since, why) = if snapshot.status(Probe::Liveness) == Status::Fail {
            let why = of_process(Probe::Liveness);
            (Shape::Fail, "Not alive", since(Probe::Liveness), why)
        } else if let Some(since) = snapshot.draining_since() {
            (Shape::Warn, "Draining", Some(since), Some(draining(rows)))
        } else if snapshot.status(Probe::Startup) == Status::Fail {
            let (shape, state, why) = starting(snapshot, rows);
            (shape, state, since(Probe::Startup), why)
        } else if readiness == Status::Fail {
            let parts = [of_process(Probe::Readiness), worst(rows, Shape::Fail)];
            let why = some(parts.into_iter().flatten().collect::<Vec<_>>().join("; "));
            match why {
                Some(why) => {
                    let why = why + &cause_that_is_over(rows).unwrap_or_default();
                    (Shape::Fail, "Not ready", since(Probe::Readiness), Some(why))
                }
                // No result has come yet, good or bad.
                None => {
                    let why = waiting(rows.iter());
                    (Shape::Unknown, "Starting", since(Probe::Readiness), why)
                }
            }
        } else {
            ready(snapshot, rows, changes)
        };
        Self {
            shape,
            state,
            since,
            why: why.map(|why| beginning(&why, REASON).into_owned()),
        }
    }

    /// Returns the sentence as plain text, without the age, which changes by itself.
    pub(crate) fn text(&self, now: SystemTime) -> String {
        let mut text = self.state.to_owned();
        if let Some(since) = self.since {
            text.push_str(" since ");
            text.push_str(&clock(since, now));
            text.push_str(" UTC");
        }
        if let Some(why) = &self.why {
            text.push_str(": ");
            text.push_str(why);
        }
        text
    }
}

type Parts = (Shape, &'static str, Option<SystemTime>, Option<String>);

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn draining(rows: &[Row]) -> String {
    let for_good = "readiness fails for good, open requests are still served";
    match worst(rows, Shape::Fail) {
        Some(worst) => format!("{for_good}; {worst}"),
        None => for_good.to_owned(),
    }
}

fn starting(snapshot: &Snapshot, rows: &[Row]) -> (Shape, &'static str, Option<String>) {
    let is_needed = |row: &&Row| Row::is_of_startup(row);
    let failed: Vec<_> = rows
        .iter()
        .filter(is_needed)
        .filter(|row| row.mark.shape >= Shape::Warn)
        .collect();
    if let Some(first) = failed.first() {
        let why = first.reason() + &and_more(failed.len() - 1);
        return (Shape::Fail, "Not started", Some(why));
    }
    if snapshot.refresher() != RefresherState::Running {
        let why = reasons(Probe::Startup, snapshot, &[]).join("; ");
        return (Shape::Fail, "Not started", some(why));
    }
    (
        Shape::Unknown,
        "Starting",
        waiting(rows.iter().filter(is_needed)),
    )
}

/// Names what has not finished or not run yet.
fn waiting<'a>(rows: impl Iterator<Item = &'a Row>) -> Option<String> {
    let awaited: Vec<_> = rows
        .filter(|row| row.is_awaited())
        .map(Row::title)
        .collect();
    let named = awaited.len().min(NAMED);
    let names = awaited.get(..named)?.join(", ");
    match awaited.len() - named {
        0 if named == 0 => None,
        0 => Some(format!("waiting for {names}")),
        more => Some(format!("waiting for {names} and {more} more")),
    }
}

fn ready(snapshot: &Snapshot, rows: &[Row], changes: &Changes<'_>) -> Parts {
    let subject = Subject::Probe(Probe::Readiness);
    let since = changes.since(&subject, Status::is_healthy);
    let since = since.map(|since| since.time);
    let since = since.or_else(|| (!changes.has(&subject)).then(|| snapshot.started()));
    if snapshot.status(Probe::Readiness) == Status::Warn {
        let why = worst(rows, Shape::Warn);
        return (Shape::Warn, "Ready, with a warning,", since, why);
    }
    let checks = rows.iter().filter(|row| row.run.is_some()).count();
    let mut doubtful = rows.iter().filter(|row| row.is_contradicted());
    let why = match (doubtful.next(), checks) {
        (Some(row), _) => row.contradiction() + &and_more(doubtful.count()),
        (None, 0) => "no check is registered".to_owned(),
        (None, 1) => "the only check passes".to_owned(),
        (None, checks) => format!("all {checks} checks pass"),
    };
    (Shape::Pass, "Ready", since, Some(why))
}

/// Returns the reason of the first row with this shape. Rows are sorted by what failed first.
fn worst(rows: &[Row], shape: Shape) -> Option<String> {
    let mut rows = rows.iter().filter(|row| row.mark.shape == shape);
    let first = rows.next()?.reason();
    Some(first + &and_more(rows.count()))
}

/// Names the check that readiness began to fail with, if it no longer fails.
fn cause_that_is_over(rows: &[Row]) -> Option<String> {
    let failed = rows.iter().filter_map(|row| {
        let first = row.first.as_ref()?;
        (first.status == Status::Fail && first.is_before_outage).then_some((first, row))
    });
    let (_, row) = failed.min_by_key(|(first, _)| first.since.place)?;
    let again = if row.status == Status::Pass {
        "passes again"
    } else {
        "warns"
    };
    row.has_failed_before()
        .then(|| format!("; {} failed first and {again}", row.title()))
}

fn and_more(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " (and 1 more check)".to_owned(),
        _ => format!(" (and {count} more checks)"),
    }
}
