//! The `tracing` span of a run, for those who ask for it.
//!
//! It lives in the task of the run: a subscriber is code of the application, and none runs in the
//! turns of the scheduler. One that panics loses its span and nothing else.

use crate::catch::{catch_panic, drop_catching_panic};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use tracing::field::Empty;
use tracing::{Level, Span, span};

use crate::model::{CheckResult, CheckState, Probe, RunOutcome};
use crate::state::clock;

type Run = Pin<Box<dyn Future<Output = CheckResult> + Send>>;

/// What the span of a run tells of its check.
pub(super) struct RunSpan {
    pub(super) probe: Probe,
    pub(super) check: Arc<CheckState>,
    /// Set by the scheduler, which alone knows by when the run had to end.
    pub(super) timed_out: Arc<AtomicBool>,
}

impl RunSpan {
    /// Returns the run within its span, which begins when the run is first polled.
    pub(super) fn around(self, run: Run) -> Run {
        Box::pin(Spanned {
            run: Some(run),
            of: self,
            began: None,
            ended: None,
        })
    }

    fn begin(&self) -> Span {
        span!(
            target: "tower_health",
            parent: None,
            Level::INFO,
            "health_check",
            probe = self.probe.as_str(),
            check = self.check.name(),
            outcome = Empty,
            duration_seconds = Empty,
        )
    }
}

/// A run that is polled and dropped within its span.
struct Spanned {
    /// `None` only while it is dropped.
    run: Option<Run>,
    of: RunSpan,
    /// `Some` from the first poll on. The span is `None` if the subscriber panicked.
    began: Option<(Instant, Option<Span>)>,
    /// How the run ended; `Panic` while it is polled.
    ended: Option<RunOutcome>,
}

impl Future for Spanned {
    type Output = CheckResult;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CheckResult> {
        let Self {
            run: Some(run),
            of,
            began,
            ended,
        } = self.get_mut()
        else {
            return Poll::Pending;
        };
        let (_, span) = began.get_or_insert_with(|| (clock::now(), catch_panic(|| of.begin())));
        *ended = Some(RunOutcome::Panic);
        let _within = Within::enter(span.as_ref());
        let polled = run.as_mut().poll(cx);
        *ended = match &polled {
            Poll::Ready(result) => Some(RunOutcome::of(result)),
            Poll::Pending => None,
        };
        polled
    }
}

/// Ends the span. A run that has not ended exceeded its timeout, or its check was removed.
impl Drop for Spanned {
    fn drop(&mut self) {
        let Some((started_at, span)) = self.began.take() else {
            return;
        };
        {
            let _within = Within::enter(span.as_ref());
            drop_catching_panic(self.run.take());
        }
        let took = clock::now() - started_at;
        let has_timed_out = self.of.timed_out.load(Ordering::Relaxed);
        let timeout = has_timed_out.then_some(RunOutcome::Timeout);
        catch_panic(|| {
            if let Some(span) = &span {
                span.record("outcome", self.ended.or(timeout).map(RunOutcome::as_str));
                span.record("duration_seconds", took.as_secs_f64());
            }
        });
        drop_catching_panic(span);
    }
}

/// Leaves a span when it is dropped, even if the run within it panics.
struct Within<'a>(Option<&'a Span>);

impl<'a> Within<'a> {
    fn enter(span: Option<&'a Span>) -> Self {
        if let Some(span) = span {
            catch_panic(|| span.with_subscriber(|(id, subscriber)| subscriber.enter(id)));
        }
        Self(span)
    }
}

impl Drop for Within<'_> {
    fn drop(&mut self) {
        // Even if entering panicked: a registry may have entered it before one of its layers
        // panicked, and otherwise this thread would stay in the span.
        if let Some(span) = self.0 {
            catch_panic(|| span.with_subscriber(|(id, subscriber)| subscriber.exit(id)));
        }
    }
}
