//! What follows from what the pool and the connection beside it were answered.

use tokio::time::Instant;

use super::beside::{Beside, Reached, Unreached};
use super::memory::Answer;
use super::run::Run;
use super::state::Parent;
use super::verdict::{self, Evidence};
use super::{ConnectionPool, PoolState};
use crate::indicators::shared::budget;
use crate::{CheckResult, Failure};

/// What a run waited for in the pool until it gave up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wait {
    /// A connection: one that is in use, or a new one.
    Connection,
    /// The end of the pool's own test of an idle connection, or of a hook on it.
    Test,
    /// The answer to the query on a connection of the pool.
    Answer,
    /// As [`Answer`](Self::Answer), but the pool gave the connection so late that this says nothing.
    LateAnswer,
}

impl Wait {
    /// Whether a connection of the pool is silent.
    fn is_silence(self) -> bool {
        matches!(self, Self::Answer | Self::Test)
    }

    fn is_on_query(self) -> bool {
        matches!(self, Self::Answer | Self::LateAnswer)
    }
}

impl<P: ConnectionPool> Run<'_, P> {
    /// The run has let go of the pool: what the pool counts now is the application's.
    pub(super) async fn judge(&self, beside: Beside<P::Error>, wait: Wait) -> CheckResult {
        match beside {
            Beside::Answers(reached) => self.judge_reached(reached, wait).await,
            Beside::Full(text) => self.judge_full(text, wait),
            Beside::Fails(Unreached::Silent) => self.judge_silent(wait),
            Beside::Fails(unreached) => Err(self.unreached(unreached, wait)),
        }
    }

    /// Repeats the result of the last run, if it found the pool short of connections, not long ago,
    /// and nothing has changed since.
    pub(super) fn repeat_earlier(&self) -> Option<CheckResult> {
        let answer = self.earlier.beside.clone()?;
        let is_recent = answer.at.elapsed() < self.indicator.beside_interval;
        let is_opening = self.is_opening();
        // A connection of the pool that does not answer is news.
        if !is_recent || self.may_have_place() && !is_opening {
            return None;
        }
        let state = self.pool().state().map(|state| match is_opening {
            true => state.without_one(),
            false => state,
        });
        let still_holds = match &answer.full {
            None => is_short(state),
            Some(_) => is_in_use(state) && self.is_excused(),
        };
        still_holds.then(|| self.short(state, Evidence::Earlier(answer)))
    }

    /// The server answers beside the pool.
    async fn judge_reached(&self, reached: Reached, wait: Wait) -> CheckResult {
        let evidence = || Evidence::Now(Answer::now(None));
        let state = self.pool().state();
        if wait.is_silence() {
            self.dead.fell_silent();
        }
        if state.is_some_and(PoolState::is_exhausted) {
            return self.short(state, evidence());
        }
        let waited = self.budget.spent();
        let knows_all = self.sweep(reached).await;
        let begun_at = Instant::now();
        let can_tell = wait == Wait::Test && knows_all && self.has_enough_time(reached);
        let gives = match can_tell {
            true => self.retry_twice(reached).await?,
            false => self.retry(reached).await?,
        };
        let now = self.pool().state();
        if gives {
            let dead = &self.dead;
            let text = verdict::second_attempt(dead, state, now, waited, &self.address);
            return Ok(text);
        }
        let is_refused = self.is_refused() && is_in_use(now);
        if is_short(now) || is_refused {
            self.short(now, evidence())
        } else if !self.dead.is_none() && !can_tell {
            Ok(verdict::dead_but_new(&self.dead, now, &self.address))
        } else if wait == Wait::LateAnswer {
            Ok(verdict::late_answer(now, waited, &self.address))
        } else {
            let times = [waited, begun_at.elapsed()];
            let hooks = self.pool().hooks();
            Err(verdict::gives_none(state, times, &self.address, hooks))
        }
    }

    /// The server is silent beside the pool. A packet that was lost on the way delays an answer by a
    /// second, so over an exhausted pool, which has no other witness, one silence says little.
    fn judge_silent(&self, wait: Wait) -> CheckResult {
        self.indicator.memory.set_silent();
        let state = self.pool().state();
        // The connection that the run won late, and has closed, leaves a place.
        let judged = match wait {
            Wait::LateAnswer => self.before,
            _ => state,
        };
        let is_queueing = judged.is_some_and(|state| state.is_exhausted() && state.in_use() > 0);
        if wait.is_silence() || !is_queueing {
            return Err(self.unreached(Unreached::Silent, wait));
        }
        if self.earlier.was_silent || !self.has_answered_lately() {
            return Err(self.unreached(Unreached::Silent, wait));
        }
        self.short(state, Evidence::Lately)
    }

    /// Whether the server answered so lately, beside the pool or on a connection of it, that the last
    /// look cannot have failed.
    fn has_answered_lately(&self) -> bool {
        let interval = self.indicator.beside_interval;
        let lately = interval.saturating_mul(2).saturating_add(budget::TTL);
        let beside = self.earlier.beside.as_ref();
        let beside = beside.map(|answer| answer.at.elapsed());
        let pooled = self.indicator.memory.since_pooled();
        let since = [beside, pooled].into_iter().flatten().min();
        since.is_some_and(|since| since < lately)
    }

    /// The server accepts no further connection, and may be hung apart from that.
    pub(super) fn judge_full(&self, text: String, wait: Wait) -> CheckResult {
        let is_silent = wait.is_silence();
        let (address, state) = (&self.address, self.pool().state());
        let since_pooled = self.indicator.memory.since_pooled();
        let has_answered = since_pooled.is_some_and(|since| since < self.budget.spent());
        if is_silent && has_answered {
            self.dead.fell_silent();
            return Ok(verdict::dead_but_one(&self.dead, state, address));
        }
        if is_silent {
            self.indicator.memory.pooled_fell_silent();
        }
        if self.indicator.settings.behind_pooler {
            let refusal = self.refusal(state, wait);
            return Err(Failure::new(format!(
                "{refusal}; the pooler accepts no further connection: {text}"
            )));
        }
        if is_silent {
            return Err(Failure::new(format!(
                "{address} does not answer a query, and accepts no further connection: {text}"
            )));
        }
        if !is_in_use(state) && wait != Wait::LateAnswer {
            return Err(self.no_connection(&text));
        }
        if self.is_excused() {
            return self.short(state, Evidence::Now(Answer::now(Some(text))));
        }
        let refusal = self.refusal(state, wait);
        let since = match since_pooled {
            Some(since) => format!("for {} s", since.as_secs()),
            None => "yet".to_owned(),
        };
        Err(Failure::new(format!(
            "{refusal}; {address} accepts no further connection ({text}), and no connection of the \
             pool has answered {since}"
        )))
    }

    /// The failure of a run that got no answer on a connection of the pool, and none beside the pool.
    fn unreached(&self, unreached: Unreached<P::Error>, wait: Wait) -> Failure {
        let (address, state) = (&self.address, self.pool().state());
        let refusal = self.refusal(state, wait);
        let is_exhausted = state.is_some_and(PoolState::is_exhausted);
        match unreached {
            Unreached::Silent => {
                let waited = self.budget.spent().as_secs_f64();
                Failure::new(format!(
                    "{refusal}; {address} does not answer a new connection either: no answer \
                     within {waited:.1} s"
                ))
            }
            Unreached::Refused(error) if is_exhausted || wait.is_on_query() => {
                let text = self.pool().describe(&error);
                Failure::new(format!(
                    "{refusal}; cannot connect to {address} either: {text}"
                ))
            }
            Unreached::Refused(error) => self.cannot_connect(&error),
            Unreached::Failed(failure) => failure,
        }
    }

    fn refusal(&self, state: Option<PoolState>, wait: Wait) -> String {
        match wait.is_on_query() {
            true => format!("{} does not answer a query", self.address),
            false => verdict::refusal(state),
        }
    }

    /// Whether a connection of the pool answered so lately that a full server explains why the pool
    /// gives none now.
    fn is_excused(&self) -> bool {
        let since_pooled = self.indicator.memory.since_pooled();
        since_pooled.is_some_and(|since| since < self.indicator.full_grace)
    }

    /// The result of a run over a pool that is short of connections, and whose server has answered.
    fn short(&self, state: Option<PoolState>, evidence: Evidence) -> CheckResult {
        if let Some(answer) = evidence.answer() {
            self.indicator.memory.set_beside(answer.clone());
        }
        let waited = self.share.min(self.budget.spent());
        evidence.judge(state, waited, self.indicator.exhausted_pool)
    }
}

impl Answer {
    fn now(full: Option<String>) -> Self {
        Self {
            at: Instant::now(),
            full,
        }
    }
}

/// Whether the application, or another pool with the same parent, may have all that there are. A
/// pool that does not count them may always be short.
fn is_short(state: Option<PoolState>) -> bool {
    state.is_none_or(|state| {
        let has_no_room = state.in_use() > 0 && state.open >= state.most;
        state.is_exhausted() || state.parent != Parent::None || has_no_room
    })
}

pub(super) fn is_in_use(state: Option<PoolState>) -> bool {
    state.is_none_or(|state| state.in_use() > 0)
}
