//! The pure model: results of checks, the rules that turn them into probe statuses, and reports.
//!
//! Nothing here depends on tokio, tower or a clock; time is an argument.

mod cause;
mod check;
mod config;
mod deadline;
#[cfg(feature = "serde")]
mod duration;
mod dyn_indicator;
mod error;
mod identity;
mod indicator;
mod lateness;
mod lifecycle;
mod limits;
mod name;
#[cfg(feature = "serde")]
mod number;
mod observation;
#[cfg(feature = "serde")]
mod optional;
mod probe;
mod redaction;
mod report;
mod runs;
mod snapshot;
mod status;
#[cfg(feature = "serde")]
mod text;
mod thresholds;
mod time;
mod transition;

pub use self::cause::Cause;
pub(crate) use self::check::{CheckSpec, LastRun, longest};
pub use self::check::{CheckState, ComponentType, Criticality, OnTimeout};
pub use self::config::{CheckConfig, HealthConfig, LayerConfig};
pub(crate) use self::deadline::Deadline;
pub(crate) use self::dyn_indicator::DynIndicator;
pub use self::error::BuildError;
pub(crate) use self::error::{Named, OptionFault, Problem, duration_problem};
pub(crate) use self::identity::Identity;
pub use self::indicator::HealthIndicator;
pub use self::lateness::Lateness;
pub use self::lifecycle::RefresherState;
pub(crate) use self::lifecycle::{
    GateState, GateView, HeartbeatView, LifecycleView, RefresherView,
};
pub use self::limits::Limits;
#[cfg(feature = "grpc")]
pub(crate) use self::name::NameFault;
pub(crate) use self::name::validate as validate_name;
pub use self::observation::{CheckResult, Failure, Observation, ObservedValue, Reading};
pub use self::probe::Probe;
pub use self::redaction::redact_credentials;
pub(crate) use self::redaction::{Redactor, escape_line, shorten};
pub use self::report::{Report, ReportEntry};
pub(crate) use self::report::{public_body, render_json, render_text};
pub use self::runs::{RunBucket, RunDurations, RunOutcome, RunSample, RunStats};
pub use self::snapshot::Snapshot;
pub(crate) use self::snapshot::{Aggregate, pass_if};
pub use self::status::Status;
pub(crate) use self::thresholds::Thresholds;
pub(crate) use self::time::{LONGEST, Moment, rfc3339};
pub use self::transition::{Subject, Transition};
