//! An average over the last minute, as the load average of the kernel is one.

use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(60);

/// An exponential average. It starts at 0, so that the start of a process does not count as much as
/// a minute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Average(f64);

impl Average {
    /// Adds what was the mean value of this time, which ends now.
    pub(super) fn add(&mut self, value: f64, time: Duration) {
        let kept = (-time.div_duration_f64(WINDOW)).exp();
        self.0 = self.0 * kept + value * (1.0 - kept);
    }

    pub(super) fn get(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_burst_does_not_make_the_average_and_a_long_one_does() {
        let mut average = Average::default();
        let mut seen = Vec::new();
        for _ in 0..=600 {
            seen.push(average.get());
            average.add(100.0, Duration::from_secs(1));
        }
        assert_eq!(seen[0], 0.0);
        assert!(seen[5] < 10.0, "{}", seen[5]);
        assert!(seen[60] > 60.0 && seen[60] < 66.0, "{}", seen[60]);
        assert!(seen[600] > 99.9, "{}", seen[600]);
    }

    #[test]
    fn it_does_not_depend_on_how_often_one_looks() {
        let [mut often, mut seldom] = [Average::default(); 2];
        for _ in 0..300 {
            often.add(50.0, Duration::from_millis(100));
        }
        seldom.add(50.0, Duration::from_secs(30));
        assert!((often.get() - seldom.get()).abs() < 1e-9);
    }
}
