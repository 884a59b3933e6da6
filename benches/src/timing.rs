//! Times that can be compared on a machine that does other things too.
//!
//! Subjects take turns, a fraction of a millisecond each, so that whatever slows one down slows the
//! others down as well; what is compared are the two times of one round, and what is told is the
//! median of these ratios, with its quartiles. Time is that of the thread, not of the clock on the
//! wall: a core that is lent to somebody else does not count.

use std::sync::Barrier;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::subject::Subject;

/// How long a subject's turn is.
const TURN: Duration = Duration::from_micros(250);

/// Nanoseconds for one request, in each round.
#[derive(Clone, Debug)]
pub struct Samples(Vec<f64>);

/// A median, with quartiles.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Samples {
    pub fn spread(&self) -> Spread {
        Spread::of(self.0.clone())
    }

    /// This in terms of the other, round by round.
    pub fn against(&self, other: &Self) -> Spread {
        let pairs = self.0.iter().zip(&other.0);
        Spread::of(pairs.map(|(one, other)| one / other).collect())
    }
}

impl Spread {
    /// # Panics
    ///
    /// If there is nothing to be ordered.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        // Between two values, as far as the fraction is.
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
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Lets the subjects take turns until each has had this long.
pub fn interleave(subjects: &mut [Subject], each: Duration) -> Vec<Samples> {
    let batches: Vec<u64> = subjects.iter_mut().map(batch).collect();
    let mut samples = vec![Samples(Vec::new()); subjects.len()];
    let rounds = (each.as_micros() / TURN.as_micros()).max(5) as usize;
    for round in 0..rounds {
        // Nobody always follows the same one.
        for turn in 0..subjects.len() {
            let index = if round % 2 == 0 {
                (round / 2 + turn) % subjects.len()
            } else {
                (round / 2 + subjects.len() - turn) % subjects.len()
            };
            let taken = subjects[index].timed(batches[index]);
            samples[index]
                .0
                .push(taken.as_nanos() as f64 / batches[index] as f64);
        }
    }
    samples
}

/// Lets one subject work in two worlds, turn by turn: `enter` changes to the first or the second.
pub fn alternate(
    subject: &mut Subject,
    each: Duration,
    mut enter: impl FnMut(usize),
) -> [Samples; 2] {
    let batch = batch(subject);
    let mut samples = [Samples(Vec::new()), Samples(Vec::new())];
    for _ in 0..(each.as_micros() / TURN.as_micros()).max(5) {
        for (world, samples) in samples.iter_mut().enumerate() {
            enter(world);
            let taken = subject.timed(batch);
            samples.0.push(taken.as_nanos() as f64 / batch as f64);
        }
    }
    samples
}

/// Nanoseconds for one request, while each subject has a thread of its own.
pub fn together(subjects: Vec<Subject>, each: Duration) -> Spread {
    let start = Barrier::new(subjects.len());
    let start = &start;
    let times = std::thread::scope(|scope| {
        let threads: Vec<_> = subjects
            .into_iter()
            .map(|mut subject| {
                scope.spawn(move || {
                    let batch = batch(&mut subject);
                    start.wait();
                    let turns = (each.as_micros() / TURN.as_micros()).max(5);
                    let turn = |_| subject.timed(batch).as_nanos() as f64 / batch as f64;
                    (0..turns).map(turn).collect::<Vec<_>>()
                })
            })
            .collect();
        let times = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        times.flatten().collect()
    });
    Spread::of(times)
}

/// How many requests fill a turn.
fn batch(subject: &mut Subject) -> u64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_median_with_quartiles_whatever_the_order() {
        for (name, values, expected) in [
            ("one value", vec![7.0], [7.0, 7.0, 7.0]),
            ("two values", vec![4.0, 2.0], [2.5, 3.0, 3.5]),
            ("three values", vec![30.0, 10.0, 20.0], [15.0, 20.0, 25.0]),
            (
                "five values",
                vec![5.0, 1.0, 4.0, 2.0, 3.0],
                [2.0, 3.0, 4.0],
            ),
            (
                "an outlier",
                vec![1.0, 1.0, 1.0, 1.0, 900.0],
                [1.0, 1.0, 1.0],
            ),
        ] {
            let spread = Spread::of(values);
            assert_eq!([spread.low, spread.median, spread.high], expected, "{name}");
        }
    }

    #[test]
    fn ratios_are_those_of_each_round_not_of_the_medians() {
        let ours = Samples(vec![2.0, 40.0, 6.0]);
        let other = Samples(vec![1.0, 10.0, 1.0]);
        assert_eq!(ours.against(&other).median, 4.0);
    }
}
