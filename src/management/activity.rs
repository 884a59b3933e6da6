//! What a connection is doing: by when it has to send a request, and whether it can make room.

#[cfg(feature = "__recorder")]
use std::sync::Arc;
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
    /// Whether the bytes that have arrived end where a head does.
    ends_head: bool,
    /// How many streams of events are open, and how many answers wait for the archive.
    open: usize,
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(State {
            last_request: now,
            head_since: Some(now),
            is_http2: false,
            ends_head: true,
            open: 0,
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

    /// Notes whether the bytes that have arrived end where a head does.
    pub(super) fn read_to(&self, ends_head: bool) {
        self.lock().ends_head = ends_head;
    }

    /// Notes that a whole request has arrived. What follows it may be the start of another head.
    pub(super) fn requested(&self, now: Instant, is_http2: bool) {
        let mut state = self.lock();
        state.last_request = now;
        state.head_since = (!is_http2 && !state.ends_head).then_some(now);
        state.is_http2 = is_http2;
    }

    /// Notes that a stream of events begins, or an answer that waits.
    pub(super) fn began(&self) {
        self.lock().open += 1;
    }

    /// Notes that what began is over. The connection is idle from then on, and a head that began
    /// meanwhile has all its time.
    pub(super) fn ended(&self, now: Instant) {
        let mut state = self.lock();
        state.open = state.open.saturating_sub(1);
        state.last_request = now;
        if let Some(since) = &mut state.head_since {
            *since = now;
        }
    }

    /// Returns by when the next request has to be whole.
    pub(super) fn deadline(&self, now: Instant) -> Instant {
        let state = self.lock();
        match state.head_since {
            // Looked at again by then.
            _ if state.open > 0 => now + IDLE_TIME,
            Some(since) => since + HEAD_TIME,
            None => state.last_request + IDLE_TIME,
        }
    }

    /// Returns whether something is open, and since when the connection has sent no whole
    /// request. The least makes room first.
    pub(super) fn rank(&self) -> (bool, Instant) {
        let state = self.lock();
        (state.open > 0, state.last_request)
    }
}

/// An answer that waits: its connection is not idle meanwhile.
#[cfg(feature = "__recorder")]
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

#[cfg(feature = "__recorder")]
impl Activity {
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.began();
        Busy(Arc::clone(self))
    }
}

#[cfg(feature = "__recorder")]
impl Drop for Busy {
    fn drop(&mut self) {
        self.0.ended(Instant::now());
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
        assert_eq!(activity.deadline(start), start + HEAD_TIME);
        activity.requested(start + secs(1), false);
        assert_eq!(activity.deadline(start), start + secs(1) + IDLE_TIME);
        for second in 10..12 {
            activity.received(start + secs(second));
            assert_eq!(activity.deadline(start), start + secs(10) + HEAD_TIME);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_came_with_the_end_of_another_has_its_time_from_then() {
        let start = Instant::now();
        let activity = Activity::new(start);
        activity.read_to(false);
        activity.requested(start + secs(1), false);
        assert_eq!(activity.deadline(start), start + secs(1) + HEAD_TIME);
        activity.requested(start + secs(2), true);
        assert_eq!(activity.deadline(start), start + secs(2) + IDLE_TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_of_http2_begins_no_head() {
        let start = Instant::now();
        let activity = Activity::new(start);
        activity.requested(start, true);
        activity.received(start + secs(5));
        assert_eq!(activity.deadline(start), start + IDLE_TIME);
        assert_eq!(activity.rank(), (false, start));
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_stream_keeps_its_connection_and_makes_room_last() {
        let start = Instant::now();
        let activity = Activity::new(start);
        activity.requested(start, false);
        activity.began();
        let later = start + 10 * IDLE_TIME;
        assert_eq!(activity.deadline(later), later + IDLE_TIME);
        assert_eq!(activity.rank(), (true, start));
        activity.ended(later);
        assert_eq!(activity.deadline(later), later + IDLE_TIME);
        assert_eq!(activity.rank(), (false, later));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_begins_while_an_answer_waits_has_its_time_afterwards() {
        let start = Instant::now();
        let activity = Activity::new(start);
        activity.requested(start, false);
        activity.began();
        activity.received(start + secs(1));
        assert_eq!(
            activity.deadline(start + secs(4)),
            start + secs(4) + IDLE_TIME
        );
        activity.ended(start + secs(5));
        assert_eq!(
            activity.deadline(start + secs(5)),
            start + secs(5) + HEAD_TIME
        );
    }
}
