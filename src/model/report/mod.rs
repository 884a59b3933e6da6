//! The detailed report on one probe, and the public body that replaces it for anonymous callers.

mod entry;
mod json;
mod text;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde_core::ser::{Serialize, Serializer};

pub use self::entry::ReportEntry;
pub(crate) use self::json::render_json;
pub(crate) use self::text::render_text;
use super::redaction::shorten;
use super::{CheckState, Identity, Probe, RefresherState, Snapshot, Status};

/// Returns the whole body that an anonymous caller gets. Its bytes never change.
pub(crate) const fn public_body(status: Status) -> &'static [u8] {
    match status {
        Status::Pass => br#"{"status":"pass"}"#,
        Status::Warn => br#"{"status":"warn"}"#,
        Status::Fail => br#"{"status":"fail"}"#,
    }
}

/// Reports one probe in detail: its status, why it does not pass, and each of its checks.
///
/// [`Snapshot::report`] creates it. The [`Details`](crate::Details) policy of a layer decides which
/// callers get it over HTTP, and [`HealthBuilder::format`](crate::HealthBuilder::format) replaces
/// its JSON there. [`to_json`](Self::to_json), [`Serialize`] and [`Display`](fmt::Display) write it
/// for other uses, such as a command-line tool or the context of an error report.
///
/// ```
/// use tower_health::{Health, Probe, Status};
///
/// let snapshot = Health::fixed(Status::Fail).snapshot();
/// let report = snapshot.report(Probe::Readiness);
/// assert_eq!(report.to_string(), "[-]fixed failed: \nreadyz check failed\n");
/// assert!(report.to_json().starts_with(r#"{"status":"fail","notes":["fixed fails"]"#));
/// ```
#[derive(Clone, Debug)]
pub struct Report<'a> {
    pub(crate) probe: Probe,
    pub(crate) status: Status,
    pub(crate) time: SystemTime,
    uptime: Duration,
    pub(crate) identity: &'a Identity,
    pub(crate) entries: Vec<ReportEntry<'a>>,
    /// Why the process itself fails the probe, apart from its checks.
    pub(crate) reasons: Vec<String>,
    /// Notes on what no entry shows.
    attention: Vec<String>,
}

impl Snapshot {
    /// Returns the detailed report on a probe.
    pub fn report(&self, probe: Probe) -> Report<'_> {
        Report::new(self, probe)
    }
}

impl<'a> Report<'a> {
    fn new(snapshot: &'a Snapshot, probe: Probe) -> Self {
        let lifecycle = &snapshot.lifecycle;
        let checks = snapshot.checks(probe).map(ReportEntry::check);
        let entries = match probe {
            Probe::Liveness => lifecycle
                .heartbeats
                .iter()
                .map(ReportEntry::heartbeat)
                .collect(),
            Probe::Readiness => checks.collect(),
            Probe::Startup => lifecycle
                .gates
                .iter()
                .map(ReportEntry::gate)
                .chain(checks)
                .collect(),
        };
        Self {
            probe,
            status: snapshot.status(probe),
            time: snapshot.time,
            uptime: snapshot.uptime(),
            identity: &snapshot.identity,
            entries,
            reasons: reasons(snapshot, probe),
            attention: attention(snapshot, probe),
        }
    }

    /// Returns the probe that the report describes.
    pub fn probe(&self) -> Probe {
        self.probe
    }

    /// Returns the status of the probe.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns when the snapshot of the report was taken.
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// Returns how long the health had run when the snapshot was taken.
    pub fn uptime(&self) -> Duration {
        self.uptime
    }

    /// Returns `version` of the draft: the public version of the service.
    pub fn version(&self) -> Option<&str> {
        self.identity.version.as_deref()
    }

    /// Returns `releaseId` of the draft: the version of the build.
    pub fn release_id(&self) -> Option<&str> {
        self.identity.release_id.as_deref()
    }

