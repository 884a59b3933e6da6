//! An attempt in a task of its own.

use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;

use crate::webhook::client::Attempt;
use crate::webhook::outbox::Message;

/// An attempt, which ends when this is dropped.
pub(super) struct AttemptTask(pub(super) JoinHandle<Attempt>);

impl Future for AttemptTask {
    type Output = Attempt;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Attempt> {
        Pin::new(&mut self.0).poll(cx).map(|attempt| {
            attempt.unwrap_or_else(|error| Attempt::Failed {
                // Not the message of the panic, which may quote a secret.
                fault: if error.is_panic() {
                    "the attempt panicked; the I/O of the runtime may not be enabled".to_owned()
                } else {
                    "the runtime is being shut down".to_owned()
                },
                retry_after: None,
            })
        })
    }
}

impl Drop for AttemptTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) async fn attempt_of(in_flight: &mut Option<(Message, AttemptTask)>) -> Attempt {
    match in_flight {
        Some((_, attempt)) => attempt.await,
        None => pending().await,
    }
}
