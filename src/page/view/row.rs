//! A row of the table: a check, a gate or a heartbeat.

use std::time::{Duration, SystemTime};

use super::changes::{Changes, Since};
use super::first::First;
use super::{Link, Mark, Shape, Sparkline, Strip};
use crate::{
    Cause, CheckState, Criticality, ObservedValue, Probe, Reading, ReportEntry, RunHistory, Status,
    Subject,
};

/// What a gate that is not completed yet says of itself.
const OPEN_GATE: &str = "not completed yet";

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Readiness,
    Startup,
    Gate,
    Heartbeat,
}

impl Kind {
    /// Returns the word for it; a readiness check, which most are, needs none.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Readiness => None,
            Self::Startup => Some("startup"),
            Self::Gate => Some("gate"),
            Self::Heartbeat => Some("heartbeat"),
        }
    }
}

/// What the table shows of a check, a gate or a heartbeat.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Stays the same from page to page.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) status: Status,
    pub(crate) mark: Mark,
    pub(crate) cause: Option<Cause>,
    pub(crate) is_critical: bool,
    /// Why it does not pass.
    pub(crate) output: Option<String>,
    pub(crate) since: Option<Since>,
    /// `Some` if it failed or warned in the present outage, even if it passes again.
    pub(crate) first: Option<First>,
    pub(crate) affected: Vec<String>,
    pub(crate) links: Vec<Link>,
    /// `Some` for a check.
    pub(crate) run: Option<Runs>,
}

/// What the runs of a check have been like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    pub(crate) last_pass: Option<SystemTime>,
    pub(crate) failures: u64,
    pub(crate) duration: Option<Duration>,
    pub(crate) timeout: Duration,
    pub(crate) detached: usize,
    pub(crate) contradiction: Option<String>,
    pub(crate) readings: Vec<String>,
    pub(crate) strip: Option<Strip>,
    pub(crate) sparkline: Option<Sparkline>,
}

impl Row {
    pub(super) fn check(
        probe: Probe,
        check: &CheckState,
        history: Option<&RunHistory>,
        changes: &Changes<'_>,
        now: SystemTime,
    ) -> Self {
        let kind = match probe {
            Probe::Startup => Kind::Startup,
            _ => Kind::Readiness,
        };
        let is_new = check.time().is_none() && check.cause().is_none() && check.output().is_some();
        let mark = if is_new {
            mark(Shape::Unknown, "not run yet")
        } else {
            check.status().into()
        };
        let run = Runs {
            last_pass: check.last_pass(),
            failures: check.stats().consecutive_failures(),
            duration: check.duration(),
            timeout: check.timeout(),
            detached: check.detached_runs(),
            contradiction: check.contradiction().map(str::to_owned),
            readings: check
                .readings()
                .iter()
                .map(|it| reading(it, check.name()))
                .collect(),
            strip: history.map(|history| Strip::new(history.minutes(), now)),
            sparkline: history.and_then(|history| Sparkline::new(history.samples())),
        };
        Self {
            id: id(probe.as_str(), check.name()),
            kind,
            name: check.name().to_owned(),
            status: check.status(),
            mark,
            cause: check.cause(),
            is_critical: check.criticality() == Criticality::Critical,
            output: check.output().filter(|_| !is_new).map(str::to_owned),
            since: since(probe, check, changes),
            first: None,
            affected: check.affected_endpoints().to_vec(),
            links: links(check),
            run: Some(run),
        }
    }

    pub(super) fn gate(gate: &ReportEntry<'_>) -> Self {
        let mark = match (gate.status(), gate.output()) {
            (Status::Pass, _) => mark(Shape::Pass, "completed"),
            (_, Some(OPEN_GATE)) => mark(Shape::Unknown, "open"),
            _ => mark(Shape::Fail, "failed"),
        };
        Self::of_process(Kind::Gate, gate, mark)
    }

    pub(super) fn heartbeat(heartbeat: &ReportEntry<'_>) -> Self {
        let mark = match heartbeat.status() {
            Status::Pass => mark(Shape::Pass, "beats"),
            _ => mark(Shape::Fail, "missed"),
        };
        Self::of_process(Kind::Heartbeat, heartbeat, mark)
    }

    fn of_process(kind: Kind, entry: &ReportEntry<'_>, mark: Mark) -> Self {
        Self {
            id: id(kind.word().unwrap_or_default(), entry.name()),
            kind,
            name: entry.name().to_owned(),
            status: entry.status(),
            output: entry
                .output()
                .filter(|_| mark.shape == Shape::Fail)
                .map(str::to_owned),
            mark,
            cause: None,
            is_critical: true,
            since: None,
            first: None,
            affected: Vec::new(),
            links: Vec::new(),
            run: None,
        }
    }