    /// Returns `serviceId` of the draft.
    pub fn service_id(&self) -> Option<&str> {
        self.identity.service_id.as_deref()
    }

    /// Returns `description` of the draft.
    pub fn description(&self) -> Option<&str> {
        self.identity.description.as_deref()
    }

    /// Returns the environment that the process runs in, if it was
    /// [set](crate::HealthBuilder::environment). JSON and text do not contain it.
    pub fn environment(&self) -> Option<&str> {
        self.identity.environment.as_deref()
    }

    /// Returns `links` of the draft: link relations and URIs, sorted by relation.
    pub fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        let links = self.identity.links.iter();
        links.map(|(relation, uri)| (&**relation, &**uri))
    }

    /// Returns why the process itself fails the probe, apart from its checks.
    ///
    /// The process may be draining, refuse traffic, not have started, or be marked broken.
    /// [`output`](Self::output) begins with these reasons.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// Returns the checks, gates and heartbeats in the order of their registration.
    pub fn entries(&self) -> &[ReportEntry<'a>] {
        &self.entries
    }

    /// Returns `output` of the draft: why the probe does not pass, at most
    /// [`Limits::text_bytes`](crate::Limits::text_bytes).
    ///
    /// It is `None` if the probe passes.
    pub fn output(&self) -> Option<String> {
        if self.status == Status::Pass {
            return None;
        }
        let most = self.identity.text_bytes;
        let mut output = String::new();
        let reasons = self.reasons.iter().map(|reason| (None, Some(&**reason)));
        let failing = self.failing().map(|entry| (Some(entry.name), entry.output));
        for (name, text) in reasons.chain(failing) {
            // What follows would be cut anyway.
            if output.len() > most {
                break;
            }
            let parts = [name, name.and(text).map(|_| ": "), text];
            if !output.is_empty() {
                output.push_str("; ");
            }
            output.extend(parts.into_iter().flatten());
        }
        Some(shorten(output, most)).filter(|output| !output.is_empty())
    }

    /// Returns `notes` of the draft: those of the service, and one for each entry that needs
    /// attention.
    ///
    /// Readiness has another note for each removed check that a gRPC service is still mapped to.
    pub fn notes(&self) -> Vec<String> {
        let failing = self.failing().map(|entry| match entry.status {
            Status::Fail => format!("{} fails", entry.name),
            _ => format!("{} warns", entry.name),
        });
        let contradicted = self.entries.iter().filter_map(|entry| {
            let contradiction = entry.contradiction?;
            Some(format!("{}: {contradiction}", entry.name))
        });
        self.identity
            .notes
            .iter()
            .cloned()
            .chain(failing)
            .chain(contradicted)
            .chain(self.attention.iter().cloned())
            .collect()
    }

    /// Returns the report as JSON of type `application/health+json`.
    ///
    /// The fields are those of [draft-inadarei-api-health-check-06][draft].
    ///
    /// [draft]: https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06
    pub fn to_json(&self) -> String {
        render_json(self)
    }

    /// Narrows the report to one entry, whose status becomes that of the report.
    pub(crate) fn only(mut self, name: &str) -> Option<Self> {
        self.entries.retain(|entry| entry.name == name);
        self.reasons.clear();
        self.attention.clear();
        self.status = self.entries.first()?.status;
        Some(self)
    }

    /// Returns the status without these entries, which is never worse.
    ///
    /// The reasons of the process itself cannot be excluded.
    pub(crate) fn status_without(&self, excluded: &[Cow<'_, str>]) -> Status {
        if !self.reasons.is_empty() {
            return self.status;
        }
        let excluded = names(excluded);
        self.entries
            .iter()
            .filter(|entry| !excluded.contains(entry.name))
            .map(|entry| entry.status)
            .max()
            .unwrap_or(Status::Pass)
            .min(self.status)
    }

    /// Reduces these entries in [`output`](Self::output) to their names.
    pub(crate) fn omit_outputs(&mut self, names: &HashSet<&str>) {
        let named = |entry: &&mut ReportEntry<'_>| names.contains(entry.name);
        for entry in self.entries.iter_mut().filter(named) {
            entry.output = None;
        }
    }

    /// Removes these entries. The status stays the same.
    pub(crate) fn exclude(&mut self, excluded: &[Cow<'_, str>]) {
        let excluded = names(excluded);
        self.entries.retain(|entry| !excluded.contains(entry.name));
    }

    fn failing(&self) -> impl Iterator<Item = &ReportEntry<'a>> {
        self.entries
            .iter()
            .filter(|entry| entry.status != Status::Pass)
    }
}

