//! `/history?since=&check=`: the transitions, and the runs of one check, from memory.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::facts::{seconds, time};
use super::response::Answer;
use crate::{
    CheckState, Health, Probe, RunBucket, RunDurations, RunOutcome, RunSample, Subject, Transition,
};

/// The parameters.
#[derive(Debug, Default)]
struct Query {
    /// `Some` if older entries are left out.
    since: Option<SystemTime>,
    /// `Some` if only this check is wanted: its name, or `probe/name`.
    check: Option<String>,
}

/// Responds to a request with this query.
pub(super) fn answer(health: &Health, query: Option<&str>) -> Answer {
    let query = match Query::parse(query.unwrap_or_default(), SystemTime::now()) {
        Ok(query) => query,
        Err(fault) => return Answer::line(StatusCode::BAD_REQUEST, fault),
    };
    match history(health, &query) {
        Some(history) => Answer::json(StatusCode::OK, &history),
        None => Answer::line(StatusCode::NOT_FOUND, "there is no such check"),
    }
}

impl Query {
    fn parse(text: &str, now: SystemTime) -> Result<Self, String> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode_str(value).decode_utf8();
            let value = decoded.map_err(|_| format!("{key}: must be UTF-8"))?;
            match key {
                "since" => query.since = Some(moment(&value, now)?),
                "check" => query.check = Some(value.into_owned()),
                _ => return Err("the parameters are `since` and `check`".to_owned()),
            }
        }
        Ok(query)
    }

    fn wants(&self, time: SystemTime) -> bool {
        self.since.is_none_or(|since| time >= since)
    }

    fn wants_check(&self, probe: Probe, name: &str) -> bool {
        self.check.as_deref().is_none_or(|wanted| {
            let qualified = wanted.strip_prefix(probe.as_str());
            wanted == name || qualified.and_then(|rest| rest.strip_prefix('/')) == Some(name)
        })
    }
}

/// A time in RFC 3339, the seconds since 1970, or a span back from now such as `15m`.
fn moment(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    let expected = || {
        "since: must be a time such as 2026-11-21T03:00:00Z, the seconds since 1970, or a span such \
         as 15m"
            .to_owned()
    };
    if let Ok(seconds) = text.parse::<u64>() {
        let moment = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        return moment.ok_or_else(expected);
    }
    if let Ok(span) = humantime::parse_duration(text) {
        // A span from before 1970 wants everything.
        let moment = now.checked_sub(span).unwrap_or(UNIX_EPOCH);
        return Ok(moment.max(UNIX_EPOCH));
    }
    humantime::parse_rfc3339_weak(text).map_err(|_| expected())
}

/// Returns `None` if a check is wanted that does not exist.
fn history(health: &Health, query: &Query) -> Option<Value> {
    let snapshot = health.snapshot();
    let checks = Probe::EACH.into_iter().flat_map(|probe| {
        let checks = snapshot.checks(probe).map(move |check| (probe, check));
        checks.filter(|(probe, check)| query.wants_check(*probe, check.name()))
    });
    let checks: Vec<_> = checks
        .map(|(probe, check)| {
            let mut summary = summary(check);
            // The runs of every check at once could be megabytes.
            if query.check.is_some() {
                add_runs(&mut summary, health, probe, check.name(), query);
            }
            (format!("{probe}/{}", check.name()), summary)
        })
        .collect();
    if query.check.is_some() && checks.is_empty() {
        return None;
    }
    let transitions = health.history().into_iter().filter(|transition| {
        query.wants(transition.time)
            && match &transition.subject {
                Subject::Check { probe, name } => query.wants_check(*probe, name),
                Subject::Probe(_) => query.check.is_none(),
            }
    });
    let transitions: Vec<_> = transitions.map(|transition| change(&transition)).collect();
    Some(json!({
        "time": time(SystemTime::now()),
        "since": query.since.and_then(time),
        "started": time(snapshot.started()),
        "transitions": transitions,
        "checks": Value::Object(checks.into_iter().collect()),
    }))
}

