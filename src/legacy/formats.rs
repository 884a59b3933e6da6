//! Two formats of detailed reports, as hand-written health endpoints have them.

use std::time::SystemTime;

use serde_core::ser::{Serialize, SerializeMap, Serializer};

use super::root::timestamp;
use crate::{Probe, Report, ReportEntry, Status};

/// Formats a report as `{"status":"ready","checks":{"db":"healthy"},"timestamp":…}`.
///
/// Liveness has the status `ok` or `error`, and the others `ready` or `not_ready`. A check is `healthy`,
/// or `unhealthy: ` and its output. A report that fails has an `error` with the output of the whole.
/// `timestamp` is the time of the snapshot, in RFC 3339 and UTC. A body cannot change the status code:
/// a failure is a 503.
///
/// ```
/// use tower_health::{Health, Probe, Status, legacy};
///
/// let snapshot = Health::fixed(Status::Pass).snapshot();
/// let text = legacy::simple(&snapshot.report(Probe::Readiness));
/// assert!(text.starts_with(r#"{"status":"ready","checks":{"fixed":"healthy"},"timestamp":""#));
/// ```
pub fn simple(report: &Report<'_>) -> String {
    json(&Simple(report))
}

/// Formats a report as `{"healthy":true,"version":…,"environment":…,"uptime":…,"checks":{…}}`.
///
/// `uptime` is in whole seconds. A check is `{"healthy":true,"latencyMs":3,"message":…}`; `latencyMs`
/// is how long its last run took, and `message` is its output. What is not known is left out.
///
/// ```
/// use tower_health::{Health, Probe, Status, legacy};
///
/// let snapshot = Health::fixed(Status::Warn).snapshot();
/// let text = legacy::summary(&snapshot.report(Probe::Readiness));
/// assert_eq!(text, r#"{"healthy":true,"uptime":0,"checks":{"fixed":{"healthy":true}}}"#);
/// ```
pub fn summary(report: &Report<'_>) -> String {
    json(&Summary(report))
}

/// Every key is a string, and writing to a string cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

struct Simple<'a>(&'a Report<'a>);

impl Serialize for Simple<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(report) = self;
        let has_passed = report.status().is_healthy();
        let status = match (report.probe(), has_passed) {
            (Probe::Liveness, true) => "ok",
            (Probe::Liveness, false) => "error",
            (_, true) => "ready",
            (_, false) => "not_ready",
        };
        let mut root = serializer.serialize_map(None)?;
        root.serialize_entry("status", status)?;
        if report.probe() != Probe::Liveness || !report.entries().is_empty() {
            root.serialize_entry("checks", &Entries(report.entries(), Verdict))?;
        }
        if let Some(error) = report.output().filter(|_| !has_passed) {
            root.serialize_entry("error", &error)?;
        }
        if let Some(time) = iso8601(report.time()) {
            root.serialize_entry("timestamp", &time)?;
        }
        root.end()
    }
}

struct Summary<'a>(&'a Report<'a>);

impl Serialize for Summary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(report) = self;
        let mut root = serializer.serialize_map(None)?;
        root.serialize_entry("healthy", &report.status().is_healthy())?;
        if let Some(version) = report.version() {
            root.serialize_entry("version", version)?;
        }
        if let Some(environment) = report.environment() {
            root.serialize_entry("environment", environment)?;
        }
        root.serialize_entry("uptime", &report.uptime().as_secs())?;
        root.serialize_entry("checks", &Entries(report.entries(), Detail))?;
        root.end()
    }
}

/// The entries by name, each made by this function.
struct Entries<'a, F>(&'a [ReportEntry<'a>], F);

impl<'a, F, T> Serialize for Entries<'a, F>
where
    F: Fn(&'a ReportEntry<'a>) -> T,
    T: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.iter().map(|entry| (entry.name(), (self.1)(entry)));
        serializer.collect_map(entries)
    }
}

struct Verdict<'a>(&'a ReportEntry<'a>);

impl Serialize for Verdict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0.status(), self.0.output()) {
            (Status::Fail, Some(output)) => {
                serializer.collect_str(&format_args!("unhealthy: {output}"))
            }
            (Status::Fail, None) => serializer.serialize_str("unhealthy"),
            _ => serializer.serialize_str("healthy"),
        }
    }
}

struct Detail<'a>(&'a ReportEntry<'a>);

impl Serialize for Detail<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(entry) = self;
        let mut check = serializer.serialize_map(None)?;
        check.serialize_entry("healthy", &entry.status().is_healthy())?;
        if let Some(duration) = entry.duration() {
            let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            check.serialize_entry("latencyMs", &millis)?;
        }
        if let Some(message) = entry.output() {
            check.serialize_entry("message", message)?;
        }
        check.end()
    }
}

fn iso8601(time: SystemTime) -> Option<String> {
    timestamp(time).map(|text| text.replacen(' ', "T", 1))
}
