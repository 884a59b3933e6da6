//! The handle through which an application builds, starts, reads and controls its health.

mod builder;
mod check;
mod commands;
mod names;
#[cfg(feature = "metrics")]
mod probe_requests;
mod snapshots;
mod start;
mod transitions;
mod validate;
mod weak;

use std::error::Error;
use std::fmt;
use std::future::{Future, pending};
#[cfg(feature = "metrics")]
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};

pub use self::builder::HealthBuilder;
pub use self::check::Check;
use self::names::NameTable;
pub use self::snapshots::Snapshots;
pub use self::transitions::Transitions;
pub use self::weak::WeakHealth;
use crate::lifecycle::{Gate, Heartbeat, drain, with_drain_cap};
use crate::model::{
    BuildError, HealthConfig, Lateness, Probe, Snapshot, Status, Subject, Transition,
};
#[cfg(feature = "grpc")]
use crate::model::{Named, Problem};
use crate::refresh::Command;
use crate::state::{HistoryReader, LifecycleState, RunHistory, SharedState, clock};

/// Handle to the health of a service: its checks, its lifecycle and the latest snapshot.
///
/// Clones are handles to the same health. A [`HealthLayer`](crate::HealthLayer) and each of its
/// services hold one. The refresher ends when the last handle is dropped;
/// [`downgrade`](Self::downgrade) returns a handle that does not count.
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
/// let first = transitions.next().await.ok_or("the health has ended")?;
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
    /// Probes never lock it.
    names: Mutex<NameTable>,
    commands: mpsc::UnboundedSender<Command>,
    subscribers: broadcast::Sender<Transition>,
    /// Nothing is sent: it is dropped with the last handle, which ends the waits of weak ones.
    lifetime: watch::Sender<()>,
    /// Whether a thread records the metrics.
    #[cfg(feature = "metrics")]
    is_recorded: AtomicBool,
}

impl Health {
    /// Returns a builder with the default settings.
    pub fn builder() -> HealthBuilder {
        HealthBuilder::default()
    }

    /// Notes that a thread records the metrics. Returns whether none did.
    #[cfg(feature = "metrics")]
    pub(crate) fn begin_recording(&self) -> bool {
        !self.inner.is_recorded.swap(true, Ordering::Relaxed)
    }

