//! `/info`: what runs, since when, and in which state. Nothing that could be a secret.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use crate::{Health, Probe, RefresherState, Snapshot};

/// Returns the facts as a JSON object.
pub(super) fn of(health: &Health) -> Value {
    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Readiness);
    let lateness = health.lateness();
    let mut facts = Map::new();
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            facts.insert(key.to_owned(), value);
        }
    };
    add("serviceId", report.service_id().map(Value::from));
    add("description", report.description().map(Value::from));
    add("version", report.version().map(Value::from));
    add("releaseId", report.release_id().map(Value::from));
    add("environment", snapshot.environment().map(Value::from));
    let statuses = Probe::EACH.map(|probe| {
        let status = health.status(probe).as_str();
        (probe.as_str().to_owned(), Value::from(status))
    });
    add(
        "status",
        Some(Value::Object(statuses.into_iter().collect())),
    );
    add("draining", Some(health.is_draining().into()));
    add("time", time(SystemTime::now()));
    add("started", time(snapshot.started()));
    add("uptimeSeconds", Some(uptime(&snapshot).as_secs().into()));
    let refresher = match snapshot.refresher() {
        RefresherState::Running => "running",
        RefresherState::Restarting => "restarting",
        RefresherState::Gone => "gone",
    };
    add("refresher", Some(refresher.into()));
    add("latenessSeconds", Some(seconds(lateness.latest)));
    add("worstLatenessSeconds", Some(seconds(lateness.worst)));
    Value::Object(facts)
}

/// Counts on from the snapshot, which is old if the runtime of the application is blocked.
fn uptime(snapshot: &Snapshot) -> Duration {
    let since = SystemTime::now().duration_since(snapshot.time());
    snapshot.uptime() + since.unwrap_or_default()
}

/// RFC 3339 in UTC, to the millisecond. `None` before 1970 and after 9999, which it cannot express.
pub(super) fn time(time: SystemTime) -> Option<Value> {
    const TOO_LATE: u64 = 253_402_300_800;
    let since_1970 = time.duration_since(UNIX_EPOCH).ok()?;
    let is_expressible = since_1970.as_secs() < TOO_LATE;
    is_expressible.then(|| humantime::format_rfc3339_millis(time).to_string().into())
}

/// Seconds, to the microsecond.
pub(super) fn seconds(duration: Duration) -> Value {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    Value::from(micros as f64 / 1e6)
}