    /// Returns whether it only has not finished or not run yet, which is no failure.
    pub(crate) fn is_awaited(&self) -> bool {
        self.mark.shape == Shape::Unknown
    }

    /// Returns the name with what it is, such as `gate warm-up`.
    pub(crate) fn title(&self) -> String {
        match self.kind {
            Kind::Readiness => self.name.clone(),
            Kind::Startup => format!("startup check {}", self.name),
            Kind::Gate => format!("gate {}", self.name),
            Kind::Heartbeat => format!("heartbeat {}", self.name),
        }
    }

    /// Returns whether startup waits for it.
    pub(crate) fn is_of_startup(&self) -> bool {
        matches!(self.kind, Kind::Startup | Kind::Gate)
    }

    /// Returns what it is and why it does not pass, such as `db: connection refused`.
    pub(crate) fn reason(&self) -> String {
        let why = self.output.as_deref().unwrap_or(self.mark.word);
        format!("{}: {why}", self.title())
    }

    /// Returns how its latest results contradict its status, such as `db failed 1 of 3 times`.
    pub(crate) fn contradiction(&self) -> String {
        let run = self.run.as_ref();
        let contradiction = run.and_then(|run| run.contradiction.as_deref());
        format!("{}: {}", self.title(), contradiction.unwrap_or_default())
    }

    pub(crate) fn is_contradicted(&self) -> bool {
        let run = self.run.as_ref();
        run.is_some_and(|run| run.contradiction.is_some())
    }

    /// Returns whether it failed in the present outage, and does no longer.
    pub(crate) fn has_failed_before(&self) -> bool {
        let first = self.first.as_ref();
        self.status != Status::Fail && first.is_some_and(|first| first.status == Status::Fail)
    }

    /// Returns when it began to fail or to warn: in the present outage, if there is one.
    pub(super) fn begun(&self) -> Option<Since> {
        self.first.as_ref().map(|first| first.since).or(self.since)
    }

    /// Returns the place in the table: failures first, and of those the first to fail first.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        let grade = match (self.mark.shape, self.is_contradicted()) {
            (Shape::Fail, _) => 0,
            (Shape::Warn, _) => 1,
            (Shape::Unknown, _) => 2,
            (Shape::Pass, true) => 3,
            (Shape::Pass, false) => 4,
        };
        let since = self.begun().filter(|_| grade < 2);
        (
            grade,
            since.map_or(usize::MAX, |since| since.place),
            self.kind,
        )
    }
}

fn mark(shape: Shape, word: &'static str) -> Mark {
    Mark { shape, word }
}

/// Returns the links of a check, its runbook first.
fn links(check: &CheckState) -> Vec<Link> {
    let mut links: Vec<_> = check.links().map(Link::new).collect();
    links.sort_by_key(|link| !link.relation.contains("runbook"));
    links
}

/// Returns since when the check has the status that it shows.
fn since(probe: Probe, check: &CheckState, changes: &Changes<'_>) -> Option<Since> {
    let announced = changes.since(&subject(probe, check), |status| status == check.status());
    // A status that no transition announced is one that only the expiry of a result gave, just now
    // or while the refresher was gone.
    let known = || check.since().filter(|_| !check.is_stale());
    let place = usize::MAX;
    announced.or_else(|| known().map(|time| Since { time, place }))
}

pub(super) fn subject(probe: Probe, check: &CheckState) -> Subject {
    let name = check.name().to_owned();
    Subject::Check { probe, name }
}

fn reading(reading: &Reading, check: &str) -> String {
    let name = reading.measurement().unwrap_or_else(|| {
        // The part of the name that the report shows the value under.
        check
            .split_once(':')
            .map_or("value", |(_, measurement)| measurement)
    });
    let value = match reading.value() {
        ObservedValue::Integer(value) => value.to_string(),
        ObservedValue::Float(value) => value.to_string(),
        ObservedValue::Bool(value) => value.to_string(),
        ObservedValue::Text(value) => value.clone(),
    };
    match reading.unit() {
        Some(unit) if !unit.is_empty() => format!("{name} {value} {unit}"),
        _ => format!("{name} {value}"),
    }
}

/// Returns an id of letters, digits and signs that need no escape in a URI.
fn id(prefix: &str, name: &str) -> String {
    let mut id = format!("{prefix}-");
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '-' {
            id.push(c);
        } else {
            id.push_str(&format!("_{:x}_", u32::from(c)));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_need_no_escape() {
        let ids = ["db", "d b", "d_20_b", "\"><b>", "ü"].map(|name| id("readiness", name));
        assert_eq!(ids[1], "readiness-d_20_b");
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        assert!(ids.iter().all(|id| id.chars().all(plain)), "{ids:?}");
    }
}
