//! One run: what a connection of the pool answers, what one beside the pool answers, what follows.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::ask::Asked;
use super::beside::{Beside, Reached};
use super::judge::Wait;
use super::memory::Earlier;
use super::part;
use super::verdict::Dead;
use super::{ConnectionPool, PoolIndicator, PoolState};
use crate::indicators::shared::budget::Budget;
use crate::{CheckResult, Failure};

impl<P: ConnectionPool> PoolIndicator<P> {
    pub(super) async fn run(&self) -> CheckResult {
        let time = self.time_of_a_run();
        let budget = Budget::start(time);
        let earlier = self.memory.begin_run();
        let address = self.pool.address();
        let step = format!("{address}: its storage does not answer");
        let prepared = budget.within(step, self.pool.prepare()).await?;
        prepared.map_err(|fault| Failure::new(format!("{address}: {fault}")))?;
        let run = Run {
            indicator: self,
            budget: &budget,
            share: part::UNTIL_BESIDE.of(time),
            address,
            // Before the run takes a connection itself.
            before: self.pool.state(),
            earlier,
            dead: Dead::default(),
            queried_at: Mutex::default(),
            is_opening: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
        };
        run.check().await
    }
}

/// What a run knows.
pub(super) struct Run<'a, P: ConnectionPool> {
    pub(super) indicator: &'a PoolIndicator<P>,
    pub(super) budget: &'a Budget,
    /// The time until the run looks beside the pool.
    pub(super) share: Duration,
    pub(super) address: String,
    pub(super) before: Option<PoolState>,
    pub(super) earlier: Earlier,
    pub(super) dead: Dead,
    /// Since when the run holds a connection of the pool, on which it waits for an answer.
    queried_at: Mutex<Option<Instant>>,
    /// Whether the pool opens a connection for the run, and counts it as open already.
    pub(super) is_opening: AtomicBool,
    /// Whether the server has refused the pool a further connection in this run.
    pub(super) is_refused: AtomicBool,
}

/// How the race between the pool and the connection beside it ended.
enum Raced<'a, P: ConnectionPool> {
    /// With an answer of the pool.
    Pooled(Asked<'a, P>),
    /// With what the connection beside the pool was answered, while the run waited for this.
    Beside(Beside<P::Error>, Wait),
}

impl<'a, P: ConnectionPool> Run<'a, P> {
    async fn check(&self) -> CheckResult {
        // What does a connection of the pool answer?
        let mut asking = Box::pin(self.ask());
        let asked = self.budget.within_share(self.share, "", &mut asking).await;
        let is_asking = asked.is_err();
        match asked {
            Ok(Asked::None) | Err(_) => {}
            Ok(asked) => return self.conclude(asked).await,
        }
        if !self.pool().falls_silent() && self.has_connection() {
            let step = format!("{} does not answer a query", self.address);
            return self.conclude(self.budget.within(step, asking).await?).await;
        }
        if let Some(result) = self.repeat_earlier() {
            return result;
        }
        // What does one beside the pool answer?
        match self.race(asking, is_asking).await {
            Raced::Pooled(asked) => self.conclude(asked).await,
            // What follows?
            Raced::Beside(beside, wait) => self.judge(beside, wait).await,
        }
    }

    /// Connects beside the pool, and goes on waiting for the pool. A server may be slow, and a place
    /// may become free: an answer of a pooled connection is worth more than one beside the pool.
    ///
    /// Behind a pooler it has all of the time, because its connection is good while it waits in the
    /// queue; and so it has if the server is full, because no other connection can be had. A query
    /// that was sent late has some more time than the one beside the pool took.
    async fn race(
        &self,
        mut asking: Pin<Box<impl Future<Output = Asked<'a, P>>>>,
        mut is_asking: bool,
    ) -> Raced<'a, P> {
        let mut reaching = pin!(self.reach());
        let mut testing = pin!(self.test_another());
        let mut has_tested = false;
        let mut beside = None;
        let mut until = None;
        let race = async {
            loop {
                let is_full = matches!(beside, Some(Beside::Full(_)));
                tokio::select! {
                    biased;
                    asked = &mut asking, if is_asking => match asked {
                        Asked::None => is_asking = false,
                        asked => break Some(asked),
                    },
                    reached = &mut reaching, if beside.is_none() => {
                        until = match &reached {
                            Beside::Answers(_) if self.waits_in_a_queue() => None,
                            Beside::Answers(reached) => Some(self.end_of_query(*reached)),
                            Beside::Full(_) => None,
                            Beside::Fails(_) if self.has_connection() || self.is_queueing() => None,
                            Beside::Fails(_) => Some(Instant::now()),
                        };
                        beside = Some(reached);
                    }
                    () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                        break None;
                    }
                    () = &mut testing, if is_full && !has_tested => has_tested = true,
                    else => break None,
                }
            }
        };
        if let Ok(Some(asked)) = self.budget.within("", race).await {
            return Raced::Pooled(asked);
        }
        let beside = beside.unwrap_or(Beside::silent());
        let queried_for = self.queried_at().map(|at| at.elapsed());
        // Discards the connection that is silent, be it that the pool still tests it.
        let open = self.open();
        drop(asking);
        let had_idle = self.before.is_some_and(|before| before.idle > 0);
        let is_tested = had_idle && !self.is_opening() && self.open() < open;
        let wait = match queried_for {
            Some(waited) if waited >= self.fair_time(&beside) => Wait::Answer,
            Some(_) => Wait::LateAnswer,
            None if is_tested => Wait::Test,
            None => Wait::Connection,
        };
        Raced::Beside(beside, wait)
    }

    /// How long a query on a connection of the pool must be without an answer to be called silent.
    fn fair_time(&self, beside: &Beside<P::Error>) -> Duration {
        match beside {
            Beside::Answers(reached) if !self.waits_in_a_queue() => reached.patience(),
            _ => self.share,
        }
    }

    /// Until when the run waits for a pooled connection once the server has answered beside it. The
    /// search for another one needs most of what is left.
    fn end_of_query(&self, reached: Reached) -> Instant {
        let now = Instant::now();
        match self.queried_at() {
            Some(at) => {
                (at + reached.patience()).min(now + part::LATE_QUERY.of(self.budget.left()))
            }
            None => now,
        }
    }

    /// Whether the run waits in a queue for a connection that the application has.
    fn is_queueing(&self) -> bool {
        self.pool().state().is_some_and(PoolState::is_exhausted) && !self.may_have_place()
    }

    /// Whether a connection that looks taken may be the one that the run waits for.
    pub(super) fn may_have_place(&self) -> bool {
        let had_idle = self.before.is_some_and(|before| before.idle > 0);
        self.has_connection() || self.is_opening() || had_idle
    }

    pub(super) fn has_connection(&self) -> bool {
        self.queried_at().is_some()
    }

    fn queried_at(&self) -> Option<Instant> {
        let at = self.queried_at.lock();
        *at.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_queried_at(&self, at: Option<Instant>) {
        let held = self.queried_at.lock();
        *held.unwrap_or_else(PoisonError::into_inner) = at;
    }

    pub(super) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }

    pub(super) fn is_opening(&self) -> bool {
        self.is_opening.load(Ordering::Relaxed)
    }

    /// Whether the query on a pooled connection may wait in the queue of a pooler.
    fn waits_in_a_queue(&self) -> bool {
        self.indicator.settings.behind_pooler && self.has_connection()
    }

    pub(super) fn open(&self) -> usize {
        self.pool().state().map_or(0, |state| state.open)
    }

    pub(super) fn pool(&self) -> &'a P {
        &self.indicator.pool
    }
}
