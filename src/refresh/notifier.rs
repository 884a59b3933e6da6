//! Announces what a new snapshot changed: to the log, the history, listeners and subscribers.

use crate::catch::catch_panic;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use super::logger::{LogLine, Logger};
use super::queue::{self, Receiver, Reported, Sender};
use crate::model::{CheckState, Probe, Snapshot, Status, Subject, Transition};
use crate::state::SharedState;

/// A callback that is called with each transition.
pub(crate) type Listener = Arc<dyn Fn(&Transition) + Send + Sync>;

pub(super) struct Notifier {
    state: Arc<SharedState>,
    subscribers: broadcast::Sender<Transition>,
    /// `None` if there are no listeners.
    listeners: Option<Sender<Transition>>,
    logger: Logger,
    /// The statuses of the probes as announced last.
    announced: [Status; Probe::EACH.len()],
}

impl Notifier {
    /// Creates a notifier; must be called within a runtime.
    ///
    /// The listeners have a task of their own, and the log has another: one that blocks delays
    /// nothing else.
    pub(super) fn new(
        subscribers: broadcast::Sender<Transition>,
        backlog: usize,
        listeners: Vec<Listener>,
        state: &Arc<SharedState>,
    ) -> Self {
        let logger = Logger::start(state, backlog);
        let listeners = (!listeners.is_empty()).then(|| {
            let (sender, transitions) = queue::bounded(backlog);
            let (logger, state) = (logger.clone(), Arc::clone(state));
            tokio::spawn(call_listeners(transitions, listeners, logger, state));
            sender
        });
        let snapshot = state.current();
        Self {
            state: Arc::clone(state),
            subscribers,
            listeners,
            logger,
            announced: Probe::EACH.map(|probe| snapshot.status(probe)),
        }
    }

    /// Announces the transitions of checks, then those of probes. Returns whether there were any,
    /// which wakes other tasks.
    pub(super) fn announce(&mut self, snapshot: &Snapshot, checks: Vec<Transition>) -> bool {
        let mut has_announced = !checks.is_empty();
        for transition in checks {
            let output = transition.output.clone();
            self.announce_one(transition, output);
        }
        for probe in Probe::EACH {
            let to = snapshot.status(probe);
            let from = std::mem::replace(&mut self.announced[probe as usize], to);
            if from == to {
                continue;
            }
            has_announced = true;
            let transition = Transition {
                subject: Subject::Probe(probe),
                from: Some(from),
                to,
                output: snapshot.report(probe).output(),
                cause: snapshot.cause(probe),
                time: snapshot.time,
                duration: None,
                consecutive_failures: 0,
                lateness: Duration::ZERO,
            };
            self.announce_one(transition, log_output(snapshot, probe));
        }
        has_announced
    }

    fn announce_one(&self, transition: Transition, output: Option<String>) {
        self.state.history.add_transition(transition.clone());
        self.logger.write(LogLine::Transition(Transition {
            output,
            ..transition.clone()
        }));
        if let Some(listeners) = &self.listeners {
            if listeners.send(transition.clone()).is_some() {
                self.state.count_missed_by_listeners();
            }
        }
        // An error means that there are no subscribers.
        let _ = self.subscribers.send(transition);
    }

    /// Writes a line to the log.
    pub(super) fn log(&self, line: LogLine) {
        self.logger.write(line);
    }
}

/// Returns why a probe does not pass, for its log line.
///
/// The line only names checks whose reasons have a line of their own.
fn log_output(snapshot: &Snapshot, probe: Probe) -> Option<String> {
    let logged = snapshot
        .checks(probe)
        .filter(|check| check.last_run.is_some() && !check.is_stale())
        .map(CheckState::name)
        .collect();
    let mut report = snapshot.report(probe);
    report.omit_outputs(&logged);
    report.output()
}

/// Calls the listeners until the last handle is dropped. The queue is bounded: listeners that fall
/// behind miss the oldest transitions.
async fn call_listeners(
    mut transitions: Receiver<Transition>,
    listeners: Vec<Listener>,
    logger: Logger,
    state: Arc<SharedState>,
) {
    let mut reported = Reported::default();
    while let Some(transition) = transitions.next().await {
        call_each(&listeners, &transition, &logger);
        if let Some(missed) = reported.rise_to(state.missed_by_listeners()) {
            logger.write(LogLine::MissedByListeners(missed));
        }
        // A full queue would keep other tasks waiting.
        tokio::task::yield_now().await;
    }
}

fn call_each(listeners: &[Listener], transition: &Transition, logger: &Logger) {
    for listener in listeners {
        if catch_panic(|| listener(transition)).is_none() {
            logger.write(LogLine::ListenerPanicked(transition.subject.clone()));
        }
    }
}
