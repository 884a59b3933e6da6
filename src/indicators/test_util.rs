//! For the tests of whoever uses this crate (feature `test-util`).

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// What one run of a [`ScriptedIndicator`] does.
#[derive(Clone, Debug)]
#[must_use]
pub struct Step {
    after: Duration,
    held: bool,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    Answer(CheckResult),
    Hang,
    Panic(String),
}

impl Step {
    /// Passes.
    pub fn pass() -> Self {
        Self::answer(Ok(Observation::pass()))
    }

    /// Warns with this text.
    pub fn warn(output: impl Into<String>) -> Self {
        Self::answer(Ok(Observation::warn(output)))
    }

    /// Fails with this text.
    pub fn fail(output: impl Into<String>) -> Self {
        Self::answer(Err(Failure::new(output)))
    }

    /// Answers with this result, readings included.
    pub fn answer(result: CheckResult) -> Self {
        Self::new(End::Answer(result))
    }

    /// Never answers: the run ends at its timeout.
    pub fn hang() -> Self {
        Self::new(End::Hang)
    }

    /// Panics with this message.
    pub fn panic(message: impl Into<String>) -> Self {
        Self::new(End::Panic(message.into()))
    }

    fn new(end: End) -> Self {
        Self {
            after: Duration::ZERO,
            held: false,
            end,
        }
    }

    /// Does the same after this much time on tokio's clock.
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    /// Does the same when the test [releases](ScriptedIndicator::release) it.
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// An indicator that answers, delays, hangs and panics as the test says, and counts its runs.
///
/// Clones are handles to the same script: register one, and keep one. It works with paused time.
///
/// ```
/// use std::time::Duration;
/// use tower_health::test_util::{ScriptedIndicator, Step};
/// use tower_health::{Check, Health, Probe, Status};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let db = ScriptedIndicator::new("db", [Step::pass(), Step::hang()]);
/// let check = Check::new(db.clone()).timeout(Duration::from_secs(2));
/// let health = Health::builder().readiness(check).jitter(0.0).start()?;
/// health.await_ready().await?;
///
/// // The second run begins after a second and is given up two seconds later.
/// tokio::time::sleep(Duration::from_millis(3_100)).await;
/// assert_eq!(health.status(Probe::Readiness), Status::Fail);
/// assert_eq!((db.runs(), db.running()), (2, 0));
///
/// db.turn(Step::pass());
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ScriptedIndicator(Arc<Play>);

struct Play {
    name: String,
    /// The last one is repeated for ever.
    steps: Mutex<VecDeque<Step>>,
    created_at: Instant,
    starts: Mutex<Vec<Duration>>,
    running: AtomicUsize,
    most_at_once: AtomicUsize,
    releases: Semaphore,
}

/// Lives as long as the run, whether it ends, panics or is aborted.
struct Running<'a>(&'a Play);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ScriptedIndicator {
    /// Takes the steps of the runs in their order. The last one is repeated; without any, each run
    /// passes.
    pub fn new(name: impl Into<String>, steps: impl IntoIterator<Item = Step>) -> Self {
        Self(Arc::new(Play {
            name: name.into(),
            steps: Mutex::new(steps.into_iter().collect()),
            created_at: Instant::now(),
            starts: Mutex::default(),
            running: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            releases: Semaphore::new(0),
        }))
    }

    /// Each run passes, until the script is turned.
    pub fn passing(name: impl Into<String>) -> Self {
        Self::new(name, [])
    }

    /// Every further run does this. A run that is going on is not concerned.
    pub fn turn(&self, step: Step) {
        *lock(&self.0.steps) = VecDeque::from([step]);
    }

    /// Lets one run go on that is [held](Step::held): the one that waits longest, or the next that
    /// will.
    pub fn release(&self) {
        self.0.releases.add_permits(1);
    }

    /// How many runs were started.
    pub fn runs(&self) -> usize {
        lock(&self.0.starts).len()
    }

    /// When each run was started, counted from the creation of the script on tokio's clock.
    pub fn starts(&self) -> Vec<Duration> {
        lock(&self.0.starts).clone()
    }

    /// How many runs are going on.
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// The most runs that ever went on at once; a refresher never has two of one check.
    pub fn most_at_once(&self) -> usize {
        self.0.most_at_once.load(Ordering::SeqCst)
    }

    fn next_step(&self) -> Step {
        let mut steps = lock(&self.0.steps);
        if steps.len() > 1 {
            return steps.pop_front().unwrap_or_else(Step::pass);
        }
        steps.front().cloned().unwrap_or_else(Step::pass)
    }
}

impl HealthIndicator for ScriptedIndicator {
    fn name(&self) -> &str {
        &self.0.name
    }

    #[expect(clippy::panic, reason = "the test asked for it")]
    async fn check(&self) -> CheckResult {
        let play = &*self.0;
        lock(&play.starts).push(play.created_at.elapsed());
        let running = play.running.fetch_add(1, Ordering::SeqCst) + 1;
        play.most_at_once.fetch_max(running, Ordering::SeqCst);
        let _running = Running(play);
        let step = self.next_step();
        if step.held {
            // Never closed, so there is no other outcome.
            if let Ok(permit) = play.releases.acquire().await {
                permit.forget();
            }
        }
        if !step.after.is_zero() {
            sleep(step.after).await;
        }
        match step.end {
            End::Answer(result) => result,
            End::Hang => pending().await,
            End::Panic(message) => panic!("{message}"),
        }
    }
}

impl fmt::Debug for ScriptedIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedIndicator")
            .field("name", &self.0.name)
            .field("runs", &self.runs())
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

/// A test that panicked elsewhere must not spoil what this one counts.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
