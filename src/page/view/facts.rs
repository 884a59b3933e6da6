//! What may have changed: release, start, drain, and how the refresher works.

use std::hash::{Hash, Hasher};
use std::time::{Duration, SystemTime};

use super::{Link, Story};
use crate::{Health, Lateness, Probe, RefresherState, Snapshot};

/// How long before the first failure a start of the process is worth a word.
const RECENT: Duration = Duration::from_secs(30 * 60);

/// What may have changed.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) service: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) started: SystemTime,
    /// How long before the first failure the process was started, if that was shortly before.
    pub(crate) started_before_failure: Option<Duration>,
    pub(crate) drain: Option<Drain>,
    pub(crate) refresher: RefresherState,
    pub(crate) restarts: u64,
    pub(crate) lateness: Lateness,
    pub(crate) missed_by_listeners: u64,
    pub(crate) missed_by_log: u64,
    pub(crate) notes: Vec<String>,
    pub(crate) links: Vec<Link>,
}

/// A drain that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drain {
    pub(crate) since: SystemTime,
    /// When the drain delay ends.
    pub(crate) until: SystemTime,
}

impl Facts {
    pub(super) fn new(health: &Health, snapshot: &Snapshot, story: &Story) -> Self {
        let report = snapshot.report(Probe::Readiness);
        let text = |text: Option<&str>| text.map(str::to_owned);
        let started = snapshot.started();
        let first = story.items.first().and_then(|item| item.since);
        let before = first.and_then(|first| first.duration_since(started).ok());
        Self {
            service: text(report.service_id()),
            description: text(report.description()),
            release: text(report.release_id()),
            version: text(report.version()),
            environment: text(snapshot.environment()),
            started,
            started_before_failure: before.filter(|before| *before < RECENT),
            drain: Drain::new(health, snapshot),
            refresher: snapshot.refresher(),
            restarts: health.refresher_restarts(),
            lateness: health.lateness(),
            missed_by_listeners: health.missed_by_listeners(),
            missed_by_log: health.missed_by_log(),
            notes: health.config().notes.clone(),
            links: report.links().map(Link::new).collect(),
        }
    }
}

impl Drain {
    pub(crate) fn new(health: &Health, snapshot: &Snapshot) -> Option<Self> {
        let since = snapshot.draining_since()?;
        let until = since.checked_add(health.config().drain_delay);
        let until = until.unwrap_or(since);
        Some(Self { since, until })
    }
}

/// Hashes what a reader should see at once.
impl Hash for Facts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.drain.is_some().hash(state);
        (self.refresher, self.restarts).hash(state);
        (self.missed_by_listeners, self.missed_by_log).hash(state);
    }
}
