//! The trait that every check is written against.

use std::future::Future;
use std::time::Duration;

use super::{CheckResult, ComponentType, Criticality};

/// Knows how to check one dependency: a database, a queue, a disk, another service.
///
/// A name and a check are all that is needed; everything else has a default. An indicator should
/// use the pool or client that the application uses, so that it sees what the application sees,
/// and should not open connections of its own.
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
/// - Name and settings are asked once, when the check is registered.
/// - A run has a task of its own; no probe ever runs a check or waits for one.
/// - Runs of one check never overlap. When a run exceeds its timeout its failure is published at
///   once and its task is aborted; the next run starts only when the old one has really ended.
/// - A panic is a failure with the panic's message.
///
/// # What it cannot guarantee
///
/// Code that never yields (a busy loop, a blocking call) cannot be aborted and holds a worker
/// thread of the runtime: use [`blocking_indicator_fn`](crate::blocking_indicator_fn) for blocking code. A detached
/// `spawn_blocking` or `spawn` inside a check goes on after the check was aborted. With
/// `panic = "abort"` a panic ends the process.
pub trait HealthIndicator: Send + Sync + 'static {
    /// The name of the check: `component`, or `component:measurement` as in the draft, section 4.
    ///
    /// ASCII letters, digits, `-`, `_`, `.`, `~` and one `:`, at most 128 of them; unique among
    /// the checks of its probe.
    fn name(&self) -> &str;

    /// Looks once. An error is a failure, and its text becomes the `output` of the report.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped at an await point when it exceeds its timeout, when the check is
    /// removed and when the last [`Health`](crate::Health) is dropped.
    fn check(&self) -> impl Future<Output = CheckResult> + Send;

    /// How long a run may take; by default [`HealthConfig::timeout`](crate::HealthConfig::timeout).
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// The time from the end of a run to the next; by default
    /// [`HealthConfig::ttl`](crate::HealthConfig::ttl).
    fn ttl(&self) -> Option<Duration> {
        None
    }

    /// Whether a failure fails the probe; by default it does.
    fn criticality(&self) -> Criticality {
        Criticality::Critical
    }

    /// What is wrong with how the indicator was configured, if anything.
    ///
    /// It is read once, at registration. [`start()`](crate::HealthBuilder::start) then fails with a
    /// [`BuildError`](crate::BuildError) that shows this text after the name of the check, so that
    /// the constructor and the setters of an indicator can return `Self` instead of a `Result`. An
    /// indicator that wraps another one forwards it.
    fn config_error(&self) -> Option<String> {
        None
    }

    /// `componentType` of the report.
    fn component_type(&self) -> Option<ComponentType> {
        None
    }

    /// `componentId` of the report: which of several databases, for instance.
    fn component_id(&self) -> Option<String> {
        None
    }
}
