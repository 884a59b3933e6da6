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

/// One pass, which ends after a number of transactions.
pub(super) struct Pass<'a> {
    session: &'a mut Session,
    retention: &'a Retention,
    now: i64,
    budget: usize,
}

impl<'a> Pass<'a> {
    /// `now` is the clock of the database in seconds.
    pub(super) fn new(
        session: &'a mut Session,
        retention: &'a Retention,
        now: i64,
        budget: usize,
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
        if self.budget == 0 {
            return Ok(false);
        }
        self.budget -= 1;
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
