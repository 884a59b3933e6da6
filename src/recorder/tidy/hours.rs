//! Sums up the hours of each instance into days.

use super::moving::Rows;
use super::{Pass, SPANS};
use crate::recorder::{RecorderError, Resolution};

impl Pass<'_> {
    pub(super) async fn hours(&mut self) -> Result<bool, RecorderError> {
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
}
