//! What the page shows, as plain data without any markup.

mod changes;
mod facts;
mod first;
mod mark;
mod row;
mod sentence;
mod sparkline;
mod story;
mod strip;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use self::changes::Changes;
pub(crate) use self::changes::Lost;
pub(crate) use self::facts::{Drain, Facts};
use self::first::First;
pub(crate) use self::mark::{Mark, Shape};
pub(crate) use self::row::{Row, Runs};
pub(crate) use self::sentence::Sentence;
pub(crate) use self::sparkline::{SIZE as SPARKLINE_SIZE, Sparkline};
pub(crate) use self::story::{Item, Story};
pub(crate) use self::strip::{CELLS, Cell, Strip};
use crate::{Health, Probe, Snapshot, Status, Subject, Transition};

/// How many of the latest transitions the page lists.
const LATEST: usize = 20;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// What the page shows.
#[derive(Debug)]
pub(crate) struct View {
    /// When the page was made. Ages count up to it.
    pub(crate) now: SystemTime,
    /// When the snapshot that it shows was taken.
    pub(crate) taken: SystemTime,
    pub(crate) sentence: Sentence,
    pub(crate) probes: Vec<ProbeView>,
    /// For how long readiness failed in the last hour, or since the start if that was later.
    pub(crate) lost: Lost,
    /// What does not work while the checks that do not pass do not.
    pub(crate) affected: Vec<String>,
    pub(crate) story: Story,
    pub(crate) facts: Facts,
    /// Failures first.
    pub(crate) rows: Vec<Row>,
    /// Newest first.
    pub(crate) latest: Vec<Transition>,
}

/// One of the three probes.
#[derive(Debug)]
pub(crate) struct ProbeView {
    pub(crate) probe: Probe,
    pub(crate) status: Status,
    pub(crate) since: Option<SystemTime>,
}

/// A link of the application or of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) relation: String,
    pub(crate) uri: String,
}

impl Link {
    pub(crate) fn new((relation, uri): (&str, &str)) -> Self {
        Self {
            relation: relation.to_owned(),
            uri: uri.to_owned(),
        }
    }

    /// Returns whether a browser may follow it: only web addresses, so that no text of the
    /// application becomes a script.
    pub(crate) fn is_web(&self) -> bool {
        let starts_with = |scheme: &str| {
            let start = self.uri.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        starts_with("https://") || starts_with("http://")
    }
}

impl View {
    pub(crate) fn new(health: &Health, now: SystemTime) -> Self {
        let snapshot = health.snapshot();
        let mut transitions = health.history();
        let changes = Changes::new(&transitions);
        let rows = rows(health, &snapshot, &changes, now);
        let probes: Vec<_> = Probe::ALL
            .iter()
            .map(|probe| ProbeView::new(*probe, &snapshot, &changes))
            .collect();
        let story = Story::new(&snapshot, &rows, &changes);
        let hour_ago = now.checked_sub(HOUR).unwrap_or(now);
        let mut view = Self {
            now,
            taken: snapshot.time(),
            sentence: Sentence::new(&snapshot, &rows, &probes, &changes),
            lost: changes.not_ready(hour_ago, now, &health.config().limits),
            affected: affected(&rows),
            facts: Facts::new(health, &snapshot, &story),
            probes,
            story,
            rows,
            latest: Vec::new(),
        };
        let earlier = transitions.len().saturating_sub(LATEST);
        view.latest = transitions.drain(earlier..).rev().collect();
        view
    }

    /// Returns a number that is another one once something has changed that a reader should see at
    /// once: more than a time, a duration or a number of runs.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.sentence.text(self.now).hash(&mut hasher);
        for probe in &self.probes {
            probe.status.hash(&mut hasher);
        }
        for row in &self.rows {
            let run = row.run.as_ref();
            let contradiction = run.and_then(|run| run.contradiction.as_deref());
            (&row.id, row.status, row.mark.word, row.cause).hash(&mut hasher);
            contradiction.hash(&mut hasher);
        }
        for change in &self.latest {
            (&change.subject, change.to, change.time).hash(&mut hasher);
        }
        self.facts.hash(&mut hasher);
        hasher.finish()
    }
}

impl ProbeView {
    fn new(probe: Probe, snapshot: &Snapshot, changes: &Changes<'_>) -> Self {
        let status = snapshot.status(probe);
        let subject = Subject::Probe(probe);
        let since = changes.since(&subject, |to| to == status);
        let since = since.map(|since| since.time);
        // A probe that never changed is as it was at the start.
        let unchanged = || (!changes.has(&subject)).then(|| snapshot.started());
        Self {
            probe,
            status,
            since: since.or_else(unchanged),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        probe_name(self.probe)
    }

    /// Returns the status code of the answer to the probe.
    pub(crate) fn code(&self) -> u16 {
        if self.status.is_healthy() { 200 } else { 503 }
    }
}

/// Returns the name of a probe as it begins a sentence.
pub(crate) fn probe_name(probe: Probe) -> &'static str {
    match probe {
        Probe::Liveness => "Liveness",
        Probe::Readiness => "Readiness",
        Probe::Startup => "Startup",
    }
}

/// Returns the rows of the table, failures first.
fn rows(health: &Health, snapshot: &Snapshot, changes: &Changes<'_>, now: SystemTime) -> Vec<Row> {
    let mut rows = Vec::new();
    let outage = changes.outage(snapshot.status(Probe::Readiness));
    for probe in [Probe::Readiness, Probe::Startup] {
        rows.extend(snapshot.checks(probe).map(|check| {
            let history = health.runs(probe, check.name());
            let mut row = Row::check(probe, check, history.as_ref(), changes, now);
            row.first = outage.and_then(|outage| First::new(probe, check, changes, outage));
            row
        }));
    }
    let startup = snapshot.report(Probe::Startup);
    // Gates come before the checks.
    let gates = startup.entries().len() - snapshot.checks(Probe::Startup).count();
    rows.extend(startup.entries().iter().take(gates).map(Row::gate));
    let liveness = snapshot.report(Probe::Liveness);
    rows.extend(liveness.entries().iter().map(Row::heartbeat));
    rows.sort_by_key(Row::rank);
    rows
}

/// Returns what does not work now, each once.
fn affected(rows: &[Row]) -> Vec<String> {
    let mut affected = Vec::new();
    for row in rows
        .iter()
        .filter(|row| row.status != Status::Pass && !row.is_awaited())
    {
        for endpoint in &row.affected {
            if !affected.contains(endpoint) {
                affected.push(endpoint.clone());
            }
        }
    }
    affected
}
