//! Tells everybody who wants to know what a new snapshot changed.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, watch};

use crate::grpc::Serving;
use crate::model::{Snapshot, Status, Subject, Transition, escape_line};
use crate::panic::quietly;
use crate::probe::Probe;
use crate::published::Published;

/// A function that is called with each transition.
pub(crate) type Listener = Arc<dyn Fn(&Transition) + Send + Sync>;

/// What waits for a probe need to know of the latest snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) statuses: [Status; Probe::EACH.len()],
    pub(crate) serving: Serving,
}

impl Verdicts {
    /// Of this snapshot, not of what has happened since: that is told with the next one, which
    /// knows the reason. Services have none, and are told as they are now.
    pub(crate) fn of(published: &Published, snapshot: &Snapshot) -> Self {
        Self {
            statuses: Probe::EACH.map(|probe| snapshot.status(probe)),
            serving: published.all_serving(),
        }
    }
}

pub(super) struct Announcer {
    verdicts: watch::Sender<Verdicts>,
    transitions: broadcast::Sender<Transition>,
    /// `Some` when there are listeners. They have a task of their own: one that blocks delays
    /// neither checks nor logs nor subscribers.
    listeners: Option<mpsc::UnboundedSender<Transition>>,
}

impl Announcer {
    pub(super) fn new(
        verdicts: watch::Sender<Verdicts>,
        transitions: broadcast::Sender<Transition>,
        listeners: Vec<Listener>,
    ) -> Self {
        let listeners = (!listeners.is_empty()).then(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            tokio::spawn(listen(receiver, listeners));
            sender
        });
        Self {
            verdicts,
            transitions,
            listeners,
        }
    }

    /// The checks' transitions, then those of the probes that follow from them. Says whether
    /// listeners have to be called for any.
    pub(super) fn announce(
        &self,
        published: &Published,
        snapshot: &Snapshot,
        checks: Vec<Transition>,
    ) -> bool {
        let verdicts = Verdicts::of(published, snapshot);
        let before = self.verdicts.borrow().statuses;
        let changed = !checks.is_empty() || before != verdicts.statuses;
        for transition in checks {
            log(&transition, transition.output.as_deref());
            self.tell(published, transition);
        }
        for probe in Probe::EACH {
            let (from, to) = (before[probe as usize], verdicts.statuses[probe as usize]);
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
            log(&transition, untold(snapshot, probe).as_deref());
            self.tell(published, transition);
        }
        self.verdicts.send_if_modified(|latest| {
            let changed = *latest != verdicts;
            *latest = verdicts;
            changed
        });
        changed && self.listeners.is_some()
    }

    fn tell(&self, published: &Published, transition: Transition) {
        published.history.add(transition.clone());
        if let Some(listeners) = &self.listeners {
            // The task ends only after this sender.
            let _ = listeners.send(transition.clone());
        }
        // Nobody may have subscribed.
        let _ = self.transitions.send(transition);
    }
}

/// Why a probe does not pass, without what was logged when its checks changed.
fn untold(snapshot: &Snapshot, probe: Probe) -> Option<String> {
    let told: Vec<_> = snapshot
        .checks(probe)
        .filter(|check| check.last_run.is_some() && !check.is_stale())
        .map(|check| Cow::Borrowed(check.name()))
        .collect();
    let mut report = snapshot.report(probe);
    report.exclude(&told);
    report.output()
}

async fn listen(mut transitions: mpsc::UnboundedReceiver<Transition>, listeners: Vec<Listener>) {
    while let Some(transition) = transitions.recv().await {
        for listener in &listeners {
            if quietly(|| listener(&transition)).is_none() {
                tracing::error!(target: crate::LOG_TARGET, subject = %transition.subject, "a transition listener panicked");
            }
        }
    }
}

/// A first pass is not worth a line. Each reason is logged once, with what it is the reason of.
fn log(transition: &Transition, output: Option<&str>) {
    let Transition {
        subject, from, to, ..
    } = transition;
    let from = from.map(Status::as_str);
    let output = output.map(escape_line);
    match (from, to) {
        (None, Status::Pass) => {
            tracing::debug!(target: crate::LOG_TARGET, %subject, %to, "first health check result")
        }
        (_, Status::Pass) => {
            tracing::info!(target: crate::LOG_TARGET, %subject, from, %to, "health recovered")
        }
        _ => {
            tracing::warn!(target: crate::LOG_TARGET, %subject, from, %to, output, "health changed")
        }
    }
}
