//! A registered check as the refresher keeps it: its present run, its thresholds, its latest state.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::{self, AbortHandle};

use super::alarm::Late;
use super::jitter::Jitter;
use super::run::Outcome;
use crate::model::{
    Cause, CheckSpec, CheckState, Deadline, DynIndicator, LastRun, Probe, RunOutcome, RunSample,
    Status, Subject, Thresholds, Transition, shorten,
};

/// How long a run may still take when the scheduler was late, so that it can take an answer that is
/// there.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// The lateness from which on it may excuse a failure.
const MIN_STARVED: Duration = Duration::from_millis(100);

/// The lateness from which on it may excuse several failures in a row: servers close connections
/// that are silent for so long, and a pool hands out each of them once.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// How many failures in a row a long pause may excuse.
const MAX_EXCUSES: u32 = 3;

/// How many runs in a row have to pass quickly until a check counts as slow no longer, so that one
/// that is slow now and then does not flood the log.
const FAST_RUNS: u32 = 3;

/// Identifies a slot. A key is never reused, so that a late result cannot reach another check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotKey(pub(crate) u64);

pub(crate) struct Slot {
    pub(crate) probe: Probe,
    pub(super) indicator: Arc<dyn DynIndicator>,
    pub(crate) state: Arc<CheckState>,
    thresholds: Thresholds,
    /// `Some` from the start of a run until its task has ended, even after a timeout.
    pub(super) run: Option<Run>,
    /// The runs that go on although they exceeded their timeout, the oldest first.
    pub(super) detached: Vec<AbortHandle>,
    completed_runs: u64,
    /// About the longest of the latest runs that did not fail.
    slowest: Duration,
    /// The lateness since the last run.
    idle_lateness: Duration,
    /// When the run that was recorded last ended.
    result_at: Option<Instant>,
    /// `Some` while the last runs do not count, because they were starved.
    excused: Option<Excused>,
    /// `Some` since a slow run was logged: how many runs in a row have passed quickly after it.
    fast_runs: Option<u32>,
    /// Set for a startup check that is complete and does not run again.
    pub(super) is_done: bool,
    /// The callers that wait for the next result.
    pub(super) waiting: Vec<oneshot::Sender<()>>,
}

#[derive(Debug)]
pub(super) struct Run {
    pub(super) task: AbortHandle,
    pub(super) started_at: Instant,
    /// When the run exceeds its timeout.
    pub(super) deadline: Deadline,
    /// When the run becomes slow; `None` once it is, or if no run is.
    slow_at: Option<Instant>,
    /// The lateness between the run before and this one.
    late_before: Duration,
    /// Whether the deadline moved so that the run gets its last turn.
    has_grace: bool,
    /// Set once the timeout is recorded and the task is aborted; the task may still be running.
    pub(super) timed_out: bool,
    /// The same for the span of the run, if it has one.
    pub(super) span_timed_out: Option<Arc<AtomicBool>>,
}

/// The runs in a row that do not count.
#[derive(Clone, Copy, Debug)]
struct Excused {
    times: u32,
    first_at: Instant,
    /// The lateness of the first.
    late: Duration,
}

/// How the lateness of the scheduler may have ended a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Starvation {
    /// The lateness during the run.
    pub(super) during: Duration,
    /// The lateness between the run before and this one.
    before: Duration,
    /// Whether a timeout within the client has probably ended the run: half of the timeout passed on
    /// the clock, and less than that for the process.
    is_plausible: bool,
}

impl Starvation {
    /// Returns that of a run that exceeds its timeout, which the client did not end.
    pub(super) fn of_timeout(during: Duration) -> Self {
        Self {
            during,
            ..Self::default()
        }
    }

    pub(super) fn late(&self) -> Duration {
        self.before + self.during
    }
}

