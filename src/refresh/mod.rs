//! The refresher: the only task that runs checks, and the only writer of snapshots.

mod alarm;
mod jitter;
mod logger;
mod notifier;
mod publication;
mod queue;
mod run;
mod scheduler;
#[cfg(test)]
mod simulation;
mod slot;
mod span;
#[cfg(test)]
mod tests;

use crate::catch::panic_message;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc};
use tokio::task;

pub(crate) use self::jitter::Jitter;
pub(crate) use self::notifier::Listener;
use self::run::catching_panic;
pub(crate) use self::scheduler::Command;
use self::scheduler::Scheduler;
pub(crate) use self::slot::{Slot, SlotKey};
use crate::model::{Redactor, Transition};
use crate::state::Publisher;

/// The delay before a restart of the scheduler, so that a fault that recurs at once does not use up
/// a core.
const RESTART_DELAY: Duration = Duration::from_millis(100);

/// Holds everything that the refresher needs to start.
pub(crate) struct Refresher {
    pub(crate) publisher: Publisher,
    pub(crate) slots: BTreeMap<SlotKey, Slot>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    /// Receives a message whenever the lifecycle changes.
    pub(crate) lifecycle_changed: mpsc::Receiver<()>,
    pub(crate) jitter: Jitter,
    pub(crate) redactor: Redactor,
    /// Whether each run has a `tracing` span.
    pub(crate) run_spans: bool,
    pub(crate) subscribers: broadcast::Sender<Transition>,
    /// How many transitions wait for a slow listener.
    pub(crate) backlog: usize,
    pub(crate) listeners: Vec<Listener>,
}

impl Refresher {
    /// Starts the background task, which ends when the sender of its commands is dropped.
    pub(crate) fn spawn_on(self, runtime: &Handle) {
        let _context = runtime.enter();
        runtime.spawn(supervise(Scheduler::new(self)));
    }
}

/// Restarts the scheduler if it panics.
///
/// No code of the application runs in its turns, so only a defect of this crate can cause that.
/// Results expire as usual until the restart.
async fn supervise(mut scheduler: Scheduler) {
    let mut has_panicked = false;
    loop {
        let life = async {
            if has_panicked {
                // Wakes another worker, since the log may block this one.
                task::yield_now().await;
                tokio::time::sleep(RESTART_DELAY).await;
                scheduler.recover();
            }
            // Without tokio's budget, which ends a turn after 128 results: on a busy runtime the
            // others would expire while they wait for the next turn.
            task::unconstrained(scheduler.run()).await;
        };
        let Err(payload) = catching_panic(Box::pin(life)).await else {
            return;
        };
        has_panicked = true;
        scheduler.note_panic(panic_message(payload));
    }
}
