//! Everything that may be shown of one probe; `json` and `text` write it down.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use super::redaction::shorten;
use super::{
    CheckState, ComponentType, GateState, GateView, HeartbeatView, Reading, Snapshot, Status,
};
use crate::probe::Probe;

/// Who the service is and what it consists of: what never changes. Most of it are fields of the
/// draft, section 3.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    pub(crate) version: Option<String>,
    pub(crate) release_id: Option<String>,
    pub(crate) service_id: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) links: BTreeMap<String, String>,
    /// Sets of readiness checks that have a name of their own.
    pub(crate) groups: BTreeMap<String, Vec<String>>,
}

/// What may be shown of one probe to somebody who may see details.
///
/// The JSON text of a report is what the details policy guards; a
/// [format of your own](crate::HealthBuilder::format) gets the same data.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    pub(crate) probe: Probe,
    pub(crate) status: Status,
    pub(crate) time: SystemTime,
    pub(crate) identity: &'a Identity,
    pub(crate) entries: Vec<ReportEntry<'a>>,
    /// What the process itself says against passing.
    pub(crate) reasons: Vec<String>,
    /// Which groups of checks cannot pass, though no check of the probe fails.
    incomplete: Vec<String>,
}

/// One line of a report: a check, a gate or a heartbeat.
#[derive(Clone, Debug)]
pub struct ReportEntry<'a> {
    pub(crate) name: &'a str,
    pub(crate) status: Status,
    pub(crate) output: Option<&'a str>,
    pub(crate) time: Option<SystemTime>,
    pub(crate) readings: &'a [Reading],
    pub(crate) contradiction: Option<&'a str>,
    pub(crate) component_id: Option<&'a str>,
    pub(crate) component_type: Option<&'a ComponentType>,
    pub(crate) affected_endpoints: &'a [String],
}

impl<'a> ReportEntry<'a> {
    fn check(check: &'a CheckState) -> Self {
        Self {
            name: &check.spec.name,
            status: check.status,
            output: check.output.as_deref(),
            time: check.time(),
            readings: &check.readings,
            contradiction: check.contradiction.as_deref(),
            component_id: check.spec.component_id.as_deref(),
            component_type: check.spec.component_type.as_ref(),
            affected_endpoints: &check.spec.affected_endpoints,
        }
    }

    fn gate(gate: &'a GateView) -> Self {
        let output = match &gate.state {
            GateState::Open => Some("not completed yet"),
            GateState::Completed => None,
            GateState::Failed(reason) => Some(&**reason),
        };
        Self::of_the_process(&gate.name, output)
    }

    fn heartbeat(heartbeat: &'a HeartbeatView) -> Self {
        Self::of_the_process(&heartbeat.name, heartbeat.fault.as_deref())
    }

    fn of_the_process(name: &'a str, fault: Option<&'a str>) -> Self {
        Self {
            name,
            status: super::pass_if(fault.is_none()),
            output: fault,
            time: None,
            readings: &[],
            contradiction: None,
            component_id: None,
            component_type: Some(&ComponentType::System),
            affected_endpoints: &[],
        }
    }

    /// The name of the check, gate or heartbeat.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Why it does not pass.
    pub fn output(&self) -> Option<&str> {
        self.output
    }

    /// When its last run ended; `None` for a gate, a heartbeat, and a check that has not run yet.
    pub fn time(&self) -> Option<SystemTime> {
        self.time
    }

    /// What the last run read.
    pub fn readings(&self) -> &[Reading] {
        self.readings
    }

    /// What its latest results say against its status, while they are too few to change it: `failed
    /// 1 of 3 times: refused`. [`Report::notes`] has it too.
    pub fn contradiction(&self) -> Option<&str> {
        self.contradiction
    }

    /// `componentId` of the draft.
    pub fn component_id(&self) -> Option<&str> {
        self.component_id
    }

    /// `componentType` of the draft. Gates and heartbeats are of the system.
    pub fn component_type(&self) -> Option<&ComponentType> {
        self.component_type
    }