    /// Notes that no thread records the metrics.
    #[cfg(feature = "metrics")]
    pub(crate) fn end_recording(&self) {
        self.inner.is_recorded.store(false, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn state(&self) -> &Arc<SharedState> {
        &self.inner.state
    }

    fn lifecycle(&self) -> &Arc<LifecycleState> {
        &self.inner.state.lifecycle
    }

    /// Returns the status that a probe would get now, without a lock or a run of a check.
    pub fn status(&self, probe: Probe) -> Status {
        self.state().status(probe)
    }

    /// Returns a snapshot of the present state.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.state().current()
    }

    /// Returns the latest transitions of each check and each probe, oldest first.
    ///
    /// [`Limits::history_per_check`](crate::Limits::history_per_check) and
    /// [`Limits::history_bytes_per_check`](crate::Limits::history_bytes_per_check) bound those of one
    /// check or probe, so that one that flaps replaces only its own. Those of a check that is removed
    /// go with it.
    pub fn history(&self) -> Vec<Transition> {
        self.state().history.transitions()
    }

    /// Returns the latest runs of a check; `None` if there is no such check, or it has not run.
    ///
    /// [`Limits::samples_per_check`](crate::Limits::samples_per_check) and
    /// [`Limits::minutes_per_check`](crate::Limits::minutes_per_check) bound how many. Those of a check
    /// that is removed go with it.
    pub fn runs(&self, probe: Probe, check: &str) -> Option<RunHistory> {
        let name = check.to_owned();
        self.state().history.runs(&Subject::Check { probe, name })
    }

    /// Returns a reader of runs and transitions that does not keep the refresher running.
    ///
    /// It can read the last of them when the health is gone.
    pub fn history_reader(&self) -> HistoryReader {
        HistoryReader::new(&self.state().history)
    }

    /// Returns the settings in force.
    pub fn config(&self) -> &HealthConfig {
        &self.inner.config
    }

    /// Returns a stream of every [`Transition`] from now on.
    pub fn subscribe(&self) -> Transitions {
        Transitions::new(self.inner.subscribers.subscribe())
    }

    /// Waits until readiness passes or warns.
    ///
    /// A failing check does not end the wait: add a timeout if it should.
    ///
    /// # Errors
    ///
    /// Returns an error once readiness can no longer pass: the service is draining, a startup gate
    /// has failed, or the refresher has ended.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: it changes nothing.
    pub async fn await_ready(&self) -> Result<(), NeverReady> {
        let mut publications = self.state().watch_publications();
        loop {
            if self.status(Probe::Readiness).is_healthy() {
                return Ok(());
            }
            // A publication follows each change of the lifecycle, even a change that was undone
            // before the refresher saw it.
            if self.lifecycle().is_lost() || publications.changed().await.is_err() {
                return Err(NeverReady(()));
            }
        }
    }

    /// Returns how often the refresher was restarted after a panic.
    ///
    /// It should be 0: only a defect of this crate causes such a panic.
    pub fn refresher_restarts(&self) -> u64 {
        self.state().restarts()
    }

    /// Returns how many transitions the [listeners](HealthBuilder::on_transition) missed because they
    /// were too slow. It should be 0.
    pub fn missed_by_listeners(&self) -> u64 {
        self.state().missed_by_listeners()
    }

    /// Returns how many log lines were lost because the `tracing` subscriber was too slow. It should
    /// be 0.
    pub fn missed_by_log(&self) -> u64 {
        self.state().missed_by_log()
    }

    /// Returns how late the refresher is, which tells a host that is busy or was paused from a
    /// dependency that is down.
    pub fn lateness(&self) -> Lateness {
        self.lifecycle().refresher.lateness(clock::now())
    }

    /// Registers another check that readiness depends on; see [`HealthBuilder::readiness`].
    ///
    /// The snapshot contains the check when this method returns. The check counts as failed until
    /// its first result. [Settings](HealthConfig::checks) for its name apply, if the builder
    /// [allows](HealthBuilder::allow_config_for) them or registers a check of the same name.
    ///
    /// # Errors
    ///
    /// Returns an error if the name is taken or invalid, an option cannot work, or the refresher is
    /// not running.
    ///
    /// # Cancel safety
    ///
    /// The check is registered even if the future is dropped after its first poll.
    pub async fn add_readiness(&self, check: impl Into<Check>) -> Result<(), BuildError> {
        self.add(Probe::Readiness, check.into()).await
    }

    /// Registers another check that startup waits for; see [`HealthBuilder::startup`].
    ///
    /// # Errors
    ///
    /// Returns an error in the cases of [`add_readiness`](Self::add_readiness), and if startup is
    /// already complete.
    ///
    /// # Cancel safety
    ///
    /// The check is registered even if the future is dropped after its first poll.
    pub async fn add_startup(&self, check: impl Into<Check>) -> Result<(), BuildError> {
        self.add(Probe::Startup, check.into()).await
    }

    /// Removes a readiness check and aborts its runs.
    ///
    /// A gRPC service that is mapped to the check is not serving until a check of this name is
    /// added again. The report has a note about it.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such check, or the refresher is not running.
    ///
    /// # Cancel safety
    ///
    /// The check is removed even if the future is dropped after its first poll.
    pub async fn remove_readiness(&self, name: &str) -> Result<(), BuildError> {
        self.remove(Probe::Readiness, name).await
    }

    /// Removes a startup check, aborts its runs, and stops startup from waiting for it.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such check, or the refresher is not running.
    ///
    /// # Cancel safety
    ///
    /// The check is removed even if the future is dropped after its first poll.
    pub async fn remove_startup(&self, name: &str) -> Result<(), BuildError> {
        self.remove(Probe::Startup, name).await
    }

    /// Runs a readiness check now and waits until its result is published.
    ///
    /// Use it when the application knows that a dependency has changed, such as after a failover.
    /// If a run is in progress, this method waits for its result. If that run has exceeded its
    /// timeout already, it waits for the next one.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such check, or the refresher is not running. A failure of
    /// the check is not an error.
    ///
    /// # Cancel safety
    ///
    /// The run continues if the future is dropped after its first poll.
    pub async fn run_now(&self, name: &str) -> Result<(), BuildError> {
        self.run(name).await
    }

    /// Takes a gate that was declared with [`HealthBuilder::gate`].
    ///
    /// # Errors
    ///
    /// Returns an error if no gate of this name was declared, or if it was already taken.
    pub fn gate(&self, name: &str) -> Result<Gate, BuildError> {
        Ok(Gate::take(self.lifecycle(), name)?)
    }

    /// Watches a loop: liveness fails while its last [`beat`](Heartbeat::beat) is older than
    /// `deadline`.
    ///
    /// The first deadline starts now.
    ///
    /// # Errors
    ///
    /// Returns an error if the name is invalid or belongs to another heartbeat in use, or if the
    /// deadline is zero or longer than a year.
    pub fn heartbeat(&self, name: &str, deadline: Duration) -> Result<Heartbeat, BuildError> {
        Ok(Heartbeat::start(self.lifecycle(), name, deadline)?)
    }

    /// Fails liveness, for a fault that only a restart can fix.
    ///
    /// The report shows the reason after redaction.
    pub fn mark_broken(&self, reason: impl Into<String>) {
        self.lifecycle().set_broken(Some(reason.into()));
    }

    /// Reverts [`mark_broken`](Self::mark_broken).
    pub fn clear_broken(&self) {
        self.lifecycle().set_broken(None);
    }

    /// Fails readiness until [`accept_traffic`](Self::accept_traffic) is called.
    ///
    /// The report shows the reason after redaction.
    pub fn refuse_traffic(&self, reason: impl Into<String>) {
        self.lifecycle().set_refusing(Some(reason.into()));
    }

    /// Reverts [`refuse_traffic`](Self::refuse_traffic).
    pub fn accept_traffic(&self) {
        self.lifecycle().set_refusing(None);
    }

    /// Fails readiness at once and permanently. The server keeps serving requests.
    pub fn drain(&self) {
        self.lifecycle().start_drain();
    }

    /// Returns whether a drain has begun, so that background loops can stop taking work.
    pub fn is_draining(&self) -> bool {
        self.lifecycle().is_draining()
    }

    /// Drains when `trigger` resolves, and resolves [`HealthConfig::drain_delay`] later.
    ///
    /// Pass the future to the graceful shutdown of a server, which then begins after load balancers
    /// have stopped sending traffic. If [`drain`](Self::drain) was called earlier, the delay counts
    /// from that call. The delay uses the timer of the runtime that polls the future.
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

    /// Drains on SIGTERM or Ctrl-C, as [`drain_on`](Self::drain_on) does.
    ///
    /// Each further signal ends what the process waits for: the next one ends the delay, and one
    /// after the delay ends the cap of [`cap_drain`](Self::cap_drain).
    ///
    /// The call itself installs the signal handlers, so that no signal is lost before the first
    /// poll. From then on a signal does not end the process by itself. If the handlers cannot be
    /// installed, the call logs an error and the future never resolves.
    ///
    /// On Windows, the signals are Ctrl-C, Ctrl-Break, and the closing of the console and the
    /// shutdown of the system, which both leave the process a few seconds.
    ///
    /// Signals are received by a worker of the runtime.
    /// [`exit_at_drain_cap`](Self::exit_at_drain_cap) helps if all of them may be blocked.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime, or within one whose I/O driver is not enabled.
    #[cfg(feature = "signal")]
    #[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
    pub fn shutdown_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        let signals = crate::lifecycle::Signals::install();
        self.lifecycle().drain.follow_signals();
        crate::lifecycle::drain_on_signal(signals, Arc::clone(self.lifecycle()))
    }