fn change(transition: &Transition) -> Value {
    json!({
        "time": time(transition.time),
        "subject": transition.subject.to_string(),
        "from": transition.from.map(|status| status.as_str()),
        "to": transition.to.as_str(),
        "cause": transition.cause.map(|cause| cause.to_string()),
        "output": transition.output,
        "durationSeconds": transition.duration.map(seconds),
        "consecutiveFailures": transition.consecutive_failures,
        "latenessSeconds": seconds(transition.lateness),
    })
}

fn summary(check: &CheckState) -> Value {
    let stats = check.stats();
    json!({
        "status": check.status().as_str(),
        "since": check.since().and_then(time),
        "lastPass": check.last_pass().and_then(time),
        "consecutiveFailures": stats.consecutive_failures(),
        "runs": counts(|outcome| stats.runs(outcome)),
        "durations": durations(stats.durations()),
    })
}

fn add_runs(summary: &mut Value, health: &Health, probe: Probe, name: &str, query: &Query) {
    let runs = health.runs(probe, name).unwrap_or_default();
    let samples = runs.samples().filter(|run| query.wants(run.time()));
    summary["samples"] = samples.map(sample).collect();
    // A bucket belongs to the answer if any of its minute does.
    let within = |minute: &&RunBucket| query.wants(minute.start() + Duration::from_secs(59));
    summary["minutes"] = runs.minutes().filter(within).map(bucket).collect();
}

fn sample(run: &RunSample) -> Value {
    json!({
        "time": time(run.time()),
        "outcome": run.outcome().as_str(),
        "durationSeconds": seconds(run.duration()),
    })
}

fn bucket(minute: &RunBucket) -> Value {
    json!({
        "start": time(minute.start()),
        "runs": counts(|outcome| u64::from(minute.runs(outcome))),
        "durations": durations(minute.durations()),
    })
}

/// Leaves out the outcomes that never came.
fn counts(runs: impl Fn(RunOutcome) -> u64) -> Value {
    let counts = RunOutcome::EACH.into_iter().filter_map(|outcome| {
        let runs = runs(outcome);
        (runs > 0).then(|| (outcome.as_str().to_owned(), Value::from(runs)))
    });
    Value::Object(counts.collect())
}

fn durations(durations: &RunDurations) -> Value {
    json!({
        "count": durations.count(),
        "sumSeconds": seconds(durations.sum()),
        "maxSeconds": seconds(durations.max()),
        "p50Seconds": durations.quantile(0.5).map(seconds),
        "p95Seconds": durations.quantile(0.95).map(seconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_time_and_a_check() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_800_000_000);
        let cases = [
            ("", None, None),
            ("since=900", Some(at(900)), None),
            ("since=15m", Some(at(1_800_000_000 - 900)), None),
            ("since=1h%2030m", Some(at(1_800_000_000 - 5400)), None),
            ("since=1970-01-01T00:15:00Z", Some(at(900)), None),
            ("since=9000years", Some(UNIX_EPOCH), None),
            ("check=db%3Alag&since=0", Some(at(0)), Some("db:lag")),
        ];
        for (text, since, check) in cases {
            let query = Query::parse(text, now).expect(text);
            assert_eq!(
                (query.since, query.check.as_deref()),
                (since, check),
                "{text}"
            );
        }
        for text in [
            "since=",
            "since=yesterday",
            "since=-5",
            "limit=5",
            "check=%ff",
        ] {
            assert!(Query::parse(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn a_check_is_named_alone_or_with_its_probe() {
        let query = |check: &str| Query {
            check: Some(check.to_owned()),
            ..Query::default()
        };
        let wants = |check| query(check).wants_check(Probe::Readiness, "db");
        assert!(wants("db") && wants("readiness/db"));
        assert!(!wants("startup/db") && !wants("readinessdb") && !wants("readiness") && !wants(""));
    }
}
