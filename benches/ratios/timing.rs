//! Times that can be compared although the machine does other things too.
//!
//! Subjects take turns of a fraction of a millisecond, so that whatever slows one down slows down
//! the others as well. A ratio compares the two times of one round; the median of these ratios is
//! what counts. The clock is the processor time of the thread, so a core that the system lends to
//! another process does not count.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::subject::Subject;

const TURN: Duration = Duration::from_micros(250);
const ROUNDS: usize = 800;

/// One value for each round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(pub(crate) Vec<f64>);

impl Samples {
    pub(crate) fn spread(&self) -> Spread {
        Spread::of(self.0.clone())
    }

    /// Divides this by the other, round by round.
    pub(crate) fn against(&self, other: &Self) -> Spread {
        let pairs = self.0.iter().zip(&other.0);
        Spread::of(pairs.map(|(one, other)| one / other).collect())
    }
}

/// A median with quartiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// There must be at least one value.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        // Interpolates between the two values that the fraction falls between.
        let at = |fraction: f64| {
            let place = (values.len() - 1) as f64 * fraction;
            let [below, above] = [place.floor(), place.ceil()].map(|place| values[place as usize]);
            below + (above - below) * place.fract()
        };
        Self {
            low: at(0.25),
            median: at(0.5),
            high: at(0.75),
        }
    }
}

/// The processor time of this thread.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Nanoseconds for one request of each subject, in each round.
pub(crate) fn interleave(subjects: &mut [Subject]) -> Vec<Samples> {
    let batches: Vec<u64> = subjects.iter_mut().map(batch).collect();
    let mut samples = vec![Samples::default(); subjects.len()];
    for round in 0..ROUNDS {
        // No subject always follows the same one.
        for turn in 0..subjects.len() {
            let index = if round % 2 == 0 {
                (round / 2 + turn) % subjects.len()
            } else {
                (round / 2 + subjects.len() - turn) % subjects.len()
            };
            let taken = subjects[index].timed(batches[index]).as_nanos() as f64;
            samples[index].0.push(taken / batches[index] as f64);
        }
    }
    samples
}

/// How many requests fill a turn.
pub(crate) fn batch(subject: &mut Subject) -> u64 {
    let mut times = 16;
    loop {
        let taken = subject.timed(times);
        if taken >= TURN / 2 {
            let fraction = TURN.as_secs_f64() / taken.as_secs_f64();
            return ((times as f64 * fraction) as u64).max(1);
        }
        times *= 2;
    }
}
