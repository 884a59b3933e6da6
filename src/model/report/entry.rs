//! One entry of a report: a check, a gate or a heartbeat.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::model::{
    CheckState, ComponentType, GateState, GateView, HeartbeatView, Reading, Status, pass_if,
};

/// Describes a check, gate or heartbeat in a [`Report`](crate::Report).
#[derive(Clone, Debug)]
pub struct ReportEntry<'a> {
    pub(crate) name: &'a str,
    pub(crate) status: Status,
    pub(crate) output: Option<&'a str>,
    pub(crate) time: Option<SystemTime>,
    duration: Option<Duration>,
    pub(crate) readings: &'a [Reading],
    pub(crate) contradiction: Option<&'a str>,
    pub(crate) component_id: Option<&'a str>,
    pub(crate) component_type: Option<&'a ComponentType>,
    pub(crate) affected_endpoints: &'a [String],
    pub(crate) links: Option<&'a BTreeMap<String, String>>,
}

impl<'a> ReportEntry<'a> {
    pub(super) fn check(check: &'a CheckState) -> Self {
        Self {
            name: &check.spec.name,
            status: check.status,
            output: check.output.as_deref(),
            time: check.time(),
            duration: check.duration(),
            readings: &check.readings,
            contradiction: check.contradiction.as_deref(),
            component_id: check.spec.component_id.as_deref(),
            component_type: check.spec.component_type.as_ref(),
            affected_endpoints: &check.spec.affected_endpoints,
            links: Some(&check.spec.links),
        }
    }

    pub(super) fn gate(gate: &'a GateView) -> Self {
        let output = match &gate.state {
            GateState::Open => Some("not completed yet"),
            GateState::Completed => None,
            GateState::Failed(reason) => Some(&**reason),
        };
        Self::of_process(&gate.name, output)
    }

    pub(super) fn heartbeat(heartbeat: &'a HeartbeatView) -> Self {
        Self::of_process(&heartbeat.name, heartbeat.fault.as_deref())
    }

    fn of_process(name: &'a str, fault: Option<&'a str>) -> Self {
        Self {
            name,
            status: pass_if(fault.is_none()),
            output: fault,
            time: None,
            duration: None,
            readings: &[],
            contradiction: None,
            component_id: None,
            component_type: Some(&ComponentType::System),
            affected_endpoints: &[],
            links: None,
        }
    }

    /// Returns the name of the check, gate or heartbeat.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Returns the status of the entry.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns why the entry does not pass; `None` if it passes.
    pub fn output(&self) -> Option<&str> {
        self.output
    }

    /// Returns when the last run of the check ended.
    ///
    /// It is `None` for gates, heartbeats, and checks that have not run yet.
    pub fn time(&self) -> Option<SystemTime> {
        self.time
    }

    /// Returns how long the last run took, without the lateness of the refresher.
    ///
    /// It is `None` for gates, heartbeats, and checks that have not run yet.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// Returns the values that the last run read.
    pub fn readings(&self) -> &[Reading] {
        self.readings
    }

    /// Returns how the latest results contradict the status while they are too few to change it.
    ///
    /// An example is `failed 1 of 3 times: refused`. [`Report::notes`](crate::Report::notes) contains it too.
    pub fn contradiction(&self) -> Option<&str> {
        self.contradiction
    }

    /// Returns `componentId` of the draft.
    pub fn component_id(&self) -> Option<&str> {
        self.component_id
    }

    /// Returns `componentType` of the draft. Gates and heartbeats are of type `system`.
    pub fn component_type(&self) -> Option<&ComponentType> {
        self.component_type
    }

    /// Returns `affectedEndpoints` of the draft: what does not work while the check does not pass.
    ///
    /// The JSON format omits them while the check passes.
    pub fn affected_endpoints(&self) -> &[String] {
        self.affected_endpoints
    }

    /// Returns `links` of the draft: URIs by link relation.
    pub fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        let links = self.links.into_iter().flatten();
        links.map(|(relation, uri)| (relation.as_str(), uri.as_str()))
    }
}
