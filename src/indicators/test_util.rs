//! An indicator that follows the script of a test.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// Describes one run of a [`ScriptedIndicator`].
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
    /// Creates a step whose run passes.
    pub fn pass() -> Self {
        Self::answer(Ok(Observation::pass()))
    }

    /// Creates a step whose run warns with this text.
    pub fn warn(output: impl Into<String>) -> Self {
        Self::answer(Ok(Observation::warn(output)))
    }

    /// Creates a step whose run fails with this text.
    pub fn fail(output: impl Into<String>) -> Self {
        Self::answer(Err(Failure::new(output)))
    }

    /// Creates a step whose run returns this result, including its readings.
    pub fn answer(result: CheckResult) -> Self {
        Self::new(End::Answer(result))
    }

    /// Creates a step whose run never returns, so that it ends at its timeout.
    pub fn hang() -> Self {
        Self::new(End::Hang)
    }

    /// Creates a step whose run panics with this message.
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

    /// Delays the run by this much time on tokio's clock.
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    /// Holds the run until the test [releases](ScriptedIndicator::release) it.
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// Follows the script of a test: returns, delays, hangs and panics, and counts its runs.
///
/// Clones are handles to the same script: register one and keep one. It works with paused time.
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
/// // The second run starts after a second and times out two seconds later.
/// tokio::time::sleep(Duration::from_millis(3_100)).await;
/// assert_eq!(health.status(Probe::Readiness), Status::Fail);
/// assert_eq!((db.runs(), db.running()), (2, 0));
///
/// db.set_step(Step::pass());
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ScriptedIndicator(Arc<Script>);

struct Script {
    name: String,
    /// The last step is never removed.
    steps: Mutex<VecDeque<Step>>,
    created_at: Instant,
    starts: Mutex<Vec<Duration>>,
    running: AtomicUsize,
    most_at_once: AtomicUsize,
    releases: Semaphore,
}

/// Counts a run until it returns, panics or is aborted.
struct Running<'a>(&'a Script);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ScriptedIndicator {
    /// Creates an indicator whose runs follow these steps in order.
    ///
    /// The last step repeats. Without any step, each run passes.
    pub fn new(name: impl Into<String>, steps: impl IntoIterator<Item = Step>) -> Self {
        Self(Arc::new(Script {
            name: name.into(),
            steps: Mutex::new(steps.into_iter().collect()),
            created_at: Instant::now(),
            starts: Mutex::default(),
            running: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            releases: Semaphore::new(0),
        }))
    }

    /// Creates an indicator that passes until [`set_step`](Self::set_step) is called.
    pub fn passing(name: impl Into<String>) -> Self {
        Self::new(name, [])
    }

    /// Replaces the rest of the script with this step, which repeats.
    ///
    /// A run that has started is not affected.
    pub fn set_step(&self, step: Step) {
        *lock(&self.0.steps) = VecDeque::from([step]);
    }

    /// Releases one [held](Step::held) run: the one that has waited longest, or the next one if
    /// none waits.
    pub fn release(&self) {
        self.0.releases.add_permits(1);
    }

    /// Returns the number of runs that have started.
    pub fn runs(&self) -> usize {
        lock(&self.0.starts).len()
    }

    /// Returns the start of each run, as the time since the creation of the script on tokio's
    /// clock.
    pub fn starts(&self) -> Vec<Duration> {
        lock(&self.0.starts).clone()
    }

    /// Returns the number of runs in progress.
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// Returns the highest number of runs that were ever in progress at once; under a refresher it
    /// is at most 1.
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

    #[expect(clippy::panic, reason = "the script requests it")]
    async fn check(&self) -> CheckResult {
        let script = &*self.0;
        lock(&script.starts).push(script.created_at.elapsed());
        let running = script.running.fetch_add(1, Ordering::SeqCst) + 1;
        script.most_at_once.fetch_max(running, Ordering::SeqCst);
        let _running = Running(script);
        let step = self.next_step();
        if step.held {
            // The semaphore is never closed, so `acquire` always succeeds.
            if let Ok(permit) = script.releases.acquire().await {
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

/// A panic elsewhere in the test must not hide the counts.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
