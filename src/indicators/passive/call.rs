//! One call to the dependency, from its start to the moment at which it counts.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::window::{Counted, Ending, Took, Window};

/// What a call needs to count itself.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) window: Arc<Window>,
    pub(super) slow_above: Duration,
    pub(super) http_failure: Arc<dyn Fn(StatusCode) -> bool + Send + Sync>,
    pub(super) grpc_failure: Arc<dyn Fn(u16) -> bool + Send + Sync>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("window", &self.window)
            .field("slow_above", &self.slow_above)
            .finish_non_exhaustive()
    }
}

/// A call to a dependency, for a client that is not a tower service over HTTP; made by
/// [`PassiveIndicator::call`](super::PassiveIndicator::call).
///
/// One of its methods tells how the call ended. A call that is dropped before that counts as
/// unanswered if it had waited for longer than [`slow_above`](super::PassiveIndicator::slow_above),
/// and as cancelled otherwise.
#[derive(Debug)]
#[must_use = "a call that is dropped at once counts as cancelled"]
pub struct PassiveCall {
    /// `None` once the call has ended.
    recorder: Option<Arc<Recorder>>,
    started_at: Instant,
    /// The slot that it waits in. `None` for a stream, which may wait for as long as it likes.
    slot: Option<u32>,
}

impl PassiveCall {
    pub(super) fn begin(recorder: &Arc<Recorder>) -> Self {
        let started_at = Instant::now();
        Self {
            slot: Some(recorder.window.begin(started_at)),
            recorder: Some(Arc::clone(recorder)),
            started_at,
        }
    }

    pub(super) fn begin_stream(recorder: &Arc<Recorder>) -> Self {
        Self {
            slot: None,
            recorder: Some(Arc::clone(recorder)),
            started_at: Instant::now(),
        }
    }

    /// Counts a call that the dependency answered. It is slow if it took longer than
    /// [`slow_above`](super::PassiveIndicator::slow_above).
    pub fn answered(self) {
        self.has_head();
    }

    /// Counts a call that the dependency answered with an error of its own.
    pub fn failed(self) {
        self.fails(Ending::Error);
    }

    /// Counts a call that got no answer: no connection, a broken one, or a timeout.
    pub fn unanswered(self) {
        self.fails(Ending::Unanswered);
    }

    /// Counts a call whose answer has begun well.
    pub(super) fn has_head(mut self) -> Option<Answer> {
        let recorder = self.recorder.take()?;
        let now = Instant::now();
        let took = self.slot.map(|slot| {
            recorder.window.no_longer_waits(slot);
            let time = now.saturating_duration_since(self.started_at);
            let is_slow = time > recorder.slow_above;
            Took { time, is_slow }
        });
        let counted = recorder.window.answer(now, took);
        Some(Answer { recorder, counted })
    }

    /// Counts a call that the dependency answered with this error.
    pub(super) fn has_error(self, error: LastError) {
        if let Some(recorder) = &self.recorder {
            error.store(&recorder.window);
        }
        self.failed();
    }

    pub(super) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_deref()
    }

    fn fails(mut self, ending: Ending) {
        if let Some(recorder) = self.recorder.take() {
            if let Some(slot) = self.slot {
                recorder.window.no_longer_waits(slot);
            }
            recorder.window.fail(Instant::now(), ending);
        }
    }
}

impl Drop for PassiveCall {
    fn drop(&mut self) {
        // Whoever drops a stream had enough of it.
        if let (Some(recorder), Some(slot)) = (self.recorder.take(), self.slot) {
            recorder.window.no_longer_waits(slot);
            let now = Instant::now();
            let waited = now.saturating_duration_since(self.started_at);
            match waited > recorder.slow_above {
                true => recorder.window.fail(now, Ending::Unanswered),
                false => recorder.window.cancel(now, waited),
            }
        }
    }
}

/// An answer that has counted by its head, and whose body is not read yet.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) recorder: Arc<Recorder>,
    counted: Counted,
}

impl Answer {
    /// Makes it an error of the dependency.
    pub(super) fn has_error(self, error: LastError) {
        error.store(&self.recorder.window);
        self.fails(Ending::Error);
    }

    /// Makes it an answer that broke off.
    pub(super) fn breaks_off(self) {
        self.fails(Ending::Unanswered);
    }

    fn fails(self, ending: Ending) {
        self.recorder.window.take_back(self.counted);
        self.recorder.window.fail(Instant::now(), ending);
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
    fn store(self, window: &Window) {
        let packed = match self {
            Self::Http(status) => status.into(),
            Self::Grpc(code) => GRPC | u32::from(code),
        };
        window.last_error.store(packed, Relaxed);
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
