//! Liveness, readiness and startup probes for any axum, tonic or hyper service, as one tower layer.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_health::{Health, HealthLayer, indicator_fn};
//!
//! # async fn ping() -> Result<(), std::io::Error> { Ok(()) }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let health = Health::builder()
//!     .readiness(indicator_fn("db", ping))
//!     .start()?;
//!
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .layer(HealthLayer::new(health.clone())); // the last call: outermost
//! # use tower::ServiceExt;
//! # health.await_ready().await?;
//! # let request = http::Request::get("/readyz").body(axum::body::Body::empty())?;
//! # let response = app.oneshot(request).await?;
//! # assert_eq!(response.status(), 200);
//! # let body = axum::body::to_bytes(response.into_body(), 100).await?;
//! # assert_eq!(body, r#"{"status":"pass"}"#);
//! # Ok(())
//! # }
//! ```
//!
//! The layer answers probe requests in front of the wrapped service, from memory. Every other
//! request passes through untouched. A background task runs the checks and publishes an immutable
//! snapshot, so no request ever runs a check, waits for one, or takes a lock:
//!
//! ```text
//!  indicators ──▶ refresher ──▶ snapshot ◀── one atomic load ── HealthLayer ◀── GET /readyz
//!  (each run a    (timeouts,    (immutable)                          │
//!   task of its    thresholds,                                       └─ every other request
//!   own)           transitions)                                            ▼
//!                                                                      your service
//! ```
//!
//! # Start here
//!
//! - [`Health`]: runs the checks, and starts a drain.
//! - [`HealthLayer`]: answers probes in front of your service.
//! - [`Check`]: registers an indicator with settings such as its TTL and criticality.
//! - [`HealthIndicator`]: describes how to check a dependency; implement it for your own checks.
//! - [`Details`]: decides which callers see more than the status.
//!
//! # The probes
//!
//! | | `/livez` | `/readyz` | `/startupz` |
//! |---|---|---|---|
//! | passes when | the process answers, no [heartbeat](Heartbeat) is missed, and it was not [marked broken](Health::mark_broken) | startup is complete, it is not draining, every critical check passes, and no result is stale | every [gate](Gate) is completed and every startup check passed once; then for good |
//! | before anything ran | 200 | 503 | 503 |
//! | nothing registered | 200 | 200 | 200 |
//! | a dependency is down | 200 | 503 if the check is critical, else 200 `warn` | unchanged |
//! | draining | 200 | 503, for good | unchanged |
//!
//! GET and HEAD get 200 for [`pass`](Status::Pass) and [`warn`](Status::Warn), and 503 for
//! [`fail`](Status::Fail). OPTIONS gets the same codes without a body, and any other method a 405.
//! The body contains only the status, `{"status":"pass"}`, unless [`Details`] allow more.
//!
//! Liveness takes no indicator: a dependency that is down is no reason to restart a process.
//!
//! # Words
//!
//! An *indicator* ([`HealthIndicator`]) knows how to check one dependency. A *check* ([`Check`]) is
//! an indicator as registered, with its settings. The *refresher* is the background task that runs
//! checks. It publishes the *snapshot* ([`Snapshot`]), of which the *report* ([`Report`]) shows one
//! probe in detail.
//!
//! # Guides
//!
//! - [Ordering](guides::ordering): where the layer has to stand, and how a wrong place looks healthy.
//! - [Saturation](guides::saturation): why probes are answered when the service is overloaded.
//! - [Hostile hosts](guides::hostile_hosts): what a busy or paused host does to health, and what it
//!   cannot.
//! - [Draining](guides::draining): how to stop without losing a request.
//! - [Cookbook](guides::cookbook): "how do I …", with a snippet each.
//! - [Settings](guides::settings): settings from a file or the environment.
//! - [Testing](guides::testing): tests of your application, and of your indicators.
//! - [Indicators](indicators): the built-in ones, and their defaults.
//! - [Writing an indicator](guides::writing_an_indicator): your own, and what to make critical.
//! - [Costs](guides::costs): what allocates, what grows with the number of checks, what wakes up.
//! - [Limits](guides::limits): what bounds everything that comes from outside.
//! - [Events](guides::events): the log, spans, slow runs, and webhooks.
//! - [Migrating](guides::migrating): from a hand-written `/health`.
//! - [Other frameworks](guides::other_frameworks): actix-web, Rocket, poem, warp, AWS Lambda.
#![cfg_attr(
    feature = "grpc",
    doc = "- [gRPC](guides::grpc): `grpc.health.v1` in the same layer."
)]
#![cfg_attr(
    not(feature = "grpc"),
    doc = "- gRPC (feature `grpc`): `grpc.health.v1` in the same layer."
)]
#![cfg_attr(
    feature = "management",
    doc = "- [Management](guides::management): a port for operators, whatever the application does."
)]
#![cfg_attr(
    not(feature = "management"),
    doc = "- Management (feature `management`): a port for operators, whatever the application does."
)]
#![cfg_attr(
    feature = "management",
    doc = "- [Status page](guides::status_page): what fails, since when, what failed first."
)]
#![cfg_attr(
    not(feature = "management"),
    doc = "- Status page (feature `management`): what fails, since when, what failed first."
)]
#![cfg_attr(
    feature = "metrics",
    doc = "- [Metrics](guides::metrics): Prometheus, the `metrics` facade, alerts and a dashboard."
)]
#![cfg_attr(
    not(feature = "metrics"),
    doc = "- Metrics (feature `metrics`): Prometheus, the `metrics` facade, alerts and a dashboard."
)]
#![cfg_attr(
    feature = "__recorder",
    doc = "- [History](guides::history): runs and transitions in SQLite or Postgres."
)]
#![cfg_attr(
    not(feature = "__recorder"),
    doc = "- History (features `recorder-sqlite`, `recorder-postgres`): runs and transitions in a database."
)]
#![cfg_attr(
    feature = "systemd",
    doc = "- [systemd](guides::systemd): readiness, status, and a watchdog that knows liveness."
)]
#![cfg_attr(
    not(feature = "systemd"),
    doc = "- systemd (feature `systemd`): readiness, status, and a watchdog that knows liveness."
)]
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | what for |
//! |---|---|
//! | `grpc` | `grpc.health.v1` (Check, Watch, List) in every layer that is not built [without it](HealthLayerBuilder::without_grpc) |
//! | `serde` | [`HealthConfig`] and [`LayerConfig`] deserialize from a settings file |
//! | `signal` | `Health::shutdown_signal`: drain on SIGTERM and Ctrl-C; `Health::exit_at_drain_cap`: end in time |
//! | `management` | a port for operators with a status page; [`self_probe`](https://docs.rs/tower-health/latest/tower_health/fn.self_probe.html) for images without curl |
//! | `metrics` | health as Prometheus text and through the `metrics` facade |
//! | `webhook` | changes of health, posted to a URL |
//! | `recorder-sqlite`, `recorder-postgres` | a year of history in SQLite or Postgres, through sqlx 0.9, which needs Rust 1.94 |
//! | `systemd` | readiness, status and watchdog for systemd |
//! | `legacy` | the `GET /` and the body formats of earlier frameworks |
//! | `test-util` | an indicator for your tests that follows a script |
//! | `sqlx-postgres`, `sqlx-mysql`, `sqlx-sqlite` | [indicators] for databases behind sqlx 0.9, which needs Rust 1.94 |
//! | `deadpool-postgres` | an indicator for a Postgres behind deadpool-postgres 0.14 |
//! | `bb8-postgres` | an indicator for a Postgres behind bb8 0.9 |
//! | `diesel-postgres` | an indicator for a Postgres behind diesel-async 0.9, which needs Rust 1.86 |
//! | `redis` | an indicator for Redis, by redis 1 |
//! | `http-client`, `grpc-client`, `net`, `tls` | indicators for HTTP and gRPC services, TCP and DNS, certificates |
//! | `system` | indicators for disk, memory, processor and file descriptors |
//!
//! # Platforms
//!
//! Every target with 64-bit atomics, which 32-bit MIPS, PowerPC and RISC-V and ARMv5 do not have.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    docsrs,
    doc(auto_cfg(hide(
        feature = "__database",
        feature = "__recorder",
        feature = "__simulation",
        feature = "__sqlx"
    )))
)]
#![forbid(unsafe_code)]

