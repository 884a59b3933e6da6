//! The bodies of messages that need no template of one's own.

use serde_json::{Map, Value, json};

use super::notification::{Notification, rfc3339};
use crate::{Cause, Status, Subject, Transition};

/// Writes a notification as JSON, which is the default.
///
/// A field that does not apply is missing; only `from` is `null` for a new check.
///
/// ```json
/// {
///   "id": "5f2b9c0d1e3a4b6c-1",
///   "text": "readiness/db: pass -> fail (failed): connection refused",
///   "subject": "readiness/db",
///   "probe": "readiness",
///   "check": "db",
///   "from": "pass",
///   "to": "fail",
///   "cause": "failed",
///   "output": "connection refused",
///   "time": "2026-01-14T10:30:00.000Z",
///   "duration_seconds": 0.25,
///   "consecutive_failures": 3,
///   "late_seconds": 1.5,
///   "recovery": false,
///   "changes": 1,
///   "since": "2026-01-14T10:30:00.000Z",
///   "dropped": 0,
///   "service_id": "billing-7",
///   "version": "1",
///   "release_id": "1.4.0+77",
///   "environment": "production",
///   "instance": "billing-7d4b9c-x2x4z",
///   "links": { "runbook": "https://wiki.example.com/runbooks/db" }
/// }
/// ```
///
/// If several changes are summed up, `worst` has `to`, `cause`, `output` and `time` of the worst.
pub fn json(notification: &Notification) -> String {
    let Notification { transition, .. } = notification;
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            body.insert(key.to_owned(), value);
        }
    };
    put("id", json!(notification.id));
    put("text", json!(notification.to_string()));
    put("subject", json!(transition.subject.to_string()));
    let (probe, check) = match &transition.subject {
        Subject::Probe(probe) => (probe, None),
        Subject::Check { probe, name } => (probe, Some(name)),
    };
    put("probe", json!(probe.as_str()));
    put("check", json!(check));
    for (key, value) in of_change(transition) {
        put(key, value);
    }
    let duration = transition.duration.map(|time| time.as_secs_f64());
    put("duration_seconds", json!(duration));
    let failures = Some(transition.consecutive_failures).filter(|failures| *failures > 0);
    put("consecutive_failures", json!(failures));
    let late = Some(transition.lateness).filter(|late| !late.is_zero());
    put("late_seconds", json!(late.map(|late| late.as_secs_f64())));
    put("recovery", json!(notification.is_recovery));
    put("changes", json!(notification.changes));
    put("since", json!(rfc3339(notification.since)));
    if notification.changes > 1 {
        put("worst", of_change(&notification.worst).collect());
    }
    put("dropped", json!(notification.dropped));
    put("service_id", json!(notification.service_id));
    put("version", json!(notification.version));
    put("release_id", json!(notification.release_id));
    put("environment", json!(notification.environment));
    put("instance", json!(notification.instance));
    if !notification.links.is_empty() {
        put("links", notification.links.iter().cloned().collect());
    }
    body.insert(
        "from".to_owned(),
        json!(notification.from.map(Status::as_str)),
    );
    Value::Object(body).to_string()
}

/// Returns what has a value of: the new status, the cause, the reason and the time.
fn of_change(change: &Transition) -> impl Iterator<Item = (&'static str, Value)> {
    let fields = [
        ("to", json!(change.to.as_str())),
        ("cause", json!(change.cause.map(Cause::as_str))),
        ("output", json!(change.output)),
        ("time", json!(rfc3339(change.time))),
    ];
    fields.into_iter().filter(|(_, value)| !value.is_null())
}

/// Writes a notification as a message of Slack, which Mattermost, Rocket.Chat and Discord (at
/// `/slack` of its URL) accept too.
///
/// It is `{"text": …}` with a shape, the line that [`Notification`] displays, and the links. The
/// characters that Slack gives a meaning are [escaped][slack], so that no output of a check mentions
/// anybody.
///
/// [slack]: https://docs.slack.dev/messaging/formatting-message-text#escaping
pub fn slack(notification: &Notification) -> String {
    let shape = match notification.transition.to {
        _ if notification.is_recovery => ":large_green_circle:",
        Status::Fail => ":red_circle:",
        _ => ":large_yellow_circle:",
    };
    let mut text = format!("{shape} ");
    let of = [&notification.service_id, &notification.environment];
    for name in of.into_iter().flatten() {
        text.push_str(&format!("[{}] ", escape_slack(name)));
    }
    text.push_str(&escape_slack(&notification.to_string()));
    for (relation, uri) in &notification.links {
        // `|` and `>` would end the URI.
        let uri = escape_slack(uri).replace('|', "%7C");
        text.push_str(&format!(" <{uri}|{}>", escape_slack(relation)));
    }
    json!({ "text": text }).to_string()
}

fn escape_slack(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
