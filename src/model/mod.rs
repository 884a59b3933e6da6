//! What is known and what it means. Pure: no runtime, no HTTP service, no clock; time is passed in.

mod check;
mod json;
mod lifecycle;
pub(crate) mod name;
mod observation;
mod redaction;
mod report;
mod snapshot;
mod status;
mod text;
mod thresholds;
mod time;
mod transition;

pub(crate) use self::check::{CheckSpec, LONGEST, LastRun, longest};
pub use self::check::{CheckState, ComponentType, Criticality};
pub(crate) use self::json::render_json;
pub(crate) use self::lifecycle::{GateState, GateView, HeartbeatView, LifecycleView};
pub use self::observation::{CheckResult, Failure, Observation, ObservedValue, Reading};
pub use self::redaction::redact_credentials;
pub(crate) use self::redaction::{Redactor, escape_line};
pub(crate) use self::report::Identity;
pub use self::report::{Report, ReportEntry};
pub use self::snapshot::Snapshot;
pub(crate) use self::snapshot::{Aggregate, pass_if};
pub use self::status::Status;
pub(crate) use self::text::render_text;
pub(crate) use self::thresholds::Thresholds;
pub(crate) use self::time::rfc3339;
pub use self::transition::{Subject, Transition};
