//! The last hour of a check, a cell for each minute.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use crate::page::text::minute;
use crate::{RunBucket, RunOutcome};

const MINUTE: Duration = Duration::from_secs(60);

/// How many cells a strip has.
pub(crate) const CELLS: usize = 60;

/// The worst that happened in a minute, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    /// No run ended in this minute, or none that counts.
    Unknown,
    Pass,
    Warn,
    Fail,
}

impl Cell {
    pub(crate) const KNOWN: [Self; 3] = [Self::Pass, Self::Warn, Self::Fail];

    fn of(minute: &RunBucket) -> Self {
        let outcomes = RunOutcome::ALL.iter().copied();
        let seen = outcomes.filter(|outcome| minute.runs(*outcome) > 0);
        let cell = |outcome| match outcome {
            RunOutcome::Pass => Self::Pass,
            RunOutcome::Warn => Self::Warn,
            RunOutcome::Fail | RunOutcome::Timeout | RunOutcome::Panic => Self::Fail,
            // It blames nobody: the refresher was late.
            RunOutcome::Starved => Self::Unknown,
        };
        seen.map(cell).max().unwrap_or(Self::Unknown)
    }
}

/// The last 60 minutes of a check, oldest first; the last cell is the minute of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    pub(crate) cells: [Cell; CELLS],
    first: SystemTime,
}

impl Strip {
    pub(crate) fn new<'a>(
        minutes: impl IntoIterator<Item = &'a RunBucket>,
        now: SystemTime,
    ) -> Self {
        let last = RunBucket::start_of(MINUTE, now);
        let span = MINUTE * (CELLS as u32 - 1);
        let first = last.checked_sub(span).unwrap_or(last);
        let mut cells = [Cell::Unknown; CELLS];
        for minute in minutes {
            // A clock that was set back leaves minutes that lie ahead. They are not of the last hour.
            let Ok(after) = minute.start().duration_since(first) else {
                continue;
            };
            let index = usize::try_from(after.as_secs() / MINUTE.as_secs()).unwrap_or(CELLS);
            if let Some(cell) = cells.get_mut(index) {
                *cell = Cell::of(minute).max(*cell);
            }
        }
        Self { cells, first }
    }

    fn count(&self, cell: Cell) -> usize {
        self.cells.iter().filter(|each| **each == cell).count()
    }

    /// Describes the strip for those who do not see it.
    pub(crate) fn text(&self) -> String {
        let mut text = "Last 60 minutes:".to_owned();
        let mut separator = " ";
        for (cell, word) in [
            (Cell::Fail, "failed in"),
            (Cell::Warn, "warned in"),
            (Cell::Pass, "passed in"),
            (Cell::Unknown, "no run in"),
        ] {
            let count = self.count(cell);
            if count == 0 {
                continue;
            }
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{separator}{word} {count}");
            if matches!(cell, Cell::Fail | Cell::Warn) {
                let _ = write!(text, " ({})", self.spans(cell));
            }
            separator = ", ";
        }
        text
    }

    /// Names the latest three spans of minutes with this cell.
    fn spans(&self, cell: Cell) -> String {
        let mut spans = Vec::<(usize, usize)>::new();
        for (index, _) in self
            .cells
            .iter()
            .enumerate()
            .filter(|(_, each)| **each == cell)
        {
            match spans.last_mut() {
                Some((_, last)) if *last + 1 == index => *last = index,
                _ => spans.push((index, index)),
            }
        }
        let name = |index: usize| minute(self.first + MINUTE * index as u32);
        let earlier = spans.len().saturating_sub(3);
        let texts = spans.iter().skip(earlier).map(|(first, last)| {
            if first == last {
                name(*first)
            } else {
                format!("{} to {}", name(*first), name(*last))
            }
        });
        let texts: Vec<_> = texts.collect();
        let earlier = if earlier > 0 { "earlier, " } else { "" };
        format!("{earlier}{} UTC", texts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// 10:30:20 UTC.
    const NOW: u64 = 1_705_314_620;

    fn strip(runs: &[(i64, RunOutcome)]) -> Strip {
        let minutes: Vec<_> = runs
            .iter()
            .map(|(minutes_ago, outcome)| {
                let time = at(NOW.saturating_add_signed(-60 * minutes_ago));
                let mut bucket = RunBucket::new(RunBucket::start_of(MINUTE, time));
                bucket.add(&crate::RunSample::new(time, MINUTE, *outcome));
                bucket
            })
            .collect();
        Strip::new(&minutes, at(NOW))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_cell_is_the_worst_of_its_minute_and_a_gap_is_unknown() {
        use RunOutcome::*;
        let strip = strip(&[
            (59, Warn),
            (2, Fail),
            (2, Pass),
            (1, Starved),
            (1, Pass),
            (0, Pass),
        ]);
        assert_eq!(strip.cells[0], Cell::Warn);
        assert_eq!(
            strip.cells[56..],
            [Cell::Unknown, Cell::Fail, Cell::Pass, Cell::Pass]
        );
        assert_eq!(strip.count(Cell::Unknown), 56);
        assert_eq!(
            strip.text(),
            "Last 60 minutes: failed in 1 (10:28 UTC), warned in 1 (09:31 UTC), passed in 2, no run in 56"
        );
    }

    #[test]
    fn a_run_that_blames_nobody_is_no_failure() {
        assert_eq!(strip(&[(0, RunOutcome::Starved)]).cells[59], Cell::Unknown);
        assert_eq!(strip(&[(0, RunOutcome::Panic)]).cells[59], Cell::Fail);
        assert_eq!(strip(&[(0, RunOutcome::Timeout)]).cells[59], Cell::Fail);
    }

    #[test]
    fn minutes_before_the_hour_and_after_now_are_left_out() {
        let strip = strip(&[(60, RunOutcome::Fail), (-1, RunOutcome::Fail)]);
        assert_eq!(strip.text(), "Last 60 minutes: no run in 60");
        let at_1970 = Strip::new([], UNIX_EPOCH);
        assert_eq!(at_1970.count(Cell::Unknown), CELLS);
    }

    #[test]
    fn spans_are_named_and_old_ones_only_counted() {
        let fail = |minutes_ago| (minutes_ago, RunOutcome::Fail);
        let strip = strip(&[50, 40, 39, 38, 20, 3, 2].map(fail));
        let text = strip.text();
        assert!(
            text.contains("failed in 7 (earlier, 09:50 to 09:52, 10:10, 10:27 to 10:28 UTC)"),
            "{text}"
        );
    }
}