impl Run {
    fn new(task: AbortHandle, started_at: Instant, spec: &CheckSpec) -> Self {
        Self {
            task,
            started_at,
            deadline: Deadline::new(started_at + spec.timeout),
            slow_at: spec.slow_after().map(|after| started_at + after),
            late_before: Duration::ZERO,
            has_grace: false,
            timed_out: false,
            span_timed_out: None,
        }
    }

    /// Returns when to look at the run next: when it becomes slow, or exceeds its timeout.
    pub(super) fn timer(&self) -> Instant {
        let deadline = self.deadline.at();
        self.slow_at.map_or(deadline, |at| at.min(deadline))
    }

    /// Returns how much time of the process the run has had.
    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.started_at);
        passed.saturating_sub(self.deadline.lateness())
    }

    /// Returns what may excuse a failure of the run. `late` is the last lateness of the scheduler,
    /// which perhaps lasted longer than the run.
    pub(super) fn starvation(
        &self,
        timeout: Duration,
        ended_at: Instant,
        late: Option<Late>,
    ) -> Starvation {
        let after = late.map_or(Duration::ZERO, |late| late.after(ended_at));
        let during = self.deadline.lateness().saturating_sub(after);
        let (passed, half) = (ended_at - self.started_at, timeout / 2);
        Starvation {
            during,
            before: self.late_before,
            is_plausible: passed >= half && passed.saturating_sub(during) < half,
        }
    }

    /// Gives the run back the time in which the process could not run.
    ///
    /// Whatever is left then, the run once gets long enough to take an answer that is already there:
    /// the grace, but not more than what it lost, so that a short lateness does not use it up.
    fn move_deadline(&mut self, late: Late, now: Instant, bound: Duration) {
        self.deadline.move_by(late.by, bound);
        // Without the bound: a run that is paused for ever is never slow.
        self.slow_at = self.slow_at.map(|at| at + late.by);
        let earliest = now + late.by.min(GRACE);
        if self.deadline.at() < earliest && !self.has_grace {
            self.has_grace = true;
            self.deadline.extend_to(earliest);
        }
    }
}

impl Slot {
    pub(crate) fn new(probe: Probe, spec: CheckSpec, indicator: Arc<dyn DynIndicator>) -> Self {
        let unchecked = match probe {
            // Startup waits for the first result of every check, critical or not.
            Probe::Startup => Status::Fail,
            _ => spec.failure_status(),
        };
        Self {
            probe,
            indicator,
            thresholds: Thresholds::new(spec.failure_threshold, spec.success_threshold),
            state: Arc::new(CheckState::unchecked(Arc::new(spec), unchecked)),
            run: None,
            detached: Vec::new(),
            completed_runs: 0,
            slowest: Duration::ZERO,
            idle_lateness: Duration::ZERO,
            result_at: None,
            excused: None,
            fast_runs: None,
            is_done: false,
            waiting: Vec::new(),
        }
    }

    pub(super) fn spec(&self) -> &CheckSpec {
        &self.state.spec
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::Check {
            probe: self.probe,
            name: self.spec().name.clone(),
        }
    }

    pub(super) fn has_run(&self) -> bool {
        self.state.last_run.is_some()
    }

