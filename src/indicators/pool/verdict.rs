//! The results of a run, in words for the on-call engineer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::memory::Answer;
use super::{ExhaustedPool, PoolState};
use crate::indicators::shared::budget;
use crate::{CheckResult, Failure, Observation};

/// The dead connections that a run has met, and closed.
#[derive(Debug, Default)]
pub(super) struct Dead(Mutex<Met>);

#[derive(Debug, Default)]
struct Met {
    count: usize,
    /// The words of the last one that broke off, rather than fell silent.
    words: Option<String>,
}

impl Dead {
    pub(super) fn broke_off(&self, words: String) {
        let mut met = self.met();
        met.count += 1;
        met.words = Some(words);
    }

    pub(super) fn fell_silent(&self) {
        self.met().count += 1;
    }

    pub(super) fn is_none(&self) -> bool {
        self.met().count == 0
    }

    pub(super) fn last_words(&self) -> Option<String> {
        self.met().words.clone()
    }

    /// The result of a run that a pooled connection has answered after this time. `skipped` says
    /// what was not done on it.
    pub(super) fn answered_after(
        &self,
        time: Duration,
        address: &str,
        skipped: Option<String>,
    ) -> Observation {
        let dead = format!("{}; {address} answers on the next one", self.text());
        let text = match (self.is_none(), skipped) {
            (true, None) => return budget::answered_after(time),
            (true, Some(skipped)) => skipped,
            (false, None) => dead,
            (false, Some(skipped)) => format!("{dead}; {skipped}"),
        };
        Observation::warn(text).measurement("responseTime", budget::milliseconds(time), "ms")
    }

    fn text(&self) -> String {
        let met = self.met();
        let words = match &met.words {
            Some(words) => format!(" ({words})"),
            None => " (no answer)".to_owned(),
        };
        match met.count {
            1 => format!("1 connection of the pool was dead and was closed{words}"),
            count => format!("{count} connections of the pool were dead and were closed{words}"),
        }
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the server behind an exhausted pool has answered.
pub(super) enum Evidence {
    /// Beside the pool, in this run.
    Now(Answer),
    /// Beside the pool, in an earlier run.
    Earlier(Answer),
    /// Not beside the pool in this run, but lately.
    Lately,
}

impl Evidence {
    pub(super) fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Now(answer) | Self::Earlier(answer) => Some(answer),
            Self::Lately => None,
        }
    }

    pub(super) fn judge(
        self,
        state: Option<PoolState>,
        waited: Duration,
        exhausted_pool: ExhaustedPool,
    ) -> CheckResult {
        let waited = waited.as_secs_f64();
        let evidence = match self {
            Self::Now(Answer { full: None, .. }) => {
                "the database answers a new connection".to_owned()
            }
            Self::Now(Answer {
                full: Some(text), ..
            }) => {
                format!("the server answers that it accepts no further one: {text}")
            }
            Self::Lately => {
                "the database, which answered lately, did not answer a new connection; \
                             the next run looks again"
                    .to_owned()
            }
            Self::Earlier(Answer { at, full }) => {
                let ago = at.elapsed().as_secs();
                match full {
                    None => format!("the database answered a new connection {ago} s ago"),
                    Some(text) => format!(
                        "the server answered {ago} s ago that it accepts no further one: {text}"
                    ),
                }
            }
        };
        let text = format!("{} within {waited:.1} s; {evidence}", refusal(state));
        match (exhausted_pool, state) {
            (ExhaustedPool::Warns, Some(state)) => Ok(state.observe(Observation::warn(text))),
            (ExhaustedPool::Warns, None) => Ok(Observation::warn(text)),
            (ExhaustedPool::Fails, Some(state)) => Err(state.explain(Failure::new(text))),
            (ExhaustedPool::Fails, None) => Err(Failure::new(text)),
        }
    }
}

/// Why the pool gave no connection, as far as its numbers show.
pub(super) fn refusal(state: Option<PoolState>) -> String {
    match state {
        Some(state) => state.refusal(),
        None => "the pool gave no connection".to_owned(),
    }
}

/// The failure of a pool that is not exhausted, and gives no connection for the second time. `hooks`
/// are the application's own, which may be the cause. `times` are those of the two attempts.
pub(super) fn gives_none(
    state: Option<PoolState>,
    times: [Duration; 2],
    address: &str,
    hooks: &[&str],
) -> Failure {
    let [first, second] = times.map(|time| time.as_secs_f64());
    let names = match hooks.join("`, `") {
        names if names.is_empty() => names,
        names => format!(" (`{names}`)"),
    };
    Failure::new(format!(
        "{} within {first:.1} s, nor within another {second:.1} s, although {address} answers a new \
         connection; its idle connections may be dead, or its hooks{names} may fail",
        refusal(state)
    ))
}

/// The result of a run that got a connection of the pool after it had looked beside it.
pub(super) fn second_attempt(
    dead: &Dead,
    before: Option<PoolState>,
    now: Option<PoolState>,
    waited: Duration,
    address: &str,
) -> Observation {
    if !dead.is_none() {
        return dead_but_new(dead, now, address);
    }
    let waited = waited.as_secs_f64();
    let text = format!(
        "{} within {waited:.1} s, but did at the second attempt",
        refusal(before)
    );
    with_readings(Observation::warn(text), now)
}

/// The result of a run that closed dead connections of the pool, and whose server answers.
pub(super) fn dead_but_new(dead: &Dead, now: Option<PoolState>, address: &str) -> Observation {
    let text = format!("{}; {address} answers a new one", dead.text());
    with_readings(Observation::warn(text), now)
}

/// The result of a run that found a dead connection of the pool, and another one that answers.
pub(super) fn dead_but_one(dead: &Dead, now: Option<PoolState>, address: &str) -> Observation {
    let text = format!("{}; {address} answers on another one", dead.text());
    with_readings(Observation::warn(text), now)
}

/// The result of a run that got a connection of the pool too late for an answer on it.
pub(super) fn late_answer(now: Option<PoolState>, waited: Duration, address: &str) -> Observation {
    let waited = waited.as_secs_f64();
    let text = format!(
        "the pool gave a connection too late for an answer on it within {waited:.1} s; {address} answers \
         a new connection"
    );
    with_readings(Observation::warn(text), now)
}

fn with_readings(observation: Observation, state: Option<PoolState>) -> Observation {
    match state {
        Some(state) => state.observe(observation),
        None => observation,
    }
}
