//! Moves rows to a coarser resolution, within a transaction of the caller.

use super::Pass;
use crate::recorder::database::Value;
use crate::recorder::{RecorderError, Resolution, columns};

/// Which rows are moved: those of one series and process that begin within a span.
pub(super) struct Rows {
    pub(super) series: i64,
    pub(super) process: i64,
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Rows {
    /// Those that are sums over all processes.
    pub(super) fn of_instance(series: i64, from: i64, to: i64) -> Self {
        Self {
            series,
            process: 0,
            from,
            to,
        }
    }
}

impl Pass<'_> {
    /// Returns the oldest row that is left of a series and process.
    pub(super) async fn oldest(
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
    pub(super) async fn move_rows(
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
    pub(super) async fn ends(
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
}
