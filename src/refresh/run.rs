//! A single run of a check, in its own task.

use crate::catch::{drop_catching_panic, panic_message};
use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use super::span::RunSpan;
use crate::model::{DynIndicator, Reading, Redactor, RunOutcome};
use crate::state::clock;

/// Holds the outcome of a run as plain data.
///
/// The task of the run formats and drops every value of a user's type, since either can panic.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) ended: RunOutcome,
    pub(super) output: Option<String>,
    pub(super) readings: Vec<Reading>,
    /// When the run ended, from which the result ages, however late the scheduler takes it.
    pub(super) ended_at: Instant,
    pub(super) time: SystemTime,
    pub(super) duration: Duration,
    /// Whether a run gave it.
    pub(super) has_run: bool,
}

impl Outcome {
    /// Creates a failure that the refresher itself reports.
    pub(super) fn failed(ended: RunOutcome, output: String, duration: Duration) -> Self {
        Self {
            ended,
            output: Some(output),
            readings: Vec::new(),
            ended_at: clock::now(),
            time: clock::wall(),
            duration,
            has_run: true,
        }
    }

    /// Creates the failure of a run that could not begin.
    pub(super) fn not_begun(output: String) -> Self {
        Self {
            has_run: false,
            ..Self::failed(RunOutcome::Timeout, output, Duration::ZERO)
        }
    }
}

/// Runs an indicator once, perhaps within a span, and keeps at most this many of its readings.
pub(super) async fn run(
    indicator: Arc<dyn DynIndicator>,
    redactor: Redactor,
    most_readings: usize,
    span: Option<RunSpan>,
) -> Outcome {
    let started_at = clock::now();
    let mut run = indicator.run();
    if let Some(span) = span {
        run = span.around(run);
    }
    let result = catching_panic(run).await;
    let ended = result.as_ref().map_or(RunOutcome::Panic, RunOutcome::of);
    let (output, readings) = match result {
        Ok(Ok(seen)) => (seen.output, seen.readings),
        Ok(Err(failure)) => (Some(non_empty(failure.output)), failure.readings),
        Err(payload) => (Some(non_empty(panic_message(payload))), Vec::new()),
    };
    let readings = readings
        .into_iter()
        .take(most_readings)
        .map(|reading| redactor.prepare_reading(reading))
        .collect();
    let ended_at = clock::now();
    Outcome {
        ended,
        output: output.map(|output| redactor.prepare(output)),
        readings,
        ended_at,
        time: clock::wall(),
        duration: ended_at - started_at,
        has_run: true,
    }
}

/// Polls a future until it completes or panics, and drops it before it returns.
pub(super) async fn catching_panic<T>(
    mut future: Pin<Box<dyn Future<Output = T> + Send + '_>>,
) -> Result<T, Box<dyn Any + Send>> {
    let result = poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => Poll::Ready(Err(payload)),
        },
    )
    .await;
    drop_catching_panic(future);
    result
}

/// Replaces an empty text of an error.
fn non_empty(output: String) -> String {
    if output.is_empty() {
        "failed without a message".to_owned()
    } else {
        output
    }
}
