//! The signals that ask a process to end, for the work of one that serves nothing.

use crate::Error;

/// Waits until somebody asks the process to end. Returns the name of the signal.
///
/// Without it, the first process of a container does not even notice SIGTERM.
#[cfg(unix)]
pub(crate) async fn asked_to_end() -> Result<&'static str, Error> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

#[cfg(not(unix))]
pub(crate) async fn asked_to_end() -> Result<&'static str, Error> {
    tokio::signal::ctrl_c().await?;
    Ok("Ctrl-C")
}
