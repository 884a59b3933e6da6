//! Sums up minutes into hours and hours into days, and deletes what is too old.
//!
//! Rows are moved: in one transaction, their sum is added to the coarser row and they are deleted. So
//! whatever fails or is done twice, each run is in exactly one row. A process writes none of its
//! minutes again once they are moved: both lock the row of the process first. Of all that tidy, one
//! at a time does: it holds the row of the schema.

mod deleting;
mod hours;
mod minutes;
mod moving;

use std::time::{Duration, Instant};

use super::database::Session;
use super::{RecorderError, Resolution, Retention};

/// How many spans of the coarser resolution one transaction fills.
const SPANS: i64 = 24;

/// Says whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tidied {
    All,
    /// The budget was used up, or another process is tidying.
    Part,
}

/// How much one pass may do.
#[derive(Debug)]
pub(super) struct Budget {
    transactions: usize,
    until: Instant,
    has_begun: bool,
}

impl Budget {
    /// So many transactions, of which only the first may begin after this time.
    pub(super) fn new(transactions: usize, time: Duration) -> Self {
        Self {
            transactions,
            until: Instant::now() + time,
            has_begun: false,
        }
    }

    /// Takes a transaction out of it; `false` if there is none left.
    fn take(&mut self) -> bool {
        let is_late = self.has_begun && Instant::now() >= self.until;
        if self.transactions == 0 || is_late {
            return false;
        }
        self.has_begun = true;
        self.transactions -= 1;
        true
    }
}

/// One pass, which ends when its budget is used up.
pub(super) struct Pass<'a> {
    session: &'a mut Session,
    retention: &'a Retention,
    now: i64,
    budget: Budget,
}

impl<'a> Pass<'a> {
    /// `now` is the clock of the database in seconds.
    pub(super) fn new(
        session: &'a mut Session,
        retention: &'a Retention,
        now: i64,
        budget: Budget,
    ) -> Self {
        Self {
            session,
            retention,
            now,
            budget,
        }
    }

    /// Does what is due.
    pub(super) async fn run(mut self) -> Result<Tidied, RecorderError> {
        let is_done = self.minutes().await?
            && self.hours().await?
            && self.days().await?
            && self.transitions().await?
            && self.orphans().await?;
        if !is_done {
            return Ok(Tidied::Part);
        }
        let tidied = "UPDATE tower_health_schema SET tidied = $1";
        self.session.begin().await?;
        self.session.execute(tidied, vec![self.now.into()]).await?;
        self.session.commit().await?;
        Ok(Tidied::All)
    }

    /// Begins a transaction; `false` if the budget is used up or another process is tidying.
    async fn begin(&mut self) -> Result<bool, RecorderError> {
        if !self.budget.take() {
            return Ok(false);
        }
        self.session.begin().await?;
        let lock = self.session.dialect().for_update_skip_locked();
        let lock = format!("SELECT version FROM tower_health_schema{lock}");
        if self.session.fetch_one(lock, Vec::new()).await?.is_some() {
            return Ok(true);
        }
        self.session.roll_back().await?;
        Ok(false)
    }

    /// The oldest moment of which something of this resolution is kept.
    fn cutoff(&self, resolution: Resolution, now: i64) -> i64 {
        now.saturating_sub(self.retention.seconds(resolution))
    }
}