    /// Records the outcome of a run that ended, of one that is being aborted, or of one that could
    /// not begin, which gives no sample.
    ///
    /// Its duration contains a lateness, which the dependency did not cause.
    pub(super) fn record(
        &mut self,
        outcome: Outcome,
        late: Duration,
    ) -> (Option<RunSample>, Option<Transition>) {
        let before = self.has_run().then_some(self.state.status);
        let duration = match &self.state.last_run {
            Some(last_run) if !outcome.has_run => last_run.duration,
            _ => outcome.duration,
        };
        let last_run = Some(LastRun {
            time: outcome.time,
            duration,
        });
        let passed = outcome.ended.has_passed();
        let took = outcome.duration.saturating_sub(late);
        if passed {
            // A run that is much slower than others is forgotten after some tens of runs.
            let remembered = self.slowest - self.slowest / 16;
            self.slowest = took.max(remembered).min(self.spec().timeout);
        }
        let up = self.thresholds.observe(passed);
        self.excused = None;
        self.result_at = Some(outcome.ended_at);
        let mut state = CheckState {
            last_run,
            readings: outcome.readings.into(),
            ..CheckState::clone(&self.state)
        };
        if outcome.has_run {
            state.stats.add(outcome.ended, took);
        } else {
            state.stats.add_failure_without_run();
        }
        if passed {
            state.last_pass = Some(outcome.time);
        }
        if up == passed {
            (state.status, state.cause) = if up {
                (outcome.ended.status(), None)
            } else {
                (self.spec().failure_status(), Some(Cause::Failed))
            };
            state.output = outcome.output;
            state.contradiction = None;
        } else {
            let (seen, needed) = self.thresholds.progress();
            let verb = if passed { "passed" } else { "failed" };
            let output = outcome
                .output
                .map(|output| format!(": {output}"))
                .unwrap_or_default();
            let contradiction = format!("{verb} {seen} of {needed} times{output}");
            let contradiction = shorten(contradiction, self.spec().limits.text_bytes);
            state.contradiction = Some(contradiction);
        }
        self.is_done = self.probe == Probe::Startup && state.status != Status::Fail;
        if self.is_done {
            state.expiry = None;
        }
        let changed = before != Some(state.status);
        if changed {
            state.stats.add_transition(state.status);
            state.since = Some(outcome.time);
        }
        let transition = changed.then(|| Transition {
            subject: self.subject(),
            from: before,
            to: state.status,
            output: state.output.clone(),
            cause: state.cause,
            time: outcome.time,
            duration: outcome.has_run.then_some(took),
            consecutive_failures: state.stats.consecutive_failures(),
            lateness: late,
        });
        self.state = Arc::new(state);
        let sample = || RunSample::new(outcome.time, took, outcome.ended);
        (outcome.has_run.then(sample), transition)
    }

    /// Starts a run, and returns when to look at it.
    pub(super) fn begin_run(
        &mut self,
        task: AbortHandle,
        span_timed_out: Option<Arc<AtomicBool>>,
        now: Instant,
    ) -> Instant {
        let mut run = Run::new(task, now, self.spec());
        run.span_timed_out = span_timed_out;
        run.late_before = std::mem::take(&mut self.idle_lateness);
        self.run.insert(run).timer()
    }

    /// Notes that the present run is slow. Returns whether it is the first of a row of slow runs.
    pub(super) fn note_slow_run(&mut self) -> bool {
        if let Some(run) = &mut self.run {
            run.slow_at = None;
        }
        self.fast_runs.replace(0).is_none()
    }

    /// Notes how long a run took that passed. Returns whether it ends a row of slow runs.
    ///
    /// A run that failed quickly tells nothing of how fast the next one passes.
    pub(super) fn note_pass(&mut self, took: Duration) -> bool {
        let Some(fast_runs) = &mut self.fast_runs else {
            return false;
        };
        let is_slow = self
            .state
            .spec
            .slow_after()
            .is_some_and(|after| took >= after);
        *fast_runs = if is_slow { 0 } else { *fast_runs + 1 };
        let is_over = *fast_runs >= FAST_RUNS;
        if is_over {
            self.fast_runs = None;
        }
        is_over
    }

    /// Returns whether lateness excuses a failure.
    ///
    /// Of several failures in a row usually only the first is excused, so that a dependency that is
    /// down is found down on a host that is never on time. After a long pause up to three are, as
    /// long as they come quickly. And so are all that a timeout within the client has probably
    /// caused: the last result then expires, and the check is found starved.
    pub(super) fn excuses(&self, starved: &Starvation, now: Instant) -> bool {
        match &self.excused {
            None => starved.late() >= MIN_STARVED,
            Some(_) if starved.late() >= MIN_STARVED && starved.is_plausible => true,
            Some(excused) => {
                let half = self.spec().timeout / 2;
                excused.late >= LONG_PAUSE
                    && excused.times < MAX_EXCUSES
                    && now.saturating_duration_since(excused.first_at) < half
            }
        }
    }

