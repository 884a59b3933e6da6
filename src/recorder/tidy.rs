//! Sums up minutes into hours and hours into days, and deletes what is too old.
//!
//! Rows are moved: in one transaction, their sum is added to the coarser row and they are deleted. So
//! whatever fails or is done twice, each run is in exactly one row. A process writes none of its
//! minutes again once they are moved: both lock the row of the process first. Of all that tidy, one
//! at a time does: it holds the row of the schema.

use super::columns;
use super::database::{Session, Value};
use super::write::CLOSED;
use super::{RecorderError, Resolution, Retention};

/// How many spans of the coarser resolution one transaction fills.
const SPANS: i64 = 24;
/// How many rows one transaction deletes.
const ROWS: i64 = 1_000;

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

/// Which rows are moved: those of one series and process that begin within a span.
struct Rows {
    series: i64,
    process: i64,
    from: i64,
    to: i64,
}

impl Rows {
    /// Those that are sums over all processes.
    fn of_instance(series: i64, from: i64, to: i64) -> Self {
        Self {
            series,
            process: 0,
            from,
            to,
        }
    }
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

    async fn minutes(&mut self) -> Result<bool, RecorderError> {
        let query = "SELECT id FROM tower_health_processes ORDER BY id";
        for row in self.session.fetch(query, Vec::new()).await? {
            if let Some(process) = row.int(0) {
                if !self.minutes_of(process).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Returns until when the minutes of a process are to be moved, and whether all of them are
    /// because it is gone.
    ///
    /// A process that still writes is judged by its own clock, if that is behind: it could write
    /// again what is only old to others.
    async fn bound(&mut self, process: i64, lock: &str) -> Result<Option<i64>, RecorderError> {
        let query = "SELECT seen, latest FROM tower_health_processes WHERE id = $1";
        let row = self
            .session
            .fetch_one(format!("{query}{lock}"), vec![process.into()])
            .await?;
        let times = row.and_then(|row| Some((row.int(0)?, row.int(1)?)));
        Ok(times.map(|(seen, latest)| {
            let is_gone = seen <= self.cutoff(Resolution::Minute, self.now);
            match is_gone {
                true => CLOSED,
                false => {
                    let cutoff = self.cutoff(Resolution::Minute, self.now.min(latest));
                    Resolution::Hour.floor(cutoff)
                }
            }
        }))
    }

    async fn minutes_of(&mut self, process: i64) -> Result<bool, RecorderError> {
        let Some(bound) = self.bound(process, "").await? else {
            return Ok(true);
        };
        let oldest = "SELECT s.id, (SELECT min(b.start) FROM tower_health_buckets b \
                      WHERE b.series = s.id AND b.resolution = 60 AND b.process = p.id) \
                      FROM tower_health_processes p JOIN tower_health_series s \
                      ON s.service = p.service AND s.instance = p.instance WHERE p.id = $1";
        for row in self.session.fetch(oldest, vec![process.into()]).await? {
            let (Some(series), mut oldest) = (row.int(0), row.int(1)) else {
                continue;
            };
            while let Some(from) = oldest.filter(|oldest| *oldest < bound) {
                let to = Resolution::Hour.floor(from) + SPANS * Resolution::Hour.seconds();
                let rows = Rows {
                    series,
                    process,
                    from,
                    to: to.min(bound),
                };
                if !self.move_minutes(&rows, bound).await? {
                    return Ok(false);
                }
                oldest = self.oldest(&rows, Resolution::Minute).await?;
            }
        }
        match bound {
            CLOSED => self.delete_process(process).await,
            _ => Ok(true),
        }
    }

    async fn move_minutes(&mut self, rows: &Rows, bound: i64) -> Result<bool, RecorderError> {
        if !self.begin().await? {
            return Ok(false);
        }
        let lock = self.session.dialect().for_update();
        // It may have written since.
        let is_due = self.bound(rows.process, lock).await?;
        if is_due.is_some_and(|now_due| now_due >= bound) {
            // A clock that is set back makes `latest` earlier; what is moved stays moved.
            let moved = "UPDATE tower_health_processes SET moved = $2 WHERE id = $1 AND moved < $2";
            let values = vec![rows.process.into(), bound.into()];
            self.session.execute(moved, values).await?;
            self.move_rows(rows, Resolution::Minute, Resolution::Hour)
                .await?;
            self.session.commit().await?;
            return Ok(true);
        }
        self.session.roll_back().await?;
        Ok(false)
    }

    /// Deletes a process that is gone, with all its minutes moved.
    async fn delete_process(&mut self, process: i64) -> Result<bool, RecorderError> {
        if !self.begin().await? {
            return Ok(false);
        }
        let lock = self.session.dialect().for_update();
        if self.bound(process, lock).await? == Some(CLOSED) {
            let delete = "DELETE FROM tower_health_processes WHERE id = $1 AND NOT EXISTS \
                          (SELECT 1 FROM tower_health_buckets b JOIN tower_health_series s \
                          ON b.series = s.id WHERE b.resolution = 60 AND b.process = $1 \
                          AND s.service = tower_health_processes.service \
                          AND s.instance = tower_health_processes.instance)";
            self.session.execute(delete, vec![process.into()]).await?;
        }
        self.session.commit().await?;
        Ok(true)
    }

    /// Returns the oldest row that is left of a series and process.
    async fn oldest(
        &mut self,
        rows: &Rows,
        resolution: Resolution,
    ) -> Result<Option<i64>, RecorderError> {
        let query = "SELECT min(start) FROM tower_health_buckets \
                     WHERE series = $1 AND resolution = $2 AND process = $3";
        let key = [rows.series, resolution.seconds(), rows.process];
        let key = key.map(Value::from).to_vec();
        let row = self.session.fetch_one(query, key).await?;
        Ok(row.and_then(|row| row.int(0)))
    }

    /// Adds rows to those of the coarser resolution, and deletes them.
    async fn move_rows(
        &mut self,
        rows: &Rows,
        fine: Resolution,
        coarse: Resolution,
    ) -> Result<(), RecorderError> {
        let dialect = self.session.dialect();
        let span = coarse.seconds();
        let of = "WHERE series = $1 AND resolution = $2 AND process = $3 AND start >= $4 \
                  AND start < $5";
        let sum = format!(
            "INSERT INTO tower_health_buckets (series, resolution, start, process, {}) \
             SELECT series, {span}, start - start % {span}, 0, {} FROM tower_health_buckets {of} \
             GROUP BY series, start - start % {span} \
             ON CONFLICT (series, resolution, start, process) DO UPDATE SET {}",
            columns::names(),
            columns::sums(dialect),
            columns::added(dialect),
        );
        let key = [
            rows.series,
            fine.seconds(),
            rows.process,
            rows.from,
            rows.to,
        ];
        let key = key.map(Value::from).to_vec();
        self.session.execute(sum, key.clone()).await?;
        let delete = format!("DELETE FROM tower_health_buckets {of}");
        self.session.execute(delete, key).await?;
        Ok(())
    }

    /// Returns the earliest and the latest start of each series in a resolution.
    async fn ends(
        &mut self,
        resolution: Resolution,
    ) -> Result<Vec<(i64, i64, i64)>, RecorderError> {
        let end = |end: &str| {
            format!(
                "(SELECT {end}(b.start) FROM tower_health_buckets b \
                 WHERE b.series = s.id AND b.resolution = $1)"
            )
        };
        let query = format!(
            "SELECT s.id, {}, {} FROM tower_health_series s",
            end("min"),
            end("max")
        );
        let rows = self
            .session
            .fetch(query, vec![resolution.seconds().into()])
            .await?;
        let ends = rows
            .iter()
            .map(|row| Some((row.int(0)?, row.int(1)?, row.int(2)?)));
        Ok(ends.flatten().collect())
    }

    async fn hours(&mut self) -> Result<bool, RecorderError> {
        let day = Resolution::Day;
        let past = day.floor(self.cutoff(Resolution::Hour, self.now));
        // A clock that was ahead leaves rows that would not be old for years.
        let kept = self.retention.seconds(Resolution::Hour);
        let future = day.floor(self.now.saturating_add(kept)) + day.seconds();
        for (series, first, last) in self.ends(Resolution::Hour).await? {
            let mut oldest = Some(first);
            while let Some(from) = oldest.filter(|oldest| *oldest < past) {
                let to = (day.floor(from) + SPANS * day.seconds()).min(past);
                let rows = Rows::of_instance(series, from, to);
                if !self.move_hours(&rows).await? {
                    return Ok(false);
                }
                oldest = self.oldest(&rows, Resolution::Hour).await?;
            }
            if last >= future {
                let rows = Rows::of_instance(series, future, i64::MAX);
                if !self.move_hours(&rows).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn move_hours(&mut self, rows: &Rows) -> Result<bool, RecorderError> {
        if !self.begin().await? {
            return Ok(false);
        }
        self.move_rows(rows, Resolution::Hour, Resolution::Day)
            .await?;
        self.session.commit().await?;
        Ok(true)
    }

    async fn days(&mut self) -> Result<bool, RecorderError> {
        let past = self.cutoff(Resolution::Day, self.now);
        let kept = self.retention.seconds(Resolution::Day);
        let future = self.now.saturating_add(kept);
        for (series, first, last) in self.ends(Resolution::Day).await? {
            if first >= past && last <= future {
                continue;
            }
            if !self.begin().await? {
                return Ok(false);
            }
            let delete = "DELETE FROM tower_health_buckets WHERE series = $1 AND resolution = $2 \
                          AND (start < $3 OR start > $4)";
            let key = [series, Resolution::Day.seconds(), past, future];
            let key = key.map(Value::from).to_vec();
            self.session.execute(delete, key).await?;
            self.session.commit().await?;
        }
        Ok(true)
    }

    async fn transitions(&mut self) -> Result<bool, RecorderError> {
        let second = 1_000_000;
        let past = self
            .cutoff(Resolution::Day, self.now)
            .saturating_mul(second);
        let query =
            "SELECT series, count(*), min(at) FROM tower_health_transitions GROUP BY series";
        for row in self.session.fetch(query, Vec::new()).await? {
            let (Some(series), Some(count), Some(oldest)) = (row.int(0), row.int(1), row.int(2))
            else {
                continue;
            };
            let mut excess = count - i64::from(self.retention.transitions);
            while excess > 0 {
                if !self.begin().await? {
                    return Ok(false);
                }
                self.delete_transitions(series, i64::MAX, excess.min(ROWS))
                    .await?;
                excess -= ROWS;
            }
            if oldest < past {
                if !self.begin().await? {
                    return Ok(false);
                }
                self.delete_transitions(series, past, ROWS).await?;
            }
        }
        Ok(true)
    }

    /// Deletes the oldest transitions of a series that happened before a time, and commits.
    async fn delete_transitions(
        &mut self,
        series: i64,
        before: i64,
        most: i64,
    ) -> Result<(), RecorderError> {
        let delete = "DELETE FROM tower_health_transitions WHERE series = $1 \
                      AND (at, process, ordinal) IN (SELECT at, process, ordinal \
                      FROM tower_health_transitions WHERE series = $1 AND at < $2 \
                      ORDER BY at, process, ordinal LIMIT $3)";
        let values = [series, before, most].map(Value::from).to_vec();
        self.session.execute(delete, values).await?;
        self.session.commit().await
    }

    /// Deletes the series that nothing is left of.
    async fn orphans(&mut self) -> Result<bool, RecorderError> {
        let orphans = "SELECT s.id FROM tower_health_series s WHERE NOT EXISTS \
                       (SELECT 1 FROM tower_health_buckets b WHERE b.series = s.id) AND NOT EXISTS \
                       (SELECT 1 FROM tower_health_transitions t WHERE t.series = s.id) LIMIT 1000";
        let orphans: Vec<_> = self.session.fetch(orphans, Vec::new()).await?;
        let orphans: Vec<_> = orphans.iter().filter_map(|row| row.int(0)).collect();
        if orphans.is_empty() {
            return Ok(true);
        }
        if !self.begin().await? {
            return Ok(false);
        }
        // A reference that another process has just made keeps the row: that is an error, and the
        // next pass does the rest.
        for series in orphans {
            let delete = "DELETE FROM tower_health_series WHERE id = $1 AND NOT EXISTS \
                          (SELECT 1 FROM tower_health_buckets WHERE series = $1) AND NOT EXISTS \
                          (SELECT 1 FROM tower_health_transitions WHERE series = $1)";
            self.session.execute(delete, vec![series.into()]).await?;
        }
        self.session.commit().await?;
        Ok(true)
    }
}
