//! Sums up the minutes of each process, and forgets the processes that are gone.

use super::moving::Rows;
use super::{Pass, SPANS};
use crate::recorder::write::CLOSED;
use crate::recorder::{RecorderError, Resolution};

impl Pass<'_> {
    pub(super) async fn minutes(&mut self) -> Result<bool, RecorderError> {
        // One question for all of them: most have nothing to be moved.
        let query = "SELECT p.id, p.seen, p.latest, (SELECT min((SELECT min(b.start) \
                     FROM tower_health_buckets b WHERE b.series = s.id AND b.resolution = 60 \
                     AND b.process = p.id)) FROM tower_health_series s \
                     WHERE s.service = p.service AND s.instance = p.instance) \
                     FROM tower_health_processes p ORDER BY p.id";
        for row in self.session.fetch(query, Vec::new()).await? {
            let (Some(process), Some(seen), Some(latest)) = (row.int(0), row.int(1), row.int(2))
            else {
                continue;
            };
            let bound = self.bound_of(seen, latest);
            let is_due = bound == CLOSED || row.int(3).is_some_and(|oldest| oldest < bound);
            if is_due && !self.minutes_of(process).await? {
                return Ok(false);
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
        Ok(times.map(|(seen, latest)| self.bound_of(seen, latest)))
    }

    fn bound_of(&self, seen: i64, latest: i64) -> i64 {
        let is_gone = seen <= self.cutoff(Resolution::Minute, self.now);
        if is_gone {
            return CLOSED;
        }
        let cutoff = self.cutoff(Resolution::Minute, self.now.min(latest));
        Resolution::Hour.floor(cutoff)
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
}