    /// Ends the process if it still runs one second after the drain cap, even if every worker of
    /// the runtime is blocked.
    ///
    /// The call starts a thread, which waits for the shutdown that
    /// [`shutdown_signal`](Self::shutdown_signal) or [`drain_on`](Self::drain_on) begins. Its time
    /// is what is left of [`HealthConfig::drain_delay`], and [`HealthConfig::drain_cap`]. A signal
    /// that ends one of them early counts. The second after it leaves [`cap_drain`](Self::cap_drain)
    /// and the end of `main` their turn, and whatever else the process does after the drain has to
    /// fit into this time too. Then the thread writes one line to stderr, and the process exits with
    /// code 124, as under `timeout(1)`. If stderr does not take the line, it exits a second later
    /// without. If exit handlers do not return within three more seconds, it aborts.
    ///
    /// The thread receives the signals of `shutdown_signal` itself, so a process also ends if its
    /// runtime was blocked before the first signal. It cannot see the trigger of `drain_on`, which
    /// such a runtime does not poll. [`drain`](Self::drain) begins no shutdown.
    ///
    /// Call it once. The thread ends with the last [`Health`], unless a shutdown has begun.
    ///
    /// # Errors
    ///
    /// Returns an error if the system cannot start a thread or its event loop.
    ///
    /// ```no_run
    /// use tower_health::Health;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let health = Health::builder().start()?;
    /// health.exit_at_drain_cap()?;
    /// health.shutdown_signal().await;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "signal")]
    #[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
    pub fn exit_at_drain_cap(&self) -> std::io::Result<()> {
        let HealthConfig {
            drain_delay,
            drain_cap,
            ..
        } = self.inner.config;
        crate::lifecycle::start_watchdog(self.lifecycle(), drain_delay, drain_cap)
    }

