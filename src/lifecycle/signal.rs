//! The signals that stop a process.

use crate::catch::log;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::drain::drain;
use crate::state::{LifecycleState, Stage, race};

/// Receives the signals that ask a process to stop, from the moment it is installed.
pub(crate) struct Signals {
    listeners: Vec<Listener>,
}

/// Polls for the next signal of one kind.
type Listener = Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<()>> + Send + Sync>;

impl Signals {
    /// Installs the handlers; must be called within a runtime.
    pub(crate) fn install() -> Self {
        let mut listeners = Vec::new();
        for (signal, installed) in installed() {
            match installed {
                Ok(listener) => listeners.push(listener),
                Err(error) => {
                    log!(ERROR, signal, %error, "cannot listen for a signal");
                }
            }
        }
        Self { listeners }
    }

    /// Waits for the next of these signals.
    pub(crate) async fn next(&mut self) {
        poll_fn(|cx| {
            let mut listeners = self.listeners.iter_mut();
            if listeners.any(|listener| listener(cx) == Poll::Ready(Some(()))) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

// Not `cfg(unix)`: `.ci/platforms` checks the other branches of Windows on Linux, where tokio has
// these signals only.
#[cfg(not(windows))]
fn installed() -> impl Iterator<Item = (&'static str, io::Result<Listener>)> {
    use tokio::signal::unix::{SignalKind, signal};

    let kinds = [
        ("SIGTERM", SignalKind::terminate()),
        ("SIGINT", SignalKind::interrupt()),
    ];
    kinds.into_iter().map(|(name, kind)| {
        let listener = |mut signal: tokio::signal::unix::Signal| -> Listener {
            Box::new(move |cx| signal.poll_recv(cx))
        };
        (name, signal(kind).map(listener))
    })
}

/// Windows ends the process after `CTRL_CLOSE`. Tokio's handler does not return, which leaves the
/// process about 5 s.
#[cfg(windows)]
fn installed() -> impl Iterator<Item = (&'static str, io::Result<Listener>)> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

    fn listener(
        poll: impl FnMut(&mut Context<'_>) -> Poll<Option<()>> + Send + Sync + 'static,
    ) -> Listener {
        Box::new(poll)
    }

    [
        (
            "CTRL_C",
            ctrl_c().map(|mut event| listener(move |cx| event.poll_recv(cx))),
        ),
        (
            "CTRL_BREAK",
            ctrl_break().map(|mut event| listener(move |cx| event.poll_recv(cx))),
        ),
        (
            "CTRL_CLOSE",
            ctrl_close().map(|mut event| listener(move |cx| event.poll_recv(cx))),
        ),
        (
            "CTRL_SHUTDOWN",
            ctrl_shutdown().map(|mut event| listener(move |cx| event.poll_recv(cx))),
        ),
    ]
    .into_iter()
}

/// Drains on the first signal, and resolves when the drain delay has passed or a second signal has
/// ended it. The next signal ends the drain cap.
pub(crate) async fn drain_on_signal(mut signals: Signals, lifecycle: Arc<LifecycleState>) {
    signals.next().await;
    drain(&lifecycle, signals.next()).await;
    // A task, since the server that waited for this future does not poll it again.
    tokio::spawn(end_cap_on_signal(signals, &lifecycle));
}

/// Ends the drain cap on the next signal. Resolves early if there is no cap left to end.
fn end_cap_on_signal(
    mut signals: Signals,
    lifecycle: &Arc<LifecycleState>,
) -> impl Future<Output = ()> + Send + 'static {
    let mut shutdown = lifecycle.drain.watch_shutdown();
    let lifecycle = Arc::downgrade(lifecycle);
    async move {
        let signal = async {
            signals.next().await;
            if let Some(lifecycle) = lifecycle.upgrade() {
                lifecycle.drain.advance(Stage::CapEnded);
            }
        };
        let ended = async {
            // An error means that the lifecycle is gone.
            let _ = shutdown
                .wait_for(|shutdown| shutdown.stage == Stage::CapEnded)
                .await;
        };
        race(signal, ended).await;
    }
}
