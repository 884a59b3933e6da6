//! Writes log lines in a task of its own, since a `tracing` subscriber is code of the application.
//!
//! A subscriber that blocks, as one does whose pipe is full, delays no check: the queue drops the
//! oldest lines, and they are counted.

use crate::catch::log;
use std::sync::Arc;
use std::time::Duration;

use super::queue::{self, Receiver, Reported, Sender};
use crate::model::{Cause, Status, Subject, Transition, escape_line};
use crate::state::SharedState;

/// A line of the log, without the work of formatting it.
#[derive(Debug)]
pub(super) enum LogLine {
    /// The output of a probe only names the checks that have a line of their own.
    Transition(Transition),
    /// A run that failed does not count.
    StarvedRun {
        subject: Subject,
        late: Duration,
        output: Option<String>,
    },
    /// The first run of a row that has used up a part of its timeout. It still goes on.
    SlowRun {
        subject: Subject,
        elapsed: Duration,
        timeout: Duration,
    },
    /// The run that ends a row of slow ones.
    FastRun {
        subject: Subject,
        took: Duration,
    },
    MissedByListeners(u64),
    ListenerPanicked(Subject),
    RefresherPanicked(String),
}

#[derive(Clone)]
pub(super) struct Logger {
    lines: Sender<LogLine>,
    state: Arc<SharedState>,
}

impl Logger {
    /// Starts the task, which ends with the last logger; must be called within a runtime.
    ///
    /// The queue has room for the limit, and for a line about each of `changes` at once.
    pub(super) fn start(state: &Arc<SharedState>, changes: usize) -> Self {
        let (lines, queue) = queue::bounded(state.limits.log_lines.max(changes));
        tokio::spawn(write_all(Unwritten(queue), Arc::clone(state)));
        Self {
            lines,
            state: Arc::clone(state),
        }
    }

    pub(super) fn write(&self, line: LogLine) {
        if self.lines.send(line).is_some() {
            self.state.count_missed_by_log();
        }
    }
}

async fn write_all(mut lines: Unwritten, state: Arc<SharedState>) {
    let mut reported = Reported::default();
    while let Some(line) = lines.0.next().await {
        line.write();
        if let Some(missed) = reported.rise_to(state.missed_by_log()) {
            log!(
                WARN,
                missed,
                "the log is too slow: lines about health are missing"
            );
        }
        // A full queue would keep other tasks waiting.
        tokio::task::yield_now().await;
    }
}

/// The lines to be written. When the runtime ends first, dropping them writes them.
struct Unwritten(Receiver<LogLine>);

impl Drop for Unwritten {
    fn drop(&mut self) {
        while let Some(line) = self.0.try_next() {
            line.write();
        }
    }
}

impl LogLine {
    fn write(self) {
        match self {
            Self::Transition(transition) => write_transition(&transition),
            Self::StarvedRun {
                subject,
                late,
                output,
            } => {
                let (check, probe) = names(&subject);
                let cause = Cause::Starved.as_str();
                let (late_seconds, output) =
                    (late.as_secs_f64(), output.as_deref().map(escape_line));
                log!(
                    WARN,
                    %subject,
                    probe,
                    check,
                    cause,
                    late_seconds,
                    output,
                    "a failed run does not count"
                );
            }
            Self::SlowRun {
                subject,
                elapsed,
                timeout,
            } => {
                let (check, probe) = names(&subject);
                let elapsed_seconds = elapsed.as_secs_f64();
                let timeout_seconds = timeout.as_secs_f64();
                log!(
                    WARN,
                    %subject,
                    probe,
                    check,
                    elapsed_seconds,
                    timeout_seconds,
                    "a health check is slow: its run still goes on"
                );
            }
            Self::FastRun { subject, took } => {
                let (check, probe) = names(&subject);
                let duration_seconds = took.as_secs_f64();
                log!(
                    INFO,
                    %subject,
                    probe,
                    check,
                    duration_seconds,
                    "a health check is fast again"
                );
            }
            Self::MissedByListeners(missed) => {
                log!(
                    WARN,
                    missed,
                    "the transition listeners are too slow and missed transitions"
                );
            }
            Self::ListenerPanicked(subject) => {
                log!(ERROR, %subject, "a transition listener panicked");
            }
            Self::RefresherPanicked(message) => {
                log!(
                    ERROR,
                    message,
                    "the health refresher panicked and is being restarted"
                );
            }
        }
    }
}

/// Writes a transition to the log. A first pass is expected, and so only a debug line.
fn write_transition(transition: &Transition) {
    let Transition {
        subject,
        from,
        to,
        cause,
        output,
        ..
    } = transition;
    let (check, probe) = names(subject);
    let (from, cause) = (from.map(Status::as_str), cause.map(Cause::as_str));
    let output = output.as_deref().map(escape_line);
    let duration_seconds = transition.duration.map(|time| time.as_secs_f64());
    let consecutive_failures = some_above_zero(transition.consecutive_failures);
    let late_seconds = seconds_above_zero(transition.lateness);
    // Every line about a change has the same fields. One that does not apply is `None`, and missing.
    macro_rules! change {
        ($level:ident, $text:literal) => {{
            log!(
                $level,
                %subject,
                probe,
                check,
                from,
                %to,
                cause,
                output,
                duration_seconds,
                consecutive_failures,
                late_seconds,
                $text
            );
        }};
    }
    match (from, to) {
        (None, Status::Pass) => change!(DEBUG, "first health check result"),
        (_, Status::Pass) => change!(INFO, "health recovered"),
        _ => change!(WARN, "health changed"),
    }
}

/// Returns the name of the check, if the subject is one, and that of the probe.
fn names(subject: &Subject) -> (Option<&str>, &'static str) {
    match subject {
        Subject::Probe(probe) => (None, probe.as_str()),
        Subject::Check { probe, name } => (Some(name), probe.as_str()),
    }
}

fn some_above_zero(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

fn seconds_above_zero(time: Duration) -> Option<f64> {
    (!time.is_zero()).then_some(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::runtime::Builder;
    use tracing::Event;
    use tracing::subscriber::{Subscriber, with_default};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    use super::*;
    use crate::{Health, Status};

    struct Count(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn the_oldest_lines_make_room_and_are_counted() {
        let health = Health::fixed(Status::Pass);
        let logger = Logger::start(health.state(), 0);
        let room = health.state().limits.log_lines as u64;
        for line in 0..room + 3 {
            logger.write(LogLine::MissedByListeners(line));
        }
        assert_eq!(health.missed_by_log(), 3);
    }

    // The last lines of a process are those that say why it ends.
    #[test]
    fn lines_that_wait_when_the_runtime_ends_are_written() {
        let written = Arc::new(AtomicUsize::new(0));
        let subscriber = tracing_subscriber::registry().with(Count(Arc::clone(&written)));
        let health = Health::fixed(Status::Pass);
        let runtime = Builder::new_current_thread().build().unwrap();
        with_default(subscriber, || {
            // The task gets no turn: this future does not wait.
            let logger = runtime.block_on(async { Logger::start(health.state(), 3) });
            for missed in 1..=3 {
                logger.write(LogLine::MissedByListeners(missed));
            }
            assert_eq!(written.load(Ordering::Relaxed), 0);
            drop(runtime);
        });
        assert_eq!(written.load(Ordering::Relaxed), 3);
    }
}