    /// Runs a server until it ends or [`HealthConfig::drain_cap`] has passed after the drain delay.
    ///
    /// The delay is that of [`drain_on`](Self::drain_on) or `shutdown_signal`. Without a cap, an
    /// open stream or WebSocket can hold up a graceful shutdown forever. The future resolves to
    /// `None` if the cap was reached, or ended by a signal; open connections then end with the
    /// runtime.
    pub fn cap_drain<F: IntoFuture>(
        &self,
        server: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        let lifecycle = Arc::clone(self.lifecycle());
        with_drain_cap(lifecycle, self.inner.config.drain_cap, server.into_future())
    }

    /// Sets the status of a gRPC service; see the [gRPC guide](crate::guides::grpc).
    ///
    /// The status overrides that of the [checks](HealthBuilder::grpc_service) that the name is
    /// mapped to. During a drain, a service that is set to serving is reported as not serving.
    ///
    /// # Errors
    ///
    /// Returns an error if the name is `""`, `liveness`, `readiness` or `startup`, which cannot be
    /// set, if it is longer than [`Limits::service_name_bytes`](crate::Limits::service_name_bytes),
    /// or if [`Limits::services`](crate::Limits::services) are set already.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn set_serving_status(
        &self,
        service: &str,
        status: crate::ServingStatus,
    ) -> Result<(), BuildError> {
        let limits = &self.state().limits;
        if let Some(problem) = validate::service_problem(service, limits) {
            return Err(problem.into());
        }
        if !self.state().services.set(service, status) {
            let (of, name, most) = (Named::Service, service.to_owned(), limits.services);
            return Err(Problem::TooMany { of, name, most }.into());
        }
        self.lifecycle().notify();
        Ok(())
    }

    /// Reverts [`set_serving_status`](Self::set_serving_status): the service has the status of its
    /// checks again, or none.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn clear_serving_status(&self, service: &str) {
        self.state().services.clear(service);
        self.lifecycle().notify();
    }

    /// Makes the refresher panic, which otherwise only a defect of this crate can do.
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
