//! The refresher: the only place that runs checks, and the only writer of snapshots.

mod announcer;
mod jitter;
mod run;
mod scheduler;
mod slot;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, watch};

pub(crate) use self::announcer::{Listener, Verdicts};
pub(crate) use self::jitter::Jitter;
use self::run::catching;
pub(crate) use self::scheduler::Command;
use self::scheduler::Scheduler;
pub(crate) use self::slot::{Slot, SlotKey};
use crate::model::{Redactor, Transition};
use crate::panic::panic_message;
use crate::published::Published;

/// How long a scheduler that died waits before it is restarted, so that a fault that comes back at
/// once does not eat a core.
const RESTART_DELAY: Duration = Duration::from_millis(100);

/// Everything that a refresher starts from.
pub(crate) struct Refresher {
    pub(crate) published: Arc<Published>,
    pub(crate) slots: BTreeMap<SlotKey, Slot>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) changed: mpsc::Receiver<()>,
    pub(crate) jitter: Jitter,
    pub(crate) redactor: Redactor,
    pub(crate) verdicts: watch::Sender<Verdicts>,
    pub(crate) publications: watch::Sender<()>,
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

/// Restarts the scheduler if it dies. No code of a user runs in it, so only a defect of this crate
/// gets here; until it is restarted results expire as they must.
async fn supervise(mut scheduler: Scheduler) {
    while let Err(payload) = catching(Box::pin(scheduler.run())).await {
        let message = panic_message(payload);
        scheduler.published.count_restart();
        tracing::error!(target: crate::LOG_TARGET, message, "the health refresher died and is restarted");
        tokio::time::sleep(RESTART_DELAY).await;
        scheduler.recover();
    }
}
