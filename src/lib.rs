//! Liveness, readiness and startup probes for any axum, tonic or hyper service, as one tower layer.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod check;
mod clock;
mod config;
#[cfg(feature = "serde")]
mod duration;
mod error;
mod format;
mod health;
mod indicator;
mod layer;
mod lifecycle;
mod model;
mod panic;
mod probe;
mod published;
mod refresh;
#[cfg(feature = "signal")]
mod signal;

pub mod guides;

pub use self::builder::HealthBuilder;
pub use self::check::Check;
pub use self::config::{CheckConfig, HealthConfig, LayerConfig};
pub use self::error::BuildError;
pub use self::health::{Health, NeverReady, Transitions};
pub use self::indicator::{
    BlockingFnIndicator, FnIndicator, HealthIndicator, blocking_indicator_fn, indicator_fn,
};
pub use self::layer::{
    Details, EitherBody, HealthLayer, HealthLayerBuilder, HealthService, MapBody, ProbeBody,
    RequestHead, ResponseBody, ResponseFuture, WrapBody,
};
pub use self::lifecycle::{Gate, Heartbeat};
pub use self::model::{
    CheckResult, CheckState, ComponentType, Criticality, Failure, Observation, ObservedValue,
    Reading, Report, ReportEntry, Snapshot, Status, Subject, Transition, redact_credentials,
};
pub use self::probe::Probe;
