//! One run: what a connection of the pool answers, what one beside the pool answers, what follows.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ask::Asked;
use super::beside::Beside;
use super::judge::Wait;
use super::memory::Answer;
use super::verdict::Dead;
use super::{ConnectionPool, PoolIndicator, PoolState};
use crate::indicators::shared::budget::Budget;
use crate::{CheckResult, Failure};

impl<P: ConnectionPool> PoolIndicator<P> {
    pub(super) async fn run(&self) -> CheckResult {
        let time = self.time_of_a_run();
        let budget = Budget::start(time);
        let earlier = self.memory.take_beside();
        let address = self.pool.address();
        let step = format!("{address}: its storage does not answer");
        let prepared = budget.within(step, self.pool.prepare()).await?;
        prepared.map_err(|fault| Failure::new(format!("{address}: {fault}")))?;
        let run = Run {
            indicator: self,
            budget: &budget,
            share: time / 20 * 9,
            address,
            // Before the run takes a connection itself.
            before: self.pool.state(),
            earlier,
            dead: Dead::default(),
            has_connection: AtomicBool::new(false),
            is_opening: AtomicBool::new(false),
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
    /// The answer beside the pool that the last run had or repeated, if the pool was short then.
    pub(super) earlier: Option<Answer>,
    pub(super) dead: Dead,
    /// Whether the run holds a connection of the pool, on which it waits for an answer.
    pub(super) has_connection: AtomicBool,
    /// Whether the pool opens a connection for the run, and counts it as open already.
    pub(super) is_opening: AtomicBool,
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
    /// queue; and so it has if the server is full, because no other connection can be had.
    async fn race(
        &self,
        mut asking: Pin<Box<impl Future<Output = Asked<'a, P>>>>,
        mut is_asking: bool,
    ) -> Raced<'a, P> {
        let mut reaching = pin!(self.reach());
        let mut testing = pin!(self.test_another());
        let mut has_tested = false;
        let mut beside = None;
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
                        let is_final = match &reached {
                            Beside::Answers(_) => !self.waits_in_a_queue(),
                            Beside::Full(_) => false,
                            Beside::Fails(_) => !self.has_connection() && !self.is_queueing(),
                        };
                        beside = Some(reached);
                        if is_final {
                            break None;
                        }
                    }
                    () = &mut testing, if is_full && !has_tested => has_tested = true,
                    else => break None,
                }
            }
        };
        if let Ok(Some(asked)) = self.budget.within("", race).await {
            return Raced::Pooled(asked);
        }
        let is_silent = self.has_connection();
        // Discards the connection that is silent, be it that the pool still tests it.
        let open = self.open();
        drop(asking);
        let had_idle = self.before.is_some_and(|before| before.idle > 0);
        let is_tested = had_idle && !self.is_opening() && self.open() < open;
        let wait = match (is_silent, is_tested) {
            (true, _) => Wait::Answer,
            (false, true) => Wait::Test,
            (false, false) => Wait::Connection,
        };
        Raced::Beside(beside.unwrap_or(Beside::silent()), wait)
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
        self.has_connection.load(Ordering::Relaxed)
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
