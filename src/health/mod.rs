//! The handle of an application: it builds and starts a health, reads it, and drives it.

mod builder;
mod check;
mod commands;
mod names;
mod start;
mod transitions;
mod validate;

use std::error::Error;
use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};

pub use self::builder::HealthBuilder;
pub use self::check::Check;
use self::names::NameTable;
pub use self::transitions::Transitions;
use crate::lifecycle::{Gate, Heartbeat, drain, with_drain_cap};
use crate::model::{BuildError, HealthConfig, Probe, Snapshot, Status, Transition};
use crate::refresh::Command;
use crate::state::{LifecycleState, SharedState};

/// Handle to the health of a service: its checks, its lifecycle, and the latest snapshot.
///
/// Clones are handles to the same health. A [`HealthLayer`](crate::HealthLayer) and each of its
/// services hold one. The refresher ends when the last handle is gone.
///
/// ```
/// use tower_health::{Health, Probe, Status, indicator_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder()
///     .readiness(indicator_fn("db", || async { Err::<(), _>("connection refused") }))
///     .start()?;
/// let mut transitions = health.subscribe();
/// let first = transitions.next().await.ok_or("ended")?;
///
/// assert_eq!(first.output.as_deref(), Some("connection refused"));
/// assert_eq!(health.status(Probe::Readiness), Status::Fail);
/// assert_eq!(health.status(Probe::Liveness), Status::Pass);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Health {
    inner: Arc<Inner>,
}

struct Inner {
    state: Arc<SharedState>,
    config: HealthConfig,
    /// Never touched by a probe.
    names: Mutex<NameTable>,
    commands: mpsc::UnboundedSender<Command>,
    transitions: broadcast::Sender<Transition>,
}

impl Health {
    /// Starts to build a health.
    pub fn builder() -> HealthBuilder {
        HealthBuilder::default()
    }

    #[inline]
    pub(crate) fn state(&self) -> &Arc<SharedState> {
        &self.inner.state
    }

    fn lifecycle(&self) -> &Arc<LifecycleState> {
        &self.inner.state.lifecycle
    }

    /// Returns the status that a probe would get now. Takes no lock and runs no check.
    pub fn status(&self, probe: Probe) -> Status {
        self.state().status(probe)
    }

