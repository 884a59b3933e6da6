//! A change of status, which is reported exactly once.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Cause, Probe, Status, escape_line};

/// Identifies the probe or the check whose status changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A probe as a whole.
    Probe(Probe),
    /// One check of a probe.
    Check {
        /// The probe that the check belongs to.
        probe: Probe,
        /// The name of the check.
        name: String,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe(probe) => write!(f, "{probe}"),
            Self::Check { probe, name } => write!(f, "{probe}/{name}"),
        }
    }
}

/// Describes a change of the status of a probe or of a check.
///
/// The refresher reports each change exactly once, after it published the snapshot that shows the
/// change. [`Health::subscribe`](crate::Health::subscribe),
/// [`HealthBuilder::on_transition`](crate::HealthBuilder::on_transition) and
/// [`Health::history`](crate::Health::history) provide transitions.
///
/// ```
/// use tower_health::{Health, Status, indicator_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder()
///     .readiness(indicator_fn("db", async || Err::<(), _>("connection refused")))
///     .start()?;
/// let mut transitions = health.subscribe();
/// let first = transitions.next().await.ok_or("the health has ended")?;
///
/// assert_eq!(first.subject.to_string(), "readiness/db");
/// assert_eq!((first.from, first.to), (None, Status::Fail));
/// assert_eq!(first.output.as_deref(), Some("connection refused"));
/// assert_eq!(first.to_string(), "readiness/db: new -> fail (failed): connection refused");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The probe or the check that changed.
    pub subject: Subject,
    /// The status before the change; `None` for the first result of a check.
    pub from: Option<Status>,
    /// The status after the change.
    pub to: Status,
    /// The reason, redacted and at most [`Limits::text_bytes`](crate::Limits::text_bytes) long;
    /// `None` if the subject passes.
    pub output: Option<String>,
    /// Why in one word; `None` if the subject passes, a run warned, or the lifecycle is the reason.
    pub cause: Option<Cause>,
    /// The time of the change.
    pub time: SystemTime,
    /// How long the run took that changed the status of a check, without the lateness of the
    /// refresher; `None` for a probe, and if no run did.
    pub duration: Option<Duration>,
    /// How many runs of the check in a row have failed, up to this one; 0 for a probe.
    pub consecutive_failures: u64,
    /// By how much the refresher was late during the run; zero for a probe.
    pub lateness: Duration,
}

/// Writes one line, such as `readiness/db: pass -> fail (failed): refused`.
impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.from.map_or("new", Status::as_str);
        write!(f, "{}: {from} -> {}", self.subject, self.to)?;
        if let Some(cause) = self.cause {
            write!(f, " ({cause})")?;
        }
        match &self.output {
            Some(output) => write!(f, ": {}", escape_line(output)),
            None => Ok(()),
        }
    }
}
