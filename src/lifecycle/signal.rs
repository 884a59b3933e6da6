//! The signals that stop a process.

use crate::state::log;

/// Receives SIGTERM and Ctrl-C from the moment it is installed.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    streams: Vec<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn install() -> Self {
        use tokio::signal::unix::{SignalKind, signal};

        let mut streams = Vec::new();
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            match signal(kind) {
                Ok(stream) => streams.push(stream),
                Err(error) => {
                    log!(ERROR, %error, ?kind, "cannot listen for a signal");
                }
            }
        }
        Self { streams }
    }

    /// Waits for the next of these signals.
    pub(crate) async fn next(&mut self) {
        use std::future::poll_fn;
        use std::task::Poll;

        poll_fn(|cx| {
            let mut streams = self.streams.iter_mut();
            if streams.any(|stream| stream.poll_recv(cx) == Poll::Ready(Some(()))) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn install() -> Self {
        Self {}
    }

    /// Waits for Ctrl-C, the only signal that tokio offers on every system.
    pub(crate) async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            log!(ERROR, %error, "cannot listen for Ctrl-C");
            std::future::pending::<()>().await;
        }
    }
}
