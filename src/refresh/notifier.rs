//! Announces what a new snapshot changed: to the log, the history, listeners and subscribers.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::model::{
    CheckState, Probe, Snapshot, Status, Subject, Transition, catch_panic, drop_catching_panic,
    escape_line,
};
use crate::state::{SharedState, StatusChange, log};

/// A callback that is called with each transition.
pub(crate) type Listener = Arc<dyn Fn(&Transition) + Send + Sync>;

pub(super) struct Notifier {
    transitions: broadcast::Sender<Transition>,
    /// Whether there are listeners. They have their own task, so that a listener that blocks delays
    /// no check, log line or subscriber.
    has_listeners: bool,
}

impl Notifier {
    /// Creates a notifier; must be called within a runtime.
    pub(super) fn new(
        transitions: broadcast::Sender<Transition>,
        listeners: Vec<Listener>,
        state: &Arc<SharedState>,
    ) -> Self {
        let has_listeners = !listeners.is_empty();
        if has_listeners {
            let queue = transitions.subscribe();
            tokio::spawn(call_listeners(queue, listeners, Arc::clone(state)));
        }
        Self {
            transitions,
            has_listeners,
        }
    }

    /// Announces the transitions of checks, then those of probes. Returns whether listeners have to
    /// be called.
    pub(super) fn announce(
        &self,
        state: &SharedState,
        snapshot: &Snapshot,
        checks: Vec<Transition>,
        probes: &StatusChange,
    ) -> bool {
        let has_changed = !checks.is_empty() || probes.before != probes.after.probes;
        for transition in checks {
            log_transition(&transition, transition.output.as_deref());
            self.announce_one(state, transition);
        }
        for probe in Probe::EACH {
            let (from, to) = (
                probes.before[probe as usize],
                probes.after.probes[probe as usize],
            );
            if from == to {
                continue;
            }
            let transition = Transition {
                subject: Subject::Probe(probe),
                from: Some(from),
                to,
                output: snapshot.report(probe).output(),
                time: snapshot.time,
            };
            log_transition(&transition, log_output(snapshot, probe).as_deref());
            self.announce_one(state, transition);
        }
        has_changed && self.has_listeners
    }

    fn announce_one(&self, state: &SharedState, transition: Transition) {
        state.history.add(transition.clone());
        // An error means that there are no subscribers.
        let _ = self.transitions.send(transition);
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
/// behind lose the oldest transitions.
async fn call_listeners(
    mut queue: broadcast::Receiver<Transition>,
    listeners: Vec<Listener>,
    state: Arc<SharedState>,
) {
    loop {
        match queue.recv().await {
            Ok(transition) => call_each(&listeners, &transition),
            Err(RecvError::Lagged(missed)) => {
                state.count_missed_by_listeners(missed);
                log!(
                    WARN,
                    missed,
                    "the transition listeners are too slow and missed transitions"
                );
            }
            Err(RecvError::Closed) => break,
        }
    }
    // One by one: a second panic while a first one unwinds would end the process.
    listeners.into_iter().for_each(drop_catching_panic);
}

fn call_each(listeners: &[Listener], transition: &Transition) {
    for listener in listeners {
        if catch_panic(|| listener(transition)).is_none() {
            log!(ERROR, subject = %transition.subject, "a transition listener panicked");
        }
    }
}

/// Writes a transition to the log. A first pass is expected, and so only a debug line.
fn log_transition(transition: &Transition, output: Option<&str>) {
    let Transition {
        subject, from, to, ..
    } = transition;
    let from = from.map(Status::as_str);
    let output = output.map(escape_line);
    match (from, to) {
        (None, Status::Pass) => {
            log!(DEBUG, %subject, %to, "first health check result");
        }
        (_, Status::Pass) => {
            log!(INFO, %subject, from, %to, "health recovered");
        }
        _ => {
            log!(WARN, %subject, from, %to, output, "health changed");
        }
    }
}
