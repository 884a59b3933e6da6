//! One call to the dependency, from its start to the moment at which it counts.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::window::{Ending, SLOTS, Took, Window};

/// What a call needs to count itself.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) window: Arc<Window>,
    /// How long the window is.
    pub(super) length: Duration,
    pub(super) slow_above: Duration,
    pub(super) http_failure: Arc<dyn Fn(StatusCode) -> bool + Send + Sync>,
    pub(super) grpc_failure: Arc<dyn Fn(u16) -> bool + Send + Sync>,
}

impl Recorder {
    pub(super) fn width(&self) -> Duration {
        self.length / SLOTS
    }

    pub(super) fn end(&self, ending: Ending, time: Duration) {
        let is_slow = time > self.slow_above;
        let took = Took { time, is_slow };
        self.window.end(Instant::now(), self.width(), ending, took);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("window", &self.window)
            .field("length", &self.length)
            .field("slow_above", &self.slow_above)
            .finish_non_exhaustive()
    }
}

/// A call to a dependency, for a client that is not a tower service over HTTP; made by
/// [`PassiveIndicator::call`](super::PassiveIndicator::call).
///
/// One of its methods tells how the call ended. A call that is dropped before that was cancelled: it
/// counts as unanswered if it had waited for longer than
/// [`slow_above`](super::PassiveIndicator::slow_above), and not at all otherwise.
#[derive(Debug)]
#[must_use = "a call that is dropped at once does not count"]
pub struct PassiveCall {
    recorder: Arc<Recorder>,
    started_at: Instant,
    slot: u32,
    has_ended: bool,
}

impl PassiveCall {
    pub(super) fn begin(recorder: &Arc<Recorder>) -> Self {
        let started_at = Instant::now();
        let slot = recorder.window.begin(started_at, recorder.width());
        Self {
            recorder: Arc::clone(recorder),
            started_at,
            slot,
            has_ended: false,
        }
    }

    /// Counts a call that the dependency answered. It is slow if it took longer than
    /// [`slow_above`](super::PassiveIndicator::slow_above).
    pub fn answered(self) {
        self.end(Ending::Answered);
    }

    /// Counts a call that the dependency answered with an error of its own.
    pub fn failed(self) {
        self.end(Ending::Error);
    }

    /// Counts a call that got no answer: no connection, a broken one, or a timeout.
    pub fn unanswered(self) {
        self.end(Ending::Unanswered);
    }

    fn end(mut self, ending: Ending) {
        self.has_ended = true;
        self.recorder.end(ending, self.started_at.elapsed());
    }

    /// Ends the wait for the head of an answer, whose body decides how the call ends.
    pub(super) fn has_head(mut self) -> Answer {
        self.has_ended = true;
        Answer {
            recorder: Arc::clone(&self.recorder),
            took: self.started_at.elapsed(),
            ending: Ending::Answered,
        }
    }
}

impl Drop for PassiveCall {
    fn drop(&mut self) {
        self.recorder.window.no_longer_waits(self.slot);
        if !self.has_ended {
            let waited = self.started_at.elapsed();
            if waited > self.recorder.slow_above {
                self.recorder.end(Ending::Unanswered, waited);
            }
        }
    }
}

/// An answer whose body is not read yet. It counts when it is dropped.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) recorder: Arc<Recorder>,
    /// The time to the head of the answer.
    took: Duration,
    pub(super) ending: Ending,
}

impl Answer {
    /// Makes it an error of the dependency.
    pub(super) fn is_error(&mut self, error: LastError) {
        self.ending = Ending::Error;
        let window = &self.recorder.window;
        window.last_error.store(error.packed(), Relaxed);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.recorder.end(self.ending, self.took);
    }
}

/// An error that the dependency answered, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastError {
    Http(u16),
    Grpc(u16),
}

/// Marks the code of a gRPC status, so that it differs from a status of HTTP.
const GRPC: u32 = 1 << 16;

impl LastError {
    fn packed(self) -> u32 {
        match self {
            Self::Http(status) => status.into(),
            Self::Grpc(code) => GRPC | u32::from(code),
        }
    }

    pub(super) fn of(window: &Window) -> Option<Self> {
        let packed = window.last_error.load(Relaxed);
        let number = (packed & 0xFFFF) as u16;
        match packed {
            0 => None,
            GRPC.. => Some(Self::Grpc(number)),
            _ => Some(Self::Http(number)),
        }
    }
}

impl fmt::Display for LastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "HTTP {status}"),
            Self::Grpc(code) => write!(f, "gRPC status {code}"),
        }
    }
}
