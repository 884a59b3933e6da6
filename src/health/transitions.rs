//! The stream of transitions for a subscriber.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::model::Transition;

/// Streams the transitions of a [`Health`](crate::Health) from the moment of subscription.
///
/// [`Health::subscribe`](crate::Health::subscribe) creates it. The stream ends when the last
/// [`Health`](crate::Health) is dropped. A subscriber that lags more than
/// [`Limits::transitions`](crate::Limits::transitions) behind loses the oldest; see
/// [`missed`](Self::missed).
///
/// ```
/// use tower_health::{Health, Probe, Status, Subject, indicator_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder()
///     .readiness(indicator_fn("db", async || Ok::<_, std::io::Error>(())))
///     .start()?;
/// let mut transitions = health.subscribe();
/// let mut last = None;
/// while let Some(transition) = transitions.next().await {
///     let is_probe = transition.subject == Subject::Probe(Probe::Readiness);
///     last = Some(transition.to);
///     if is_probe {
///         break;
///     }
/// }
/// assert_eq!(last, Some(Status::Pass));
/// # Ok(())
/// # }
/// ```
#[must_use = "read transitions with `next` or as a `Stream`"]
pub struct Transitions {
    next: Receive,
    missed: u64,
}

/// Resolves to the next transition and the receiver that it came from.
type Receive = Pin<
    Box<dyn Future<Output = (Result<Transition, RecvError>, Receiver<Transition>)> + Send + Sync>,
>;

fn receive(mut receiver: Receiver<Transition>) -> Receive {
    Box::pin(async move {
        let received = receiver.recv().await;
        (received, receiver)
    })
}

impl Transitions {
    pub(super) fn new(receiver: Receiver<Transition>) -> Self {
        Self {
            next: receive(receiver),
            missed: 0,
        }
    }

    /// Waits for the next transition; returns `None` after the last [`Health`](crate::Health) is
    /// dropped.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: no transition is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Transition> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Returns how many transitions this subscriber has lost because it was too slow.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

impl Stream for Transitions {
    type Item = Transition;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Transition>> {
        loop {
            let (received, receiver) = ready!(self.next.as_mut().poll(cx));
            self.next = receive(receiver);
            match received {
                Ok(transition) => return Poll::Ready(Some(transition)),
                Err(RecvError::Lagged(missed)) => self.missed += missed,
                Err(RecvError::Closed) => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for Transitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transitions")
            .field("missed", &self.missed)
            .finish_non_exhaustive()
    }
}
