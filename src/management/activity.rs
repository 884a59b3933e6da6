//! What a connection is doing: by when it has to send a request, and whether it can make room.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long the head of a request may take from its first byte, and the first head from the accept.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(2);

/// How long a connection stays open after its last request. Longer than the usual intervals of
/// scrapers, so that they need not reconnect.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(90);

/// The activity of one connection.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When the connection was accepted, or sent its last whole request.
    last_request: Instant,
    /// When a head began; `Some` until it is whole. The first begins with the connection.
    head_since: Option<Instant>,
    /// Whether requests are frames among others, so that bytes alone begin no head.
    is_http2: bool,
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(State {
            last_request: now,
            head_since: Some(now),
            is_http2: false,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that bytes have arrived.
    pub(super) fn received(&self, now: Instant) {
        let mut state = self.lock();
        if !state.is_http2 {
            state.head_since.get_or_insert(now);
        }
    }

    /// Notes that a whole request has arrived.
    pub(super) fn requested(&self, now: Instant, is_http2: bool) {
        *self.lock() = State {
            last_request: now,
            head_since: None,
            is_http2,
        };
    }

    /// Returns by when the next request has to be whole.
    pub(super) fn deadline(&self) -> Instant {
        let state = self.lock();
        match state.head_since {
            Some(since) => since + HEAD_TIME,
            None => state.last_request + IDLE_TIME,
        }
    }

    /// Returns since when the connection has sent no whole request.
    pub(super) fn idle_since(&self) -> Instant {
        self.lock().last_request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_drip_do_not_move_the_deadline() {
        let start = Instant::now();
        let activity = Activity::new(start);
        activity.received(start + secs(1));
        assert_eq!(activity.deadline(), start + HEAD_TIME);
        activity.requested(start + secs(1), false);
        assert_eq!(activity.deadline(), start + secs(1) + IDLE_TIME);
        for second in 10..12 {
            activity.received(start + secs(second));
            assert_eq!(activity.deadline(), start + secs(10) + HEAD_TIME);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_of_http2_begins_no_head() {
        let start = Instant::now();
        let activity = Activity::new(start);
        activity.requested(start, true);
        activity.received(start + secs(5));
        assert_eq!(activity.deadline(), start + IDLE_TIME);
        assert_eq!(activity.idle_since(), start);
    }
}