    /// Notes a failed run that does not count and is to be repeated.
    pub(super) fn excuse(
        &mut self,
        outcome: &Outcome,
        starved: &Starvation,
        now: Instant,
    ) -> RunSample {
        let took = outcome.duration.saturating_sub(starved.during);
        let excused = self.excused.get_or_insert(Excused {
            times: 0,
            first_at: now,
            late: starved.late(),
        });
        excused.times += 1;
        // A repeated run was perhaps not late itself.
        let late = excused.late;
        let late = humantime::format_duration(whole_millis(late));
        let output = outcome.output.as_deref();
        let output = output
            .map(|output| format!(": {output}"))
            .unwrap_or_default();
        let cause = Cause::Starved;
        let contradiction = format!("{cause}: failed while the refresher was {late} late{output}");
        let contradiction = shorten(contradiction, self.spec().limits.text_bytes);
        let state = Arc::make_mut(&mut self.state);
        state.contradiction = Some(contradiction);
        state.stats.add(RunOutcome::Starved, took);
        RunSample::new(outcome.time, took, RunOutcome::Starved)
    }

    /// Notes that a run is over, after which its result can become stale. `late` is the last lateness
    /// of the scheduler.
    ///
    /// Returns when the next run is due, if there is one.
    pub(super) fn finish_run(
        &mut self,
        now: Instant,
        late: Option<Late>,
        jitter: &mut Jitter,
    ) -> Option<Instant> {
        self.run = None;
        if self.is_done {
            return None;
        }
        if self.excused.is_some() {
            return Some(now);
        }
        let interval = self.interval();
        let stale_after = self.spec().stale_after(interval, self.slowest);
        let result_at = self.result_at.unwrap_or(now);
        let mut expiry = Deadline::new(result_at + stale_after);
        if let Some(late) = late {
            expiry.move_by(late.after(result_at), self.spec().limits.lateness);
        }
        Arc::make_mut(&mut self.state).expiry = Some(expiry);
        self.completed_runs += 1;
        Some(if self.thresholds.is_suspect() {
            jitter.next(now, self.spec().suspect_ttl)
        } else if self.completed_runs == 1 {
            jitter.first(now, interval)
        } else {
            jitter.next(now, interval)
        })
    }

    /// Moves the deadlines that had not passed when the scheduler should have woken up. Returns when
    /// to look at a run in progress, before and after.
    pub(super) fn move_deadlines(
        &mut self,
        late: Late,
        now: Instant,
        bound: Duration,
    ) -> Option<(Instant, Instant)> {
        let is_valid = |expiry: &Deadline| !expiry.has_passed(late.alarm);
        if self.state.expiry.as_ref().is_some_and(is_valid) {
            if let Some(expiry) = &mut Arc::make_mut(&mut self.state).expiry {
                expiry.move_by(late.by, bound);
            }
        }
        let Some(run) = &mut self.run else {
            self.idle_lateness += late.by;
            return None;
        };
        if run.timed_out {
            return None;
        }
        let before = run.timer();
        run.move_deadline(late, now, bound);
        Some((before, run.timer()))
    }

    /// Lets a run go on although its result is ignored.
    pub(super) fn detach_run(&mut self, run: AbortHandle) {
        self.run = None;
        self.detached.push(run);
        self.count_detached();
    }

    /// Forgets a detached run that ended.
    pub(super) fn detached_run_ended(&mut self, id: task::Id) {
        self.detached.retain(|run| run.id() != id);
        self.count_detached();
    }

    fn count_detached(&mut self) {
        Arc::make_mut(&mut self.state).detached_runs = self.detached.len();
    }

    fn interval(&self) -> Duration {
        self.spec().interval(self.thresholds.is_up())
    }
}

fn whole_millis(time: Duration) -> Duration {
    time - Duration::from_nanos(u64::from(time.subsec_nanos() % 1_000_000))
}

#[cfg(test)]
mod tests;
