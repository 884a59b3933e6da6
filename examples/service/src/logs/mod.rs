//! Logs on stdout: a line, or in production a JSON object, for each event.

mod queue;

use std::io;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

pub(crate) use self::queue::Flush;
use self::queue::Queue;
use crate::Error;
use crate::config::Log;
use crate::monitoring;

/// Returns what writes the last lines when it is dropped.
///
/// # Errors
///
/// Returns an error if the filter cannot be read.
pub(crate) fn init(settings: &Log) -> Result<Flush, Error> {
    let filter: Targets = settings
        .filter
        .parse()
        .map_err(|error| format!("log.filter: {error}"))?;
    let (queue, flush) = Queue::start(io::stdout())?;
    let format = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(move || queue.clone())
        // By `eprintln!`, which panics if stderr is closed.
        .log_internal_errors(false);
    let lines = if settings.json {
        format.json().flatten_event(true).boxed()
    } else {
        format.boxed()
    };
    // Breadcrumbs come before the error that they lead up to.
    registry()
        .with(lines.with_filter(filter))
        .with(monitoring::breadcrumbs())
        .with(monitoring::errors())
        .with(monitoring::spans())
        .try_init()?;
    Ok(flush)
}
