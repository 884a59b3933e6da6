//! The trait that every indicator implements.

use std::future::Future;
use std::time::Duration;

use super::{CheckResult, ComponentType, Criticality, OnTimeout};

/// Knows how to check one dependency: a database, a queue, a disk, another service.
///
/// Only [`name`](Self::name) and [`check`](Self::check) are required. An indicator should use the
/// application's own pool or client instead of opening connections: it then fails when the
/// application does.
///
/// ```
/// use tower_health::{CheckResult, HealthIndicator, Observation};
///
/// struct Payments {
///     client: Client,
/// }
///
/// impl HealthIndicator for Payments {
///     fn name(&self) -> &str {
///         "payments"
///     }
///
///     async fn check(&self) -> CheckResult {
///         let balance = self.client.ping().await?;
///         Ok(Observation::pass().value(balance, "EUR"))
///     }
/// }
/// # struct Client;
/// # impl Client { async fn ping(&self) -> Result<i64, std::io::Error> { Ok(5) } }
/// # tower_health::Health::builder().readiness(Payments { client: Client });
/// ```
///
/// # What the refresher guarantees
///
/// - The name and the settings are read once, when the check is registered.
/// - Each run has its own task. No probe ever runs a check or waits for one.
/// - When a run exceeds its timeout, the refresher publishes the failure at once and aborts the task.
///   The next run starts only after that task has ended, so runs of one check never overlap. With
///   [`OnTimeout::Detach`], the task goes on beside the next run.
/// - A panic counts as a failure with the message of the panic.
///
/// # What it cannot guarantee
///
/// Code that never yields (a busy loop, a blocking call) cannot be aborted and occupies a worker
/// thread of the runtime. Use [`blocking_indicator_fn`](crate::blocking_indicator_fn) for blocking
/// code. A task that a check detaches with `spawn` or `spawn_blocking` continues after the check is
/// aborted. With `panic = "abort"`, a panic ends the process.
///
/// # An indicator that needs the health
///
/// An indicator that owns a [`Health`](crate::Health) keeps the refresher running for ever, since
/// the refresher owns the indicator. Let it own a [`WeakHealth`](crate::WeakHealth).
pub trait HealthIndicator: Send + Sync + 'static {
    /// Returns the name of the check: `component` or `component:measurement` (draft, section 4).
    ///
    /// A name has at most 128 characters: ASCII letters, digits, `-`, `_`, `.`, `~` and one `:`. It
    /// is unique among the checks of its probe.
    fn name(&self) -> &str;

    /// Checks the dependency once.
    ///
    /// # Errors
    ///
    /// An error is a failure of the check. Its text becomes the `output` of the report.
    ///
    /// # Cancel safety
    ///
    /// The refresher drops the future at an await point when the run exceeds its timeout, when the
    /// check is removed, or when the last [`Health`](crate::Health) is dropped. With
    /// [`OnTimeout::Detach`], a run that exceeds its timeout is dropped only if too many go on.
    fn check(&self) -> impl Future<Output = CheckResult> + Send;

    /// Returns how long a run may take. Default:
    /// [`HealthConfig::timeout`](crate::HealthConfig::timeout).
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// Returns the time from the end of a run to the start of the next. Default:
    /// [`HealthConfig::ttl`](crate::HealthConfig::ttl).
    fn ttl(&self) -> Option<Duration> {
        None
    }

    /// Returns whether a failure fails the probe. Default: [`Criticality::Critical`].
    fn criticality(&self) -> Criticality {
        Criticality::Critical
    }

    /// Returns what happens to a run that exceeds its timeout. Default: [`OnTimeout::Abort`].
    ///
    /// [`OnTimeout::Detach`] is for clients whose futures must be polled to their end.
    fn on_timeout(&self) -> OnTimeout {
        OnTimeout::Abort
    }

    /// Returns the reason why the configuration of the indicator is invalid; `None` if it is valid.
    ///
    /// [`start()`](crate::HealthBuilder::start) fails with a [`BuildError`](crate::BuildError) that
    /// shows this text after the name of the check. Constructors and setters of an indicator can
    /// therefore return `Self` instead of a `Result`. An indicator that wraps another one should
    /// forward this method.
    fn config_error(&self) -> Option<String> {
        None
    }

    /// Returns `componentType` of the report.
    fn component_type(&self) -> Option<ComponentType> {
        None
    }

    /// Returns `componentId` of the report, such as which of several databases this is.
    fn component_id(&self) -> Option<String> {
        None
    }
}
