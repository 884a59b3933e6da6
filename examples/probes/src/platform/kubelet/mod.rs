//! The kubelet, for a pod of one container.
//!
//! From the documentation of probes and the pod's life: the startup probe gates the other two; a
//! threshold counts results in a row; before its first result readiness fails, and liveness passes;
//! without a readiness probe a container that has started is ready; a failed startup or liveness probe
//! ends the container by its hook, the stop signal, and SIGKILL after the grace; while a pod is deleted,
//! its readiness is still probed, and nothing else.

mod ask;
mod backoff;
mod state;
mod supervisor;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::state::Shared;
use super::image::Image;
use super::pace::Pace;
use super::prober::Verdict;
use super::process::End;
use crate::files::kubernetes::{Which, Workload};

/// What happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The container runs, for the first or a further time.
    Started,
    /// A probe was sent, and passed or did not.
    Probed(Which, Verdict),
    /// The startup probe passed; the other two begin.
    StartupPassed,
    /// Traffic begins.
    Ready,
    /// Traffic ends.
    Unready,
    /// The container is ended because of a probe.
    Failed(Which),
    /// The container ended.
    Ended(End),
    /// The container ended by itself.
    Crashed,
}

/// A pod that runs. Dropped, it is killed with no grace.
#[derive(Debug)]
pub struct Pod {
    shared: Arc<Shared>,
    supervisor: Option<JoinHandle<Option<End>>>,
}

/// Longest time that a test waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(90);

impl Pod {
    /// Starts a pod of this workload with its first container.
    ///
    /// # Panics
    ///
    /// If the workload has no container.
    pub fn start(workload: &Workload, image: &Image, pace: Pace) -> Self {
        let shared = Arc::new(Shared::new(workload, image, pace));
        let supervisor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.supervise()
        });
        Self {
            shared,
            supervisor: Some(supervisor),
        }
    }

    /// What has happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.shared.lock().events.clone()
    }

    /// How many times a probe ended the container.
    pub fn restarts(&self, which: Which) -> usize {
        self.events()
            .iter()
            .filter(|event| **event == Event::Failed(which))
            .count()
    }

    /// Whether requests are sent here.
    pub fn is_ready(&self) -> bool {
        self.shared.lock().is_ready
    }

    /// The process of the container.
    pub fn pid(&self) -> u32 {
        self.shared.lock().pid
    }

    /// Waits until this is true of what has happened.
    ///
    /// # Panics
    ///
    /// If it does not become true.
    pub fn wait_for(&self, what: &str, is_true: impl Fn(&[Event]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        while !is_true(&state.events) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "never happened: {what}; {:#?}",
                state.events
            );
            state = self.shared.wait(state, left);
        }
    }

    /// Deletes the pod: traffic ends, then the hook, the stop signal, and SIGKILL after the grace. Its
    /// readiness is probed until then. Returns what happened, and how the container ended that ran.
    pub fn delete(mut self) -> (Vec<Event>, Option<End>) {
        self.shared.delete();
        let end = self.join();
        (self.events(), end)
    }

    fn join(&mut self) -> Option<End> {
        self.supervisor
            .take()
            .and_then(|supervisor| supervisor.join().ok().flatten())
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.shared.stop.set();
        self.shared.delete();
        self.join();
    }
}