    /// Returns the latest snapshot, as of now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.state().current()
    }

    /// Returns the latest 256 transitions, oldest first.
    pub fn history(&self) -> Vec<Transition> {
        self.state().history.all()
    }

    /// Subscribes to every [`Transition`] from now on.
    pub fn subscribe(&self) -> Transitions {
        Transitions::new(self.inner.transitions.subscribe())
    }

    /// Waits until readiness passes or warns.
    ///
    /// # Errors
    ///
    /// When that can no longer happen: the service is draining, a startup gate failed, or the
    /// runtime of the refresher has ended. A failing check does not end the wait: add a timeout
    /// where that matters.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn await_ready(&self) -> Result<(), NeverReady> {
        let mut publications = self.state().watch_publications();
        loop {
            if self.status(Probe::Readiness).is_healthy() {
                return Ok(());
            }
            // A publication follows each change of the lifecycle, even one that was taken back
            // before the refresher looked and so changed no status.
            if self.lifecycle().is_lost() || publications.changed().await.is_err() {
                return Err(NeverReady(()));
            }
        }
    }

    /// Returns how often the refresher died of a defect of this crate and was restarted. It should
    /// be 0.
    pub fn refresher_restarts(&self) -> u64 {
        self.state().restarts()
    }

    /// Registers a further check that readiness depends on; see [`HealthBuilder::readiness`].
    ///
    /// When this returns, the check is part of the snapshot and counts as failed until its first
    /// result. [Settings](HealthConfig::checks) for its name apply; the builder has to
    /// [allow](HealthBuilder::allow_config_for) them for a name that it does not register itself.
    ///
    /// # Errors
    ///
    /// As [`HealthBuilder::start`]; also when the runtime of the refresher has ended.
    ///
    /// # Cancel safety
    ///
    /// The check is registered even if the future is dropped after its first poll.
    pub async fn add_readiness(&self, check: impl Into<Check>) -> Result<(), BuildError> {
        self.add(Probe::Readiness, check.into()).await
    }

    /// Registers a further check that startup waits for; see [`HealthBuilder::startup`].
    ///
    /// # Errors
    ///
    /// As [`add_readiness`](Self::add_readiness); also when startup is complete, since that is never
    /// taken back.
    pub async fn add_startup(&self, check: impl Into<Check>) -> Result<(), BuildError> {
        self.add(Probe::Startup, check.into()).await
    }

    /// Removes a readiness check, and aborts its run.
    ///
    /// A gRPC service that is mapped to the check is not serving until a check of this name is
    /// added again; the notes of the report say so.
    ///
    /// # Errors
    ///
    /// When there is no check of this name, or the runtime of the refresher has ended.
    ///
    /// # Cancel safety
    ///
    /// The check is removed even if the future is dropped after its first poll.
    pub async fn remove_readiness(&self, name: &str) -> Result<(), BuildError> {
        self.remove(Probe::Readiness, name).await
    }

    /// Removes a startup check, for which startup then no longer waits.
    ///
    /// # Errors
    ///
    /// When there is no check of this name, or the runtime of the refresher has ended.
    ///
    /// # Cancel safety
    ///
    /// The check is removed even if the future is dropped after its first poll.
    pub async fn remove_startup(&self, name: &str) -> Result<(), BuildError> {
        self.remove(Probe::Startup, name).await
    }

    /// Runs a readiness check now instead of when it is due, and waits until its result is
    /// published: after a failover, for example.
    ///
    /// If a run of the check is in progress, its result counts. Runs of one check never overlap.
    ///
    /// # Errors
    ///
    /// When there is no readiness check of this name, or the runtime of the refresher has ended.
    /// That the check fails is no error.
    ///
    /// # Cancel safety
    ///
    /// The run goes on if the future is dropped after its first poll.
    pub async fn run_now(&self, name: &str) -> Result<(), BuildError> {
        self.run(name).await
    }

    /// Takes a gate that was declared with [`HealthBuilder::gate`].
    ///
    /// # Errors
    ///
    /// When no gate of this name was declared, or it was taken before.
    pub fn gate(&self, name: &str) -> Result<Gate, BuildError> {
        Ok(Gate::take(self.lifecycle(), name)?)
    }

    /// Watches a loop: liveness fails while the loop does not [`beat`](Heartbeat::beat) within
    /// `deadline`, which counts from now.
    ///
    /// # Errors
    ///
    /// When the name is not allowed or belongs to a living loop, or the deadline is zero or longer
    /// than a year.
    pub fn heartbeat(&self, name: &str, deadline: Duration) -> Result<Heartbeat, BuildError> {
        Ok(Heartbeat::start(self.lifecycle(), name, deadline)?)
    }

    /// Fails liveness, since only a restart helps. The report shows the reason after redaction.
    pub fn mark_broken(&self, reason: impl Into<String>) {
        self.lifecycle().set_broken(Some(reason.into()));
    }

    /// Takes [`mark_broken`](Self::mark_broken) back.
    pub fn clear_broken(&self) {
        self.lifecycle().set_broken(None);
    }

    /// Fails readiness until [`accept_traffic`](Self::accept_traffic) is called. The report shows the
    /// reason after redaction.
    pub fn refuse_traffic(&self, reason: impl Into<String>) {
        self.lifecycle().set_refusing(Some(reason.into()));
    }

    /// Takes [`refuse_traffic`](Self::refuse_traffic) back.
    pub fn accept_traffic(&self) {
        self.lifecycle().set_refusing(None);
    }

    /// Fails readiness at once and for good. Requests are served as before.
    pub fn drain(&self) {
        self.lifecycle().start_drain();
    }

    /// Returns whether a drain has begun, for loops that should take no new work.
    pub fn is_draining(&self) -> bool {
        self.lifecycle().is_draining()
    }

    /// Drains when `trigger` resolves, and resolves [`HealthConfig::drain_delay`] later. Meant for
    /// the graceful shutdown of a server, which should begin only when no more traffic arrives.
    ///
    /// If [`drain`](Self::drain) was called before, the delay counts from then. The delay uses the
    /// timer of the runtime that polls the future.
    pub fn drain_on(
        &self,
        trigger: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let lifecycle = Arc::clone(self.lifecycle());
        async move {
            trigger.await;
            drain(&lifecycle, pending()).await;
        }
    }

    /// Drains on SIGTERM and Ctrl-C, as [`drain_on`](Self::drain_on) does. A second signal ends the
    /// delay.
    ///
    /// The handlers are installed by this call, so that no signal is lost. From then on a signal
    /// does not end the process by itself. If the handlers cannot be installed, an error is logged
    /// and the future never resolves.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or within one whose I/O is not enabled.
    #[cfg(feature = "signal")]
    #[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
    pub fn shutdown_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut signals = crate::lifecycle::Signals::install();
        let lifecycle = Arc::clone(self.lifecycle());
        async move {
            signals.next().await;
            drain(&lifecycle, signals.next()).await;
        }
    }

    /// Runs a server to its end, but no longer than [`HealthConfig::drain_cap`] after the delay of
    /// a [`drain_on`](Self::drain_on) or `shutdown_signal` has passed.
    ///
    /// Without a cap, an open stream or WebSocket holds up a graceful shutdown for ever. Returns
    /// `None` if the cap was reached; open connections then end with the runtime.
    pub fn cap_drain<F: IntoFuture>(
        &self,
        server: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        let lifecycle = Arc::clone(self.lifecycle());
        with_drain_cap(lifecycle, self.inner.config.drain_cap, server.into_future())
    }

    /// Sets the status of a gRPC service; see the [gRPC guide](crate::guides::grpc).
    ///
    /// The status overrides that of a [group](HealthBuilder::grpc_service) of the same name. During
    /// a drain, a service that is serving is shown as not serving.
    ///
    /// # Errors
    ///
    /// When the name is one of the four standard ones, which cannot be set.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn set_serving_status(
        &self,
        service: &str,
        status: crate::ServingStatus,
    ) -> Result<(), BuildError> {
        if let Some(problem) = validate::service_problem(service) {
            return Err(problem.into());
        }
        self.state().services.set(service, Some(status));
        self.lifecycle().notify();
        Ok(())
    }

    /// Takes [`set_serving_status`](Self::set_serving_status) back: the name stands for its group
    /// again, or for nothing.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn clear_serving_status(&self, service: &str) {
        self.state().services.set(service, None);
        self.lifecycle().notify();
    }

    /// Makes the refresher panic, as only a defect of this crate can.
    #[cfg(test)]
    pub(crate) fn break_refresher(&self) {
        assert!(self.inner.commands.send(Command::Panic).is_ok());
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Health");
        for probe in Probe::EACH {
            debug.field(probe.as_str(), &self.status(probe));
        }
        debug.finish_non_exhaustive()
    }
}

/// Error of [`Health::await_ready`]: readiness can no longer pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverReady(());

impl fmt::Display for NeverReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(
            "readiness can no longer pass: the service is draining, a startup gate failed, or its \
             refresher has ended",
        )
    }
}

impl Error for NeverReady {}
