//! What a subscriber of transitions holds.

use tokio::sync::broadcast;

use crate::model::Transition;

/// The transitions of a [`Health`](crate::Health) from the moment of subscription; made by [`Health::subscribe`](crate::Health::subscribe).
#[derive(Debug)]
pub struct Transitions {
    receiver: broadcast::Receiver<Transition>,
    missed: u64,
}

impl Transitions {
    pub(crate) fn new(receiver: broadcast::Receiver<Transition>) -> Self {
        Self {
            receiver,
            missed: 0,
        }
    }

    /// Waits for the next transition; `None` when the last [`Health`](crate::Health) is gone.
    ///
    /// A subscriber that is more than 1,024 transitions behind loses the oldest; see
    /// [`missed`](Self::missed).
    ///
    /// # Cancel safety
    ///
    /// No transition is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Transition> {
        loop {
            match self.receiver.recv().await {
                Ok(transition) => return Some(transition),
                Err(broadcast::error::RecvError::Lagged(missed)) => self.missed += missed,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// How many transitions this subscriber was too slow for.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