    /// `affectedEndpoints` of the draft: what does not work while the check does not pass. The
    /// default format leaves them out of a check that passes.
    pub fn affected_endpoints(&self) -> &[String] {
        self.affected_endpoints
    }
}

impl<'a> Report<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, probe: Probe) -> Self {
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
            identity: &snapshot.identity,
            entries,
            reasons: reasons(snapshot, probe),
            incomplete: incomplete_groups(snapshot, probe),
        }
    }

    /// The probe that is reported.
    pub fn probe(&self) -> Probe {
        self.probe
    }

    /// The status of the probe.
    pub fn status(&self) -> Status {
        self.status
    }

    /// When the report was made.
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// `version` of the draft: the public version of the service.
    pub fn version(&self) -> Option<&str> {
        self.identity.version.as_deref()
    }

    /// `releaseId` of the draft: the build.
    pub fn release_id(&self) -> Option<&str> {
        self.identity.release_id.as_deref()
    }

    /// `serviceId` of the draft.
    pub fn service_id(&self) -> Option<&str> {
        self.identity.service_id.as_deref()
    }

    /// `description` of the draft.
    pub fn description(&self) -> Option<&str> {
        self.identity.description.as_deref()
    }

    /// `links` of the draft: link relations and URIs, in the order of the relations.
    pub fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        let links = self.identity.links.iter();
        links.map(|(relation, uri)| (&**relation, &**uri))
    }

    /// What the process itself says against passing, whatever its checks say: that it drains,
    /// refuses traffic, has not started, or was declared broken. [`output`](Self::output) begins
    /// with it.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// The checks, gates and heartbeats, in the order of their registration.
    pub fn entries(&self) -> &[ReportEntry<'a>] {
        &self.entries
    }

    /// The draft's `output`: why the probe does not pass, at most 4 KiB; `None` when it passes.
    pub fn output(&self) -> Option<String> {
        if self.status == Status::Pass {
            return None;
        }
        let failing = self.failing().map(|entry| match &entry.output {
            Some(output) => format!("{}: {output}", entry.name),
            None => entry.name.to_owned(),
        });
        let output: Vec<_> = self.reasons.iter().cloned().chain(failing).collect();
        Some(shorten(output.join("; "))).filter(|output| !output.is_empty())
    }

    /// The draft's `notes`: those of the service, and one for each entry that needs attention.
    /// Readiness has one more for each check that was removed although a gRPC service is mapped to
    /// it.
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
            .chain(self.incomplete.iter().cloned())
            .collect()
    }

    /// The same report about one entry only: its status is the status of that entry.
    pub(crate) fn only(mut self, name: &str) -> Option<Self> {
        self.entries.retain(|entry| entry.name == name);
        self.reasons.clear();
        self.incomplete.clear();
        self.status = self.entries.first()?.status;
        Some(self)
    }

    /// What the status would be if these entries did not count: never a worse one. What the
    /// process itself says cannot be excluded.
    pub(crate) fn status_without(&self, excluded: &[Cow<'_, str>]) -> Status {
        if !self.reasons.is_empty() {
            return self.status;
        }
        self.entries
            .iter()
            .filter(|entry| !excluded.iter().any(|name| *name == entry.name))
            .map(|entry| entry.status)
            .max()
            .unwrap_or(Status::Pass)
            .min(self.status)
    }

    /// Leaves these entries out. The status stays what it is.
    pub(crate) fn exclude(&mut self, excluded: &[Cow<'_, str>]) {
        self.entries
            .retain(|entry| !excluded.iter().any(|name| *name == entry.name));
    }

    fn failing(&self) -> impl Iterator<Item = &ReportEntry<'a>> {
        self.entries
            .iter()
            .filter(|entry| entry.status != Status::Pass)
    }
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
                    .map(|why| format!("declared broken: {why}")),
            );
        }
        Probe::Readiness => {
            if !lifecycle.started {
                reasons.push("startup has not completed".to_owned());
            }
            if lifecycle.draining {
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
    reasons
}

/// A group whose check was removed does not pass, and no entry can say why.
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
