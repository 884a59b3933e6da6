//! The handle that ties everything together.

mod orders;

use std::error::Error;
use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};

use crate::builder::HealthBuilder;
use crate::check::Check;
use crate::config::HealthConfig;
use crate::error::BuildError;
use crate::launch::fixed;
use crate::lifecycle::{Gate, Heartbeat, Lifecycle, capped, drain};
use crate::model::{Snapshot, Status, Transition};
use crate::probe::Probe;
use crate::published::Published;
use crate::refresh::{Command, Verdicts};
use crate::registry::Registry;
use crate::transitions::Transitions;

/// The health of a service: its checks, its lifecycle, and the snapshot that probes are answered
/// from.
///
/// Clones are handles to the same health. The background task that refreshes it ends when the last
/// handle is gone, and with it the last [`HealthLayer`](crate::HealthLayer) and service that holds
/// one.
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
    published: Arc<Published>,
    config: HealthConfig,
    /// Never touched by a probe.
    registry: Mutex<Registry>,
    commands: mpsc::UnboundedSender<Command>,
    #[cfg_attr(not(feature = "grpc"), expect(dead_code))]
    verdicts: watch::Receiver<Verdicts>,
    publications: watch::Receiver<()>,
    transitions: broadcast::Sender<Transition>,
}

impl Health {
    /// Starts to build a health.
    pub fn builder() -> HealthBuilder {
        HealthBuilder::default()
    }

    /// A health whose readiness never changes by itself, for tests of what depends on it.
    ///
    /// Liveness and startup pass. It needs no runtime; everything that does not need a refresher
    /// works on it, drain and the other switches among them.
    ///
    /// ```
    /// use tower_health::{Health, Probe, Status};
    ///
    /// let health = Health::fixed(Status::Fail);
    /// assert_eq!(health.status(Probe::Readiness), Status::Fail);
    /// ```
    pub fn fixed(status: Status) -> Self {
        fixed(status)
    }

    pub(crate) fn new(
        published: Arc<Published>,
        config: HealthConfig,
        registry: Mutex<Registry>,
        commands: mpsc::UnboundedSender<Command>,
        verdicts: watch::Receiver<Verdicts>,
        publications: watch::Receiver<()>,
        transitions: broadcast::Sender<Transition>,
    ) -> Self {
        let inner = Inner {
            published,
            config,
            registry,
            commands,
            verdicts,
            publications,
            transitions,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    #[inline]
    pub(crate) fn published(&self) -> &Arc<Published> {
        &self.inner.published
    }

    #[cfg(feature = "grpc")]
    pub(crate) fn verdicts(&self) -> watch::Receiver<Verdicts> {
        self.inner.verdicts.clone()
    }

    fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.inner.published.lifecycle
    }

    /// The status that a probe would be answered with now. Takes no lock and runs no check.
    pub fn status(&self, probe: Probe) -> Status {
        self.published().status(probe)
    }

    /// Everything that is known now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published().current()
    }

    /// The latest 256 transitions, oldest first.
    pub fn history(&self) -> Vec<Transition> {
        self.published().history.all()
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
    /// runtime of the refresher has ended. A check that fails is waited for, however long it takes:
    /// bound the wait with a timeout where that matters.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn await_ready(&self) -> Result<(), NeverReady> {
        let mut publications = self.inner.publications.clone();
        loop {
            if self.status(Probe::Readiness).is_healthy() {
                return Ok(());
            }
            // A publication follows each change. A verdict does not: what was taken back before the
            // refresher looked is none.
            if self.lifecycle().is_lost() || publications.changed().await.is_err() {
                return Err(NeverReady(()));
            }
        }
    }

    /// How often the refresher died of a defect of this crate and was restarted. Should be 0.
    pub fn refresher_restarts(&self) -> u64 {
        self.published().restarts()
    }

    /// Registers a further check that readiness depends on; see [`HealthBuilder::readiness`].
    ///
    /// When this returns the check is part of the snapshot: it counts as failed until its first
    /// result. [Settings](HealthConfig::checks) for its name count; the builder has to
    /// [allow](HealthBuilder::added_later) them for a name that it does not register itself.
    ///
    /// # Errors
    ///
    /// As [`HealthBuilder::start`]; also when the runtime of the refresher has ended.
    pub async fn add_readiness(&self, check: impl Into<Check>) -> Result<(), BuildError> {
        self.add(Probe::Readiness, check.into()).await
    }

    /// Registers a further check that startup waits for; see [`HealthBuilder::startup`].
    ///
    /// # Errors
    ///
    /// As [`add_readiness`](Self::add_readiness); also when startup is complete already, since it
    /// is never taken back.
    pub async fn add_startup(&self, check: impl Into<Check>) -> Result<(), BuildError> {
        self.add(Probe::Startup, check.into()).await
    }

