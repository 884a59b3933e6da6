//! Sentry: errors, traces of requests, and a health that begins to fail.
//!
//! Without a DSN nothing is sent, and the layers cost next to nothing.

mod network;
mod operation;
mod requests;
mod transitions;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sentry::ClientInitGuard;
use sentry::types::Dsn;
use sentry_tracing::{BreadcrumbLayer, ErrorLayer, SpanLayer};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

pub(crate) use self::operation::{capture, traced};
pub(crate) use self::requests::trace_routes;
pub(crate) use self::transitions::Transitions;
use crate::Error;
use crate::cli::{Mode, Role};
use crate::config::Config;

/// How long the end of the process waits for events that are not sent yet. It fits between the
/// drain cap and the end that `exit_at_drain_cap` brings a second later.
const FLUSH: Duration = Duration::from_millis(700);

/// The same for a job, which nothing ends so soon. It is below the 10 s that Docker gives to end.
const FLUSH_OF_JOB: Duration = Duration::from_secs(5);

/// Starts the client, unless there is no DSN. It sends until what this returns is dropped.
///
/// # Errors
///
/// Returns an error without the DSN, which is a secret.
pub(crate) fn init(config: &Config) -> Result<Option<ClientInitGuard>, Error> {
    let Some(dsn) = config.sentry.dsn.expose() else {
        return Ok(None);
    };
    let dsn: Dsn = dsn.parse().map_err(|_| "sentry.dsn is no DSN")?;
    let mut options = options(config.mode, config.release.as_deref());
    options.dsn = Some(dsn);
    Ok(Some(sentry::init(options)))
}

/// Sends what is not sent yet, for a bounded time.
pub(crate) fn flush(client: Option<ClientInitGuard>, role: Role) {
    let Some(client) = client else {
        return;
    };
    let within = match role {
        Role::Monolith => FLUSH,
        Role::Maintenance => FLUSH_OF_JOB,
    };
    let (sender, sent) = mpsc::channel();
    // While an ingest hangs, the client may wait for room in its queue, and its end for an answer
    // that never comes. A thread that waits ends with the process.
    thread::spawn(move || {
        client.flush(Some(within));
        let _ = sender.send(());
        drop(client);
    });
    let _ = sent.recv_timeout(within);
}

fn options(mode: Mode, release: Option<&str>) -> sentry::ClientOptions {
    let release = release.unwrap_or(concat!(
        env!("CARGO_BIN_NAME"),
        "@",
        env!("CARGO_PKG_VERSION")
    ));
    let rate = if mode == Mode::Production { 0.1 } else { 1.0 };
    sentry::ClientOptions::new()
        .environment(mode.as_str())
        .release(release.to_owned())
        // A sampler, rather than a rate, which a caller could override by a `sentry-trace` field.
        .traces_sampler(move |_| rate)
        .attach_stacktrace(true)
        .send_default_pii(false)
        .in_app_include(["service::"])
        .before_send(|event| (!network::is_network_error(&event)).then_some(event))
        .shutdown_timeout(FLUSH)
}

/// What led up to an error: the lines of the log at `info` and `warn`.
pub(crate) fn breadcrumbs<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let levels = [Level::INFO, Level::WARN];
    let is_breadcrumb = move |metadata: &Metadata<'_>| levels.contains(metadata.level());
    BreadcrumbLayer::new().with_filter(filter_fn(is_breadcrumb))
}

/// Errors in the log, but those about the health, which [`Transitions`] reports once.
pub(crate) fn errors<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    ErrorLayer::new().with_filter(filter_fn(|metadata| {
        *metadata.level() == Level::ERROR && !metadata.target().starts_with("tower_health")
    }))
}

/// Spans of the service itself, as parts of the trace of a request.
pub(crate) fn spans<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    SpanLayer::new().with_filter(filter_fn(|metadata| {
        *metadata.level() <= Level::INFO && metadata.target().starts_with("service")
    }))
}