/// Serializes the same fields as [`to_json`](Report::to_json).
impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::serialize(self, serializer)
    }
}

/// Writes one line for each entry, as `?verbose` of kube-apiserver does.
impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.probe.default_path().trim_start_matches('/');
        f.write_str(&render_text(self, label, &[]))
    }
}

/// A set for lookups, so that excluding many names from many entries stays linear.
fn names<'a>(excluded: &'a [Cow<'_, str>]) -> HashSet<&'a str> {
    excluded.iter().map(|name| &**name).collect()
}

fn reasons(snapshot: &Snapshot, probe: Probe) -> Vec<String> {
    let lifecycle = &snapshot.lifecycle;
    let mut reasons = Vec::new();
    match probe {
        Probe::Liveness => {
            reasons.extend(
                lifecycle
                    .broken
                    .as_deref()
                    .map(|why| format!("marked broken: {why}")),
            );
        }
        Probe::Readiness => {
            if !lifecycle.started {
                reasons.push("startup has not completed".to_owned());
            }
            if lifecycle.draining_since.is_some() {
                reasons.push("draining".to_owned());
            }
            reasons.extend(
                lifecycle
                    .refusing
                    .as_deref()
                    .map(|why| format!("refusing traffic: {why}")),
            );
        }
        Probe::Startup => {}
    }
    let is_blamed = match probe {
        Probe::Liveness => lifecycle.refresher.needs_restart,
        Probe::Readiness | Probe::Startup => snapshot.status(probe) != Status::Pass,
    };
    if is_blamed {
        reasons.extend(refresher_fault(snapshot).map(str::to_owned));
    }
    reasons
}

/// Returns why no result will come; `None` if the refresher works.
fn refresher_fault(snapshot: &Snapshot) -> Option<&'static str> {
    match snapshot.refresher() {
        RefresherState::Running => None,
        RefresherState::Restarting => Some("the refresher panicked and is being restarted"),
        RefresherState::Gone => Some("the refresher is gone: its tokio runtime has ended"),
    }
}

/// Returns notes on what no entry of the report shows: a refresher that does not work, and groups
/// that fail because a check of theirs was removed.
fn attention(snapshot: &Snapshot, probe: Probe) -> Vec<String> {
    let refresher = refresher_fault(snapshot).map(str::to_owned);
    let groups = incomplete_groups(snapshot, probe);
    refresher.into_iter().chain(groups).collect()
}

/// Returns a note for each removed check of a group. The group fails without it, and no entry of
/// the report shows why.
fn incomplete_groups(snapshot: &Snapshot, probe: Probe) -> Vec<String> {
    let groups = &snapshot.identity.groups;
    if probe != Probe::Readiness || groups.is_empty() {
        return Vec::new();
    }
    let registered: HashSet<_> = snapshot.checks(probe).map(CheckState::name).collect();
    let missing = |(group, members): (&String, &Vec<String>)| {
        let missing = members.iter().filter(|name| !registered.contains(&***name));
        let note = |name| format!("{group} is not serving: check {name} was removed");
        missing.map(note).collect::<Vec<_>>()
    };
    groups.iter().flat_map(missing).collect()
}