    /// Removes a readiness check. A run of it is aborted.
    ///
    /// A gRPC service that is mapped to it is not serving until a check of this name is added
    /// again, and the notes of the report say so.
    ///
    /// # Errors
    ///
    /// When there is none with this name, or the runtime of the refresher has ended.
    pub async fn remove_readiness(&self, name: &str) -> Result<(), BuildError> {
        self.remove(Probe::Readiness, name).await
    }

    /// Removes a startup check. Startup does not wait for it any more.
    ///
    /// # Errors
    ///
    /// When there is none with this name, or the runtime of the refresher has ended.
    pub async fn remove_startup(&self, name: &str) -> Result<(), BuildError> {
        self.remove(Probe::Startup, name).await
    }

    /// Takes a gate that was declared with [`HealthBuilder::gate`].
    ///
    /// # Errors
    ///
    /// When none was declared with this name, or it was taken before.
    pub fn gate(&self, name: &str) -> Result<Gate, BuildError> {
        Ok(self.lifecycle().claim_gate(name)?)
    }

    /// Watches a loop: liveness fails while it does not [`beat`](Heartbeat::beat) within
    /// `deadline`, which counts from now.
    ///
    /// # Errors
    ///
    /// When the name is not allowed or belongs to a loop that is alive, or the deadline is zero or
    /// longer than a year.
    pub fn heartbeat(&self, name: &str, deadline: Duration) -> Result<Heartbeat, BuildError> {
        Ok(self.lifecycle().add_heartbeat(name, deadline)?)
    }

    /// Fails liveness: only a restart helps, for this reason. It is shown in the report, redacted.
    pub fn declare_broken(&self, reason: impl Into<String>) {
        self.lifecycle().set_broken(Some(reason.into()));
    }

    /// Takes back [`declare_broken`](Self::declare_broken).
    pub fn declare_sound(&self) {
        self.lifecycle().set_broken(None);
    }

    /// Fails readiness until [`accept_traffic`](Self::accept_traffic), for this reason. It is shown
    /// in the report, redacted.
    pub fn refuse_traffic(&self, reason: impl Into<String>) {
        self.lifecycle().set_refusing(Some(reason.into()));
    }

    /// Takes back [`refuse_traffic`](Self::refuse_traffic).
    pub fn accept_traffic(&self) {
        self.lifecycle().set_refusing(None);
    }

    /// Fails readiness at once and for good. Requests are served as before.
    pub fn drain(&self) {
        self.lifecycle().start_drain();
    }

    /// Drains when `trigger` resolves, and resolves [`HealthConfig::drain_delay`] later: for a
    /// server's graceful shutdown, which should begin only when no more traffic is sent.
    ///
    /// If [`drain`](Self::drain) was called before, the delay counts from then. The delay runs on
    /// the timer of the runtime that polls the future.
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

    /// Drains on SIGTERM and Ctrl-C, as [`drain_on`](Self::drain_on); a second signal ends the
    /// delay.
    ///
    /// The handlers are installed when this is called, so that no signal is lost. From then on a
    /// signal does not end the process by itself. If they cannot be installed, that is logged and
    /// the future never resolves.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or within one whose I/O is not enabled.
    #[cfg(feature = "signal")]
    #[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
    pub fn shutdown_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut signals = crate::signal::Signals::install();
        let lifecycle = Arc::clone(self.lifecycle());
        async move {
            signals.next().await;
            drain(&lifecycle, signals.next()).await;
        }
    }

    /// Runs a server to its end, but no longer than [`HealthConfig::drain_cap`] after the delay of
    /// a [`drain_on`](Self::drain_on) or `shutdown_signal` has passed: a stream or a WebSocket that
    /// stays open would otherwise hold up a graceful shutdown for ever. `None` if the cap was
    /// reached; what is still open ends with the runtime.
    pub fn cap_drain<F: IntoFuture>(
        &self,
        server: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        let lifecycle = Arc::clone(self.lifecycle());
        capped(lifecycle, self.inner.config.drain_cap, server.into_future())
    }

    /// Sets the status of a gRPC service by hand; see the [gRPC guide](crate::guides::grpc).
    ///
    /// A name that a [group](HealthBuilder::grpc_service) has follows this instead, and the four
    /// standard names cannot be set. While draining a service that is serving is shown as not
    /// serving.
    ///
    /// # Errors
    ///
    /// When the name is a standard one.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn set_serving(
        &self,
        service: &str,
        status: crate::grpc::ServingStatus,
    ) -> Result<(), BuildError> {
        crate::grpc::validate_service(service)?;
        self.published().services.switch(service, Some(status));
        self.lifecycle().touch();
        Ok(())
    }

    /// Takes back [`set_serving`](Self::set_serving): the name means its group again, or nothing.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn clear_serving(&self, service: &str) {
        self.published().services.switch(service, None);
        self.lifecycle().touch();
    }

    /// Makes the refresher panic, as only a defect could.
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

/// Readiness cannot pass any more; see [`Health::await_ready`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverReady(());

impl fmt::Display for NeverReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(
            "readiness cannot pass any more: the service is draining, a startup gate failed, or \
             its refresher has ended",
        )
    }
}

impl Error for NeverReady {}