// Deadlines that probes read are 64-bit numbers of nanoseconds: 32 bits of them would be four
// seconds. A lock instead would make probes wait for a writer.
#[cfg(not(target_has_atomic = "64"))]
compile_error!("tower-health needs 64-bit atomics, which this target does not have");

// In the order of the data: each module imports only from those before it.
mod catch;
mod model;
mod state;

mod lifecycle;
mod refresh;

mod health;

#[cfg(feature = "grpc")]
mod grpc;
mod layer;

pub mod indicators;

#[cfg(feature = "legacy")]
#[cfg_attr(docsrs, doc(cfg(feature = "legacy")))]
pub mod legacy;
#[cfg(feature = "management")]
#[cfg_attr(docsrs, doc(cfg(feature = "management")))]
pub mod management;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "management")]
mod page;
#[cfg(feature = "__recorder")]
pub mod recorder;
#[cfg(feature = "systemd")]
mod systemd;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use self::health::{
    Check, Health, HealthBuilder, NeverReady, Snapshots, Transitions, WeakHealth,
};
pub use self::indicators::blocking::{BlockingFnIndicator, blocking_indicator_fn};
pub use self::indicators::function::{FnIndicator, indicator_fn};
pub use self::layer::{
    Answer, Details, EitherBody, HealthLayer, HealthLayerBuilder, HealthService, MapBody,
    ProbeBody, RequestHead, ResponseBody, ResponseFuture, WrapBody,
};
pub use self::lifecycle::{Gate, Heartbeat};
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use self::metrics::HealthCollector;
pub use self::model::{
    BuildError, Cause, CheckConfig, CheckResult, CheckState, ComponentType, Criticality, Failure,
    HealthConfig, HealthIndicator, Lateness, LayerConfig, Limits, Observation, ObservedValue,
    OnTimeout, Probe, Reading, RefresherState, Report, ReportEntry, RunBucket, RunDurations,
    RunOutcome, RunSample, RunStats, Snapshot, Status, Subject, Transition, redact_credentials,
};
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use self::state::ProbeRequests;
#[cfg(feature = "grpc")]
#[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
pub use self::state::ServingStatus;
pub use self::state::{HistoryReader, RunHistory};

