//! What failed first, and what followed.

use std::time::{Duration, SystemTime};

use super::changes::{Changes, Since};
use super::row::Kind;
use super::{Mark, ProbeView, Row};
use crate::{Probe, Snapshot, Status};

/// How many failures the story lists; the table has all.
const MOST: usize = 8;

/// A warning that is older than the first failure by more than this is told apart.
const BEFORE: Duration = Duration::from_secs(10 * 60);

/// What does not pass, or did not in the present outage, in the order in which it happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    /// What failed first, and what followed.
    pub(crate) items: Vec<Item>,
    /// How many more followed.
    pub(crate) more: usize,
    /// Warnings from long before the first failure.
    pub(crate) before: Vec<Item>,
    /// What has not finished or not run yet.
    pub(crate) awaited: Vec<String>,
}

/// A probe or a check that does not pass, or did not.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// When it began, in the present outage if there is one.
    pub(crate) since: Option<SystemTime>,
    pub(crate) mark: Mark,
    pub(crate) title: String,
    /// The id of its row; `None` for a probe.
    pub(crate) row: Option<String>,
    pub(crate) output: Option<String>,
    /// What it does again, and since when, if it changed after it began.
    pub(crate) again: Option<(&'static str, SystemTime)>,
    /// Whether it failed then, or only warned.
    has_failed: bool,
    /// Whether it no longer fails.
    is_over: bool,
    /// The place among the transitions; the last if no transition led there.
    place: usize,
}

impl Story {
    pub(super) fn new(snapshot: &Snapshot, rows: &[Row], changes: &Changes<'_>) -> Self {
        let is_wrong = |row: &Row| row.status != Status::Pass && !row.is_awaited();
        let is_told = |row: &&Row| is_wrong(row) || row.has_failed_before();
        // Gates and heartbeats have no transitions of their own: their probe tells of them.
        let checks = rows.iter().filter(|row| row.run.is_some());
        let mut items: Vec<_> = checks.filter(is_told).map(Item::check).collect();
        let probes = Probe::ALL
            .iter()
            .map(|probe| (*probe, snapshot.status(*probe)));
        items.extend(
            probes
                .filter(|(_, status)| *status != Status::Pass)
                .filter_map(|(probe, _)| Item::probe(probe, snapshot, rows, changes)),
        );
        items.sort_by_key(|item| item.place);
        let before = separate_before(&mut items);
        let more = items.len().saturating_sub(MOST);
        shorten(&mut items);
        Self {
            items,
            more,
            before,
            awaited: rows
                .iter()
                .filter(|row| row.is_awaited())
                .map(Row::title)
                .collect(),
        }
    }
}

/// Leaves the first and those that still fail, and then what there is room for.
fn shorten(items: &mut Vec<Item>) {
    for index in (1..items.len()).rev() {
        if items.len() > MOST && items.get(index).is_some_and(|item| item.is_over) {
            items.remove(index);
        }
    }
    items.truncate(MOST);
}

/// Takes the warnings out of these items that are much older than the first failure, if there is one.
fn separate_before(items: &mut Vec<Item>) -> Vec<Item> {
    let mut failures = items.iter().filter(|item| item.has_failed);
    let Some(start) = failures.find_map(|item| item.since) else {
        return Vec::new();
    };
    let is_before = |item: &Item| {
        let earlier = item
            .since
            .and_then(|since| start.duration_since(since).ok());
        !item.has_failed && earlier.is_some_and(|earlier| earlier > BEFORE)
    };
    let (before, rest) = items.drain(..).partition(is_before);
    *items = rest;
    before
}

impl Item {
    fn check(row: &Row) -> Self {
        let (begun, first) = (row.begun(), row.first.as_ref());
        let again = row.since.filter(|since| Some(*since) != begun);
        let again = again.map(|since| (again_as(row.status), since.time));
        Self {
            since: begun.map(|since| since.time),
            place: begun.map_or(usize::MAX, |since| since.place),
            mark: row.mark,
            title: row.title(),
            row: Some(row.id.clone()),
            output: match first {
                Some(first) if row.has_failed_before() => first.output.clone(),
                _ => row.output.clone(),
            },
            again,
            has_failed: first.map_or(row.status, |first| first.status) == Status::Fail,
            is_over: row.has_failed_before(),
        }
    }

    /// Returns `None` for a probe that only waits, which the sentence tells.
    fn probe(
        probe: Probe,
        snapshot: &Snapshot,
        rows: &[Row],
        changes: &Changes<'_>,
    ) -> Option<Self> {
        let view = ProbeView::new(probe, snapshot, changes);
        let subject = crate::Subject::Probe(probe);
        let since = changes.since(&subject, |to| to == view.status);
        let reasons = reasons(probe, snapshot, rows);
        // It has failed since the start, and everything that it waits for is still awaited.
        let has_failed_row = rows
            .iter()
            .any(|row| row.status == view.status && !row.is_awaited());
        if since.is_none() && !has_failed_row && !is_blamed(snapshot, probe) {
            return None;
        }
        Some(Self {
            since: view.since,
            place: since.map_or(usize::MAX, |Since { place, .. }| place),
            mark: view.status.into(),
            title: view.name().to_owned(),
            row: None,
            output: (!reasons.is_empty()).then(|| reasons.join("; ")),
            again: None,
            has_failed: view.status == Status::Fail,
            is_over: false,
        })
    }
}

/// Tells what a check does that did something else when it first failed or warned.
fn again_as(status: Status) -> &'static str {
    match status {
        Status::Pass => "passes again",
        Status::Warn => "warns",
        Status::Fail => "fails again",
    }
}

/// Returns whether something other than waiting fails the probe.
fn is_blamed(snapshot: &Snapshot, probe: Probe) -> bool {
    let has_started = snapshot.status(Probe::Startup) == Status::Pass;
    let report = snapshot.report(probe);
    let own = report.reasons().len();
    // A readiness that has not started says so in one of its reasons.
    let waiting = usize::from(probe == Probe::Readiness && !has_started);
    own > waiting
}

/// Returns why the process itself fails a probe, gates and heartbeats included.
pub(super) fn reasons(probe: Probe, snapshot: &Snapshot, rows: &[Row]) -> Vec<String> {
    let kind = match probe {
        Probe::Liveness => Some(Kind::Heartbeat),
        Probe::Startup => Some(Kind::Gate),
        _ => None,
    };
    let own = snapshot.report(probe).reasons().to_vec();
    let parts = rows
        .iter()
        .filter(|row| Some(row.kind) == kind && row.status != Status::Pass);
    own.into_iter().chain(parts.map(Row::reason)).collect()
}
