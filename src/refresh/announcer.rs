//! Tells everybody who wants to know what a new snapshot changed.

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
    pub(crate) statuses: [Status; Probe::ALL.len()],
    pub(crate) draining: bool,
    serving: Serving,
}

impl Verdicts {
    /// Of what was published last.
    pub(crate) fn of(published: &Published) -> Self {
        Self {
            statuses: Probe::ALL.map(|probe| published.status(probe)),
            draining: published.lifecycle.is_draining(),
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

    /// The checks' transitions, then those of the probes that follow from them.
    pub(super) fn announce(
        &self,
        published: &Published,
        snapshot: &Snapshot,
        checks: Vec<Transition>,
    ) {
        let verdicts = Verdicts::of(published);
        let before = self.verdicts.borrow().statuses;
        let probes = Probe::ALL.into_iter().filter_map(|probe| {
            let (from, to) = (before[probe as usize], verdicts.statuses[probe as usize]);
            (from != to).then(|| Transition {
                subject: Subject::Probe(probe),
                from: Some(from),
                to,
                output: snapshot.report(probe).output(),
                time: snapshot.time,
            })
        });
        for transition in checks.into_iter().chain(probes) {
            log(&transition);
            published.history.add(transition.clone());
            if let Some(listeners) = &self.listeners {
                // The task ends only after this sender.
                let _ = listeners.send(transition.clone());
            }
            // Nobody may have subscribed.
            let _ = self.transitions.send(transition);
        }
        self.verdicts.send_if_modified(|latest| {
            let changed = *latest != verdicts;
            *latest = verdicts;
            changed
        });
    }
}

async fn listen(mut transitions: mpsc::UnboundedReceiver<Transition>, listeners: Vec<Listener>) {
    while let Some(transition) = transitions.recv().await {
        for listener in &listeners {
            if quietly(|| listener(&transition)).is_none() {
                tracing::error!(subject = %transition.subject, "a transition listener panicked");
            }
        }
    }
}

/// The reason goes to the log once for each transition; a first pass is not worth a line.
fn log(transition: &Transition) {
    let Transition {
        subject, from, to, ..
    } = transition;
    let from = from.map(Status::as_str);
    let output = transition.output.as_deref().map(escape_line);
    match (from, to) {
        (None, Status::Pass) => tracing::debug!(%subject, %to, "first health check result"),
        (_, Status::Pass) => tracing::info!(%subject, from, %to, "health recovered"),
        _ => tracing::warn!(%subject, from, %to, output, "health changed"),
    }
}
