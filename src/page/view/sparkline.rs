//! The durations of the latest runs of a check, as a line.

use std::fmt::Write;
use std::time::Duration;

use crate::RunSample;
use crate::page::text::took;

/// The width and the height of the line's box.
pub(crate) const SIZE: (u32, u32) = (120, 20);

/// How many points the line has at most. Each shows the longest of the runs that it stands for.
const POINTS: usize = 60;

/// The durations of the latest runs, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sparkline {
    durations: Vec<Duration>,
}

impl Sparkline {
    /// Returns `None` for fewer than two runs, which make no line.
    pub(crate) fn new<'a>(runs: impl IntoIterator<Item = &'a RunSample>) -> Option<Self> {
        let durations: Vec<_> = runs.into_iter().map(RunSample::duration).collect();
        (durations.len() > 1).then_some(Self { durations })
    }

    fn longest(&self) -> Duration {
        self.durations.iter().copied().max().unwrap_or_default()
    }

    fn median(&self) -> Duration {
        let mut sorted = self.durations.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    /// Describes the line for those who do not see it.
    pub(crate) fn text(&self) -> String {
        let (runs, median, longest) = (self.durations.len(), self.median(), self.longest());
        let (median, longest) = (took(median), took(longest));
        format!("Latest {runs} runs: half took up to {median}, the longest {longest}")
    }

    /// Returns the points of a polyline from 0 at the bottom to the longest run at the top.
    pub(crate) fn points(&self) -> String {
        let (width, height) = SIZE;
        let longest = self.longest().as_secs_f64().max(f64::MIN_POSITIVE);
        let each = self.durations.len().div_ceil(POINTS).max(1);
        let heights: Vec<_> = self
            .durations
            .chunks(each)
            .map(|runs| runs.iter().max().map_or(0.0, Duration::as_secs_f64) / longest)
            .collect();
        let last = heights.len().saturating_sub(1).max(1);
        let mut points = String::with_capacity(heights.len() * 8);
        for (index, share) in heights.iter().enumerate() {
            let x = index as f64 * f64::from(width) / last as f64;
            // The stroke is two wide.
            let y = f64::from(height - 1) - share * f64::from(height - 2);
            let gap = if index == 0 { "" } else { " " };
            // Writing to a `String` cannot fail.
            let _ = write!(points, "{gap}{x:.0},{y:.1}");
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::RunOutcome;

    fn line(millis: &[u64]) -> Option<Sparkline> {
        let runs = millis.iter().map(|millis| {
            RunSample::new(UNIX_EPOCH, Duration::from_millis(*millis), RunOutcome::Pass)
        });
        Sparkline::new(&runs.collect::<Vec<_>>())
    }

    #[test]
    fn a_line_goes_from_nothing_to_the_longest_run() {
        let line = line(&[0, 50, 100]).unwrap();
        assert_eq!(line.points(), "0,19.0 60,10.0 120,1.0");
        assert_eq!(
            line.text(),
            "Latest 3 runs: half took up to 50 ms, the longest 100 ms"
        );
    }

    #[test]
    fn a_line_needs_two_runs_and_stands_runs_without_duration() {
        assert_eq!(line(&[7]), None);
        assert_eq!(line(&[0, 0]).unwrap().points(), "0,19.0 120,19.0");
    }

    #[test]
    fn a_spike_among_many_runs_stays_visible() {
        let mut millis = [1; 120];
        millis[63] = 1_000;
        let points = line(&millis).unwrap().points();
        assert_eq!(points.split(' ').count(), POINTS);
        assert_eq!(points.matches(",1.0").count(), 1);
    }
}
