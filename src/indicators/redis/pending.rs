//! The commands of one indicator, one at a time: a run that was aborted leaves its command here
//! with the answer still to come, and the next run waits for that instead of sending another.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use redis::{RedisResult, Value};

/// A command without an answer is not waited for any longer than this. Its peer may have vanished
/// after it took the bytes, and TCP notices that only when there is something to send.
const REPEATED_AFTER: Duration = Duration::from_secs(60);

type Answer = Pin<Box<dyn Future<Output = RedisResult<Value>> + Send>>;

#[derive(Default)]
pub(super) struct CommandSlot {
    /// `Some` when a run ended before the answer came.
    unanswered: Mutex<Option<PendingCommand>>,
    /// `Some` when it was the connection, not the server, that answered last.
    last_error: Mutex<Option<String>>,
}

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
    pub(super) fn unanswered(&self) -> Option<PendingCommand> {
        let asked = lock(&self.unanswered).take();
        asked.filter(|asked| asked.since.elapsed() < REPEATED_AFTER)
    }

    /// Waits for the answer. When that is given up the command is [unanswered](Self::unanswered).
    pub(super) fn answer(&self, asked: PendingCommand) -> impl Future<Output = RedisResult<Value>> {
        Waiting {
            slot: self,
            asked: Some(asked),
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
    /// `None` when the answer came.
    asked: Option<PendingCommand>,
}

impl Future for Waiting<'_> {
    type Output = RedisResult<Value>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(asked) = &mut self.asked else {
            return Poll::Pending;
        };
        let Poll::Ready(answer) = asked.answer.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        self.asked = None;
        Poll::Ready(answer)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // What nobody waits for any more is dropped outside of the lock.
        let earlier = mem::replace(&mut *lock(&self.slot.unanswered), self.asked.take());
        drop(earlier);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
