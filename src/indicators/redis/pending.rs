//! The pending command of an indicator. A run that was aborted leaves its command here, and the next
//! run waits for its answer instead of sending another command.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use redis::{RedisResult, Value};

/// How long to wait for the answer to one command. The peer may have vanished after it received the
/// command, which TCP notices only when there is something to send.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

type Answer = Pin<Box<dyn Future<Output = RedisResult<Value>> + Send>>;

/// Holds at most one command that waits for its answer.
#[derive(Default)]
pub(super) struct CommandSlot {
    /// `Some` after a run that ended before its answer arrived.
    pending: Mutex<Option<PendingCommand>>,
    /// `Some` if the last answer was an error of the connection, not of the server.
    last_error: Mutex<Option<String>>,
}

/// A command that was sent.
pub(super) struct PendingCommand {
    pub(super) step: String,
    since: Instant,
    answer: Answer,
}

impl PendingCommand {
    pub(super) fn new(step: &str, answer: Answer) -> Self {
        Self {
            step: step.to_owned(),
            since: Instant::now(),
            answer,
        }
    }
}

impl CommandSlot {
    pub(super) fn take(&self) -> Option<PendingCommand> {
        let command = lock(&self.pending).take();
        command.filter(|command| command.since.elapsed() < ABANDONED_AFTER)
    }

    /// Waits for the answer. If the future is dropped first, the slot keeps the command.
    pub(super) fn wait(&self, command: PendingCommand) -> impl Future<Output = RedisResult<Value>> {
        Waiting {
            slot: self,
            command: Some(command),
        }
    }

    pub(super) fn remember(&self, last_error: Option<String>) {
        *lock(&self.last_error) = last_error;
    }

    pub(super) fn last_error(&self) -> Option<String> {
        lock(&self.last_error).clone()
    }
}

struct Waiting<'a> {
    slot: &'a CommandSlot,
    /// `None` once the answer has arrived.
    command: Option<PendingCommand>,
}

impl Future for Waiting<'_> {
    type Output = RedisResult<Value>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(command) = &mut self.command else {
            return Poll::Pending;
        };
        let Poll::Ready(answer) = command.answer.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        self.command = None;
        Poll::Ready(answer)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // An earlier command is dropped outside the lock.
        let earlier = mem::replace(&mut *lock(&self.slot.pending), self.command.take());
        drop(earlier);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
