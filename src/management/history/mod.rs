//! `/history?since=&check=`: the transitions, and the runs of one check, from memory; and from the
//! archive, if there is one, what happened before.

#[cfg(feature = "__recorder")]
mod archive;
mod query;
mod rows;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde_json::{Value, json};

#[cfg(feature = "__recorder")]
use self::archive::Archived;
#[cfg(feature = "__recorder")]
pub(super) use self::archive::Source;
pub(super) use self::query::Query;
use super::facts::time;
use super::response::Answer;
use crate::{Health, Probe, RunBucket, Subject};

/// What memory has of what is asked for.
#[derive(Debug)]
pub(super) struct Memory {
    json: Value,
    /// Since when nothing is missing that this process saw.
    #[cfg_attr(not(feature = "__recorder"), expect(dead_code))]
    since: SystemTime,
    has_check: bool,
}

impl Memory {
    pub(super) fn read(health: &Health, query: &Query) -> Self {
        let snapshot = health.snapshot();
        let mut since = snapshot.started();
        let checks = Probe::EACH.into_iter().flat_map(|probe| {
            let checks = snapshot.checks(probe).map(move |check| (probe, check));
            checks.filter(|(probe, check)| query.wants_check(*probe, check.name()))
        });
        let checks: Vec<_> = checks
            .map(|(probe, check)| {
                let mut summary = rows::summary(check);
                // The runs of every check at once could be megabytes.
                if query.check.is_some() {
                    since = since.max(add_runs(&mut summary, health, probe, check.name(), query));
                }
                (format!("{probe}/{}", check.name()), summary)
            })
            .collect();
        let has_check = query.check.is_none() || !checks.is_empty();
        let (transitions, complete_since) = transitions(health, query);
        let since = complete_since.map_or(since, |complete| since.max(complete));
        let json = json!({
            "time": time(SystemTime::now()),
            "since": query.since.and_then(time),
            "started": time(snapshot.started()),
            "memorySince": time(since),
            "transitions": transitions,
            "checks": Value::Object(checks.into_iter().collect()),
        });
        Self {
            json,
            since,
            has_check,
        }
    }

    /// Returns since when something is asked for, if memory begins after that.
    #[cfg(feature = "__recorder")]
    pub(super) fn begins_after(&self, query: &Query) -> Option<SystemTime> {
        query.since.filter(|since| *since < self.since)
    }

    /// Adds what the archive says.
    #[cfg(feature = "__recorder")]
    pub(super) fn with(mut self, archived: Archived) -> Self {
        self.has_check |= archived.may_have_check;
        self.json["archive"] = archived.json;
        self
    }

    pub(super) fn into_answer(self) -> Answer {
        if self.has_check {
            Answer::json(StatusCode::OK, &self.json)
        } else {
            Answer::line(StatusCode::NOT_FOUND, "there is no such check")
        }
    }
}

/// Returns the wanted transitions, and since when none is missing if some are.
fn transitions(health: &Health, query: &Query) -> (Vec<Value>, Option<SystemTime>) {
    let most = health.config().limits.history_per_check;
    let mut all = health.history();
    all.retain(|transition| match &transition.subject {
        Subject::Check { probe, name } => query.wants_check(*probe, name),
        Subject::Probe(_) => query.check.is_none(),
    });
    let mut counts = HashMap::new();
    for transition in &all {
        let (count, oldest) = counts
            .entry(&transition.subject)
            .or_insert((0, transition.time));
        *count += 1;
        *oldest = transition.time.min(*oldest);
    }
    let full = counts.values().filter(|(count, _)| *count >= most);
    let complete_since = full.map(|(_, oldest)| *oldest).max();
    let wanted = all.iter().filter(|transition| query.wants(transition.time));
    (wanted.map(rows::change).collect(), complete_since)
}

/// Adds the latest runs and minutes of a check, and returns since when no minute is missing.
fn add_runs(
    summary: &mut Value,
    health: &Health,
    probe: Probe,
    name: &str,
    query: &Query,
) -> SystemTime {
    let runs = health.runs(probe, name).unwrap_or_default();
    let samples = runs.samples().filter(|run| query.wants(run.time()));
    summary["samples"] = samples.map(rows::sample).collect();
    // A bucket belongs to the answer if any of its minute does.
    let within = |minute: &&RunBucket| query.wants(minute.start() + Duration::from_secs(59));
    summary["minutes"] = runs.minutes().filter(within).map(rows::bucket).collect();
    let is_full = runs.minutes().count() >= health.config().limits.minutes_per_check;
    let oldest = runs.minutes().map(RunBucket::start).min();
    oldest.filter(|_| is_full).unwrap_or(SystemTime::UNIX_EPOCH)
}
