//! Deletes what is too old or too much: days, transitions, and series of which nothing is left.

use super::Pass;
use crate::recorder::database::Value;
use crate::recorder::{RecorderError, Resolution};

/// How many rows one transaction deletes.
const ROWS: i64 = 1_000;

impl Pass<'_> {
    pub(super) async fn days(&mut self) -> Result<bool, RecorderError> {
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

    pub(super) async fn transitions(&mut self) -> Result<bool, RecorderError> {
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
    pub(super) async fn orphans(&mut self) -> Result<bool, RecorderError> {
        let orphans = "SELECT s.id FROM tower_health_series s WHERE NOT EXISTS \
                       (SELECT 1 FROM tower_health_buckets b WHERE b.series = s.id) AND NOT EXISTS \
                       (SELECT 1 FROM tower_health_transitions t WHERE t.series = s.id)";
        let first = format!("{orphans} LIMIT 1");
        if self.session.fetch_one(first, Vec::new()).await?.is_none() {
            return Ok(true);
        }
        if !self.begin().await? {
            return Ok(false);
        }
        // A reference that another process has just made keeps the row: that is an error, and the
        // next pass does the rest.
        let delete =
            format!("DELETE FROM tower_health_series WHERE id IN ({orphans} LIMIT {ROWS})");
        self.session.execute(delete, Vec::new()).await?;
        self.session.commit().await?;
        Ok(true)
    }
}