#[cfg(feature = "management")]
#[cfg_attr(docsrs, doc(cfg(feature = "management")))]
pub use self::management::{SelfProbeError, self_probe};

#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod test_util {
    //! An indicator that follows a script, for the tests of an application.
    pub use crate::indicators::test_util::{ScriptedIndicator, Step};
}

/// Guides to topics that span several items.
pub mod guides {
    // Each text ends with link targets for readers on GitHub. Of two definitions of one label the
    // first counts, so those in front of the text lead to items of this crate, and rustdoc checks
    // them.
    macro_rules! guide {
        ($(#[$attribute:meta])* $name:ident, $text:literal) => {
            $(#[$attribute])*
            #[cfg_attr(feature = "grpc", doc = "[gRPC guide]: crate::guides::grpc")]
            #[cfg_attr(
                feature = "signal",
                doc = "[`shutdown_signal`]: crate::Health::shutdown_signal"
            )]
            #[cfg_attr(
                feature = "signal",
                doc = "[`exit_at_drain_cap`]: crate::Health::exit_at_drain_cap"
            )]
            #[cfg_attr(
                feature = "test-util",
                doc = "[`ScriptedIndicator`]: crate::test_util::ScriptedIndicator"
            )]
            #[doc = include_str!("../docs/rustdoc-links.md")]
            #[doc = include_str!($text)]
            pub mod $name {}
        };
    }

    guide!(cookbook, "../docs/cookbook.md");
    guide!(ordering, "../docs/ordering.md");
    guide!(saturation, "../docs/saturation.md");
    guide!(draining, "../docs/draining.md");
    guide!(hostile_hosts, "../docs/hostile-hosts.md");
    guide!(settings, "../docs/settings.md");
    guide!(
        #[cfg_attr(
            feature = "webhook",
            doc = "[`flush`]: crate::webhook::WebhookHandle::flush"
        )]
        #[cfg_attr(feature = "webhook", doc = "[`json`]: crate::webhook::json")]
        #[cfg_attr(
            feature = "webhook",
            doc = "[`Notification`]: crate::webhook::Notification"
        )]
        #[cfg_attr(feature = "webhook", doc = "[`slack`]: crate::webhook::slack")]
        #[cfg_attr(
            feature = "webhook",
            doc = "[`stats`]: crate::webhook::WebhookHandle::stats"
        )]
        #[cfg_attr(feature = "webhook", doc = "[`Webhook`]: crate::webhook::Webhook")]
        events,
        "../docs/events.md"
    );
    guide!(testing, "../docs/testing.md");
    guide!(writing_an_indicator, "../docs/writing-an-indicator.md");
    guide!(costs, "../docs/costs.md");
    guide!(
        #[cfg_attr(
            feature = "grpc",
            doc = "[`set_serving_status`]: crate::Health::set_serving_status"
        )]
        #[cfg_attr(feature = "webhook", doc = "[`queue`]: crate::webhook::Webhook::queue")]
        limits,
        "../docs/limits.md"
    );
    guide!(
        #[cfg(feature = "__recorder")]
        #[cfg_attr(
            docsrs,
            doc(cfg(any(feature = "recorder-sqlite", feature = "recorder-postgres")))
        )]
        #[doc = "[`Archive`]: crate::recorder::Archive"]
        #[doc = "[`instance`]: crate::recorder::RecorderBuilder::instance"]
        #[doc = "[`interval`]: crate::recorder::RecorderBuilder::interval"]
        #[cfg_attr(
            feature = "management",
            doc = "[`Management::history`]: crate::management::Management::history"
        )]
        #[doc = "[`Recorder::flush`]: crate::recorder::Recorder::flush"]
        #[doc = "[`Recorder::history`]: crate::recorder::Recorder::history"]
        #[doc = "[`Recorder::stats`]: crate::recorder::Recorder::stats"]
        #[doc = "[`Recorder::transitions`]: crate::recorder::Recorder::transitions"]
        #[doc = "[`RecorderStats`]: crate::recorder::RecorderStats"]
        #[doc = "[`Retention`]: crate::recorder::Retention"]
        #[doc = "[`timeout`]: crate::recorder::RecorderBuilder::timeout"]
        #[doc = "[`without_migrations`]: crate::recorder::RecorderBuilder::without_migrations"]
        history,
        "../docs/history.md"
    );
    guide!(migrating, "../docs/migrating.md");
    guide!(other_frameworks, "../docs/other-frameworks.md");

    guide!(
        #[cfg(feature = "metrics")]
        #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
        metrics,
        "../docs/metrics.md"
    );

    guide!(
        #[cfg(feature = "grpc")]
        #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
        #[doc = "[`grpc_service`]: crate::HealthBuilder::grpc_service"]
        #[doc = "[`set_serving_status`]: crate::Health::set_serving_status"]
        #[doc = "[`grpc_list`]: crate::HealthLayerBuilder::grpc_list"]
        #[doc = "[`grpc_peer`]: crate::HealthLayerBuilder::grpc_peer"]
        grpc,
        "../docs/grpc.md"
    );

    guide!(
        #[cfg(feature = "management")]
        #[cfg_attr(docsrs, doc(cfg(feature = "management")))]
        #[doc = "[`allow_drain`]: crate::management::Management::allow_drain"]
        #[doc = "[`allow_host`]: crate::management::Management::allow_host"]
        #[doc = "[`connections`]: crate::management::Management::connections"]
        #[doc = "[`Health`]: crate::Health"]
        #[doc = "[`Management`]: crate::management::Management"]
        #[doc = "[`Management::service`]: crate::management::Management::service"]
        #[doc = "[`ManagementServer::stop`]: crate::management::ManagementServer::stop"]
        #[cfg_attr(
            feature = "__recorder",
            doc = "[`history`]: crate::management::Management::history"
        )]
        #[doc = "[`self_probe`]: crate::self_probe"]
        management,
        "../docs/management.md"
    );
    guide!(
        #[cfg(feature = "management")]
        #[cfg_attr(docsrs, doc(cfg(feature = "management")))]
        status_page,
        "../docs/status-page.md"
    );

    guide!(
        #[cfg(feature = "systemd")]
        #[cfg_attr(docsrs, doc(cfg(feature = "systemd")))]
        #[doc = "[`notify_systemd`]: crate::Health::notify_systemd"]
        systemd,
        "../docs/systemd.md"
    );
}

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
