//! The refresher: the only task that runs checks, and the only writer of snapshots.

mod jitter;
mod notifier;
mod run;
mod scheduler;
mod slot;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc};

pub(crate) use self::jitter::Jitter;
pub(crate) use self::notifier::Listener;
use self::run::catching_panic;
pub(crate) use self::scheduler::Command;
use self::scheduler::Scheduler;
pub(crate) use self::slot::{Slot, SlotKey};
use crate::model::{Redactor, Transition, panic_message};
use crate::state::{Publisher, log};

/// How long a scheduler that died waits before it is restarted, so that a fault that returns at
/// once does not use up a core.
const RESTART_DELAY: Duration = Duration::from_millis(100);

/// Everything that a refresher starts from.
pub(crate) struct Refresher {
    pub(crate) publisher: Publisher,
    pub(crate) slots: BTreeMap<SlotKey, Slot>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    /// Receives a message whenever the lifecycle changed.
    pub(crate) lifecycle_changed: mpsc::Receiver<()>,
    pub(crate) jitter: Jitter,
    pub(crate) redactor: Redactor,
    pub(crate) transitions: broadcast::Sender<Transition>,
    pub(crate) listeners: Vec<Listener>,
}

impl Refresher {
    /// Starts the background task. It ends when the sender of its commands is gone.
    pub(crate) fn spawn_on(self, runtime: &Handle) {
        let _context = runtime.enter();
        runtime.spawn(supervise(Scheduler::new(self)));
    }
}

/// Restarts the scheduler if it dies. It runs no user code, so only a defect of this crate can kill
/// it. Until it is restarted, results expire as usual.
async fn supervise(mut scheduler: Scheduler) {
    while let Err(payload) = catching_panic(Box::pin(scheduler.run())).await {
        let message = panic_message(payload);
        scheduler.publisher.count_restart();
        log!(
            ERROR,
            message,
            "the health refresher died and is being restarted"
        );
        tokio::time::sleep(RESTART_DELAY).await;
        scheduler.recover();
    }
}
