//! The minutes of a check, and what of them is written.

use std::collections::BTreeMap;

use crate::RunBucket;
use crate::recorder::columns::seconds;

#[derive(Debug)]
pub(super) struct Minutes {
    /// By their start in seconds.
    known: BTreeMap<i64, Minute>,
    /// Of which registration of the check they are.
    registration: Option<u64>,
    /// The latest start that was ever known, and as which incarnation.
    highest: Option<i64>,
    incarnation: u32,
}

#[derive(Debug)]
struct Minute {
    bucket: RunBucket,
    incarnation: u32,
    written: Written,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Nothing,
    /// The database has this many runs of it.
    Runs(u64),
    /// A transaction may have been committed.
    Perhaps,
}

impl Minute {
    fn is_unwritten(&self) -> bool {
        self.written != Written::Runs(count(&self.bucket))
    }
}

fn count(bucket: &RunBucket) -> u64 {
    bucket.durations().count()
}

impl Minutes {
    pub(super) fn new(incarnation: u32) -> Self {
        Self {
            known: BTreeMap::new(),
            registration: None,
            highest: None,
            incarnation,
        }
    }

    /// Takes over what is in memory of a registration of the check, in the order in which the minutes
    /// began. Returns how many minutes left the memory unwritten.
    pub(super) fn read<'a>(
        &mut self,
        registration: u64,
        buckets: impl Iterator<Item = &'a RunBucket>,
    ) -> u64 {
        let mut lost = 0;
        // The runs of another one are counted from 0 again, even if they are already more.
        if self.registration.replace(registration) != Some(registration) {
            let gone = std::mem::take(&mut self.known);
            lost = gone.values().filter(|minute| minute.is_unwritten()).count() as u64;
        }
        let mut present = Vec::new();
        for bucket in buckets {
            let start = seconds(bucket.start());
            present.push(start);
            match self.known.get_mut(&start) {
                Some(minute) if count(bucket) >= count(&minute.bucket) => minute.bucket = *bucket,
                _ => self.begin(start, *bucket),
            }
        }
        present.sort_unstable();
        self.known.retain(|start, minute| {
            let is_present = present.binary_search(start).is_ok();
            lost += u64::from(!is_present && minute.is_unwritten());
            is_present
        });
        lost
    }

    fn begin(&mut self, start: i64, bucket: RunBucket) {
        // It may have been written already, with other runs.
        if self.highest.is_some_and(|highest| start <= highest) {
            self.incarnation += 1;
        }
        self.highest = Some(start);
        let minute = Minute {
            bucket,
            incarnation: self.incarnation,
            written: Written::Nothing,
        };
        self.known.insert(start, minute);
    }

    pub(super) fn incarnation(&self) -> u32 {
        self.incarnation
    }

    pub(super) fn incarnations(&self) -> impl Iterator<Item = u32> {
        let known = self.known.values().map(|minute| minute.incarnation);
        known.chain([self.incarnation])
    }

    pub(super) fn has_unwritten(&self) -> bool {
        self.known.values().any(Minute::is_unwritten)
    }

    /// Returns the incarnation that is to be written first.
    pub(super) fn next_incarnation(&self) -> Option<u32> {
        let unwritten = self.known.values().filter(|minute| minute.is_unwritten());
        unwritten.map(|minute| minute.incarnation).min()
    }

    pub(super) fn unwritten(&self, incarnation: u32) -> impl Iterator<Item = RunBucket> {
        let unwritten = self
            .known
            .values()
            .filter(move |minute| minute.incarnation == incarnation && minute.is_unwritten());
        unwritten.map(|minute| minute.bucket)
    }

    pub(super) fn written(&mut self, bucket: &RunBucket) {
        if let Some(minute) = self.known.get_mut(&seconds(bucket.start())) {
            minute.written = Written::Runs(count(bucket));
        }
    }

    pub(super) fn in_doubt(&mut self, bucket: &RunBucket) {
        if let Some(minute) = self.known.get_mut(&seconds(bucket.start())) {
            if minute.written == Written::Nothing {
                minute.written = Written::Perhaps;
            }
        }
    }

    /// Gives what was never written to another incarnation, and returns how many minutes with more
    /// runs than were written can be written no more.
    pub(super) fn move_to(&mut self, from: u32, to: u32) -> u64 {
        let mut lost = 0;
        let unwritten = self.known.values_mut();
        for minute in unwritten.filter(|minute| minute.incarnation == from) {
            if !minute.is_unwritten() {
                continue;
            }
            if minute.written == Written::Nothing {
                minute.incarnation = to;
            } else {
                minute.written = Written::Runs(count(&minute.bucket));
                lost += 1;
            }
        }
        self.incarnation = self.incarnation.max(to);
        lost
    }

    pub(super) fn nothing_written(&mut self) {
        let minutes = self.known.values_mut();
        minutes.for_each(|minute| minute.written = Written::Nothing);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::recorder::columns::at_seconds;
    use crate::{RunDurations, RunOutcome};

    /// A minute with this many runs.
    fn minute(start: i64, runs: u32) -> RunBucket {
        let mut counts = [0; RunDurations::BOUNDS.len() + 1];
        counts[0] = runs;
        let durations = RunDurations::from_parts(counts, Duration::ZERO, Duration::ZERO);
        RunBucket::from_parts(
            at_seconds(start * 60),
            [(RunOutcome::Pass, runs)],
            durations,
        )
    }

    /// The starts in minutes and the runs of what is to be written.
    fn unwritten(minutes: &Minutes, incarnation: u32) -> Vec<(i64, u64)> {
        let unwritten = minutes.unwritten(incarnation);
        unwritten
            .map(|bucket| (seconds(bucket.start()) / 60, count(&bucket)))
            .collect()
    }

    fn write_all(minutes: &mut Minutes, incarnation: u32) {
        for bucket in minutes.unwritten(incarnation).collect::<Vec<_>>() {
            minutes.written(&bucket);
        }
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut minutes = Minutes::new(0);
        assert_eq!(minutes.read(1, [minute(1, 60), minute(2, 3)].iter()), 0);
        assert_eq!(unwritten(&minutes, 0), [(1, 60), (2, 3)]);
        write_all(&mut minutes, 0);
        assert!(!minutes.has_unwritten());
        minutes.read(1, [minute(1, 60), minute(2, 9), minute(3, 1)].iter());
        assert_eq!(unwritten(&minutes, 0), [(2, 9), (3, 1)]);
    }

    #[test]
    fn a_minute_that_leaves_the_memory_unwritten_is_counted() {
        let mut minutes = Minutes::new(0);
        minutes.read(1, [minute(1, 60), minute(2, 60)].iter());
        minutes.written(&minute(1, 60));
        assert_eq!(minutes.read(1, [minute(3, 60)].iter()), 1);
        assert_eq!(unwritten(&minutes, 0), [(3, 60)]);
    }

    // The row of the first pass through that time stays as it is.
    #[test]
    fn a_minute_that_comes_again_is_written_as_another_process() {
        let mut minutes = Minutes::new(0);
        minutes.read(1, [minute(100, 60), minute(101, 60)].iter());
        write_all(&mut minutes, 0);
        minutes.read(1, [minute(101, 60), minute(40, 5)].iter());
        assert_eq!(unwritten(&minutes, 0), []);
        assert_eq!(unwritten(&minutes, 1), [(40, 5)]);
        write_all(&mut minutes, 1);
        minutes.read(1, [minute(40, 60), minute(41, 2)].iter());
        assert_eq!(unwritten(&minutes, 1), [(40, 60), (41, 2)]);
        // Back again, while the first pass is still in memory.
        write_all(&mut minutes, 1);
        minutes.read(1, [minute(40, 60), minute(41, 9)].iter());
        assert_eq!(unwritten(&minutes, 1), [(41, 9)]);
    }

    #[test]
    fn a_check_that_was_added_again_is_written_as_another_process() {
        let mut minutes = Minutes::new(0);
        minutes.read(1, [minute(1, 60)].iter());
        write_all(&mut minutes, 0);
        // Fewer runs than were written, as many, and more.
        for (registration, runs) in [(2, 2), (3, 2), (4, 9)] {
            minutes.read(registration, [minute(1, runs)].iter());
            let incarnation = u32::try_from(registration).unwrap() - 1;
            assert_eq!(unwritten(&minutes, incarnation - 1), []);
            assert_eq!(unwritten(&minutes, incarnation), [(1, u64::from(runs))]);
            write_all(&mut minutes, incarnation);
        }
    }

    #[test]
    fn what_a_check_that_was_removed_left_unwritten_is_counted() {
        let mut minutes = Minutes::new(0);
        minutes.read(1, [minute(1, 60), minute(2, 60)].iter());
        minutes.written(&minute(1, 60));
        assert_eq!(minutes.read(2, [minute(2, 70)].iter()), 1);
        assert_eq!(unwritten(&minutes, 1), [(2, 70)]);
    }

    #[test]
    fn what_the_database_may_have_is_not_written_as_another_process() {
        let mut minutes = Minutes::new(0);
        minutes.read(1, [minute(1, 60), minute(2, 60)].iter());
        minutes.written(&minute(1, 60));
        minutes.in_doubt(&minute(2, 60));
        minutes.read(1, [minute(1, 60), minute(2, 60), minute(3, 60)].iter());
        // A retry as the same process does no harm.
        assert_eq!(unwritten(&minutes, 0), [(2, 60), (3, 60)]);
        assert_eq!(minutes.move_to(0, 1), 1);
        assert_eq!(unwritten(&minutes, 0), []);
        assert_eq!(unwritten(&minutes, 1), [(3, 60)]);
    }

    #[test]
    fn a_database_that_is_new_gets_everything() {
        let mut minutes = Minutes::new(0);
        minutes.read(1, [minute(1, 60), minute(2, 60)].iter());
        write_all(&mut minutes, 0);
        minutes.nothing_written();
        assert_eq!(unwritten(&minutes, 0), [(1, 60), (2, 60)]);
    }
}
