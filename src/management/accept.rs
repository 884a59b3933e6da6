//! Accepts connections, and keeps their number within its bound.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::activity::Activity;
use super::connection::{self, Http};
use super::listener::{Accepted, Acceptor};
use super::registry::Registry;
use super::service::{ManagementService, Via};

/// How long to wait after the first of several failures to accept, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

/// How often at most a failure to accept is logged.
const LOG_EVERY: Duration = Duration::from_secs(10);

pub(super) struct Server {
    pub(super) acceptor: Acceptor,
    pub(super) service: ManagementService,
    pub(super) registry: Arc<Registry>,
    pub(super) most_connections: usize,
}

impl Server {
    /// Accepts connections until the future is dropped.
    pub(super) async fn run(&self) {
        let http = Arc::new(connection::http());
        let mut pause = PAUSES[0];
        let mut logged_at: Option<Instant> = None;
        loop {
            match self.acceptor.accept().await {
                Ok(accepted) => {
                    pause = PAUSES[0];
                    self.open(accepted, &http);
                    // Its request may be here already: it is read before another connection that
                    // needs room can end this one.
                    yield_now().await;
                }
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    let is_short = is_shortage(&error);
                    let has_made_room = is_short && self.registry.end_idlest();
                    if logged_at.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
                        logged_at = Some(Instant::now());
                        tracing::warn!(
                            target: "tower_health",
                            %error,
                            has_made_room,
                            "the management port cannot accept a connection"
                        );
                    }
                    sleep(pause).await;
                    if is_short {
                        pause = (pause * 2).min(PAUSES[1]);
                    }
                }
            }
        }
    }

    fn open(&self, accepted: Accepted, http: &Arc<Http>) {
        while self.registry.len() >= self.most_connections && self.registry.end_idlest() {}
        let activity = Arc::new(Activity::new(Instant::now()));
        let registered = self.registry.reserve();
        let key = registered.key();
        let (http, of_task) = (Arc::clone(http), Arc::clone(&activity));
        let service = &self.service;
        let task = match accepted {
            Accepted::Tcp { stream, own } => {
                let service = service.via(Via::Network(own));
                tokio::spawn(async move {
                    let _registered = registered;
                    connection::serve(TokioIo::new(stream), http, service, of_task).await;
                })
            }
            #[cfg(unix)]
            Accepted::Unix(stream) => {
                let service = service.via(Via::UnixSocket);
                tokio::spawn(async move {
                    let _registered = registered;
                    connection::serve(TokioIo::new(stream), http, service, of_task).await;
                })
            }
        };
        // The task cannot have ended before: it runs on this thread.
        self.registry.add(key, activity, task.abort_handle());
    }
}

/// Whether only the connection that was to be accepted is lost: its client left before it was its
/// turn, or the network or a firewall failed it (accept(2), "Error handling" and EPERM).
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::TimedOut
    )
}

/// Whether the process or the system has no file descriptor or no memory left, so that a connection
/// that ends makes room.
fn is_shortage(error: &io::Error) -> bool {
    /// ENFILE, EMFILE and ENOMEM, and then ENOBUFS, which differs between systems.
    #[cfg(unix)]
    const SHORTAGES: [i32; 4] = [
        23,
        24,
        12,
        if cfg!(any(target_os = "linux", target_os = "android")) {
            105
        } else {
            55
        },
    ];
    /// WSAEMFILE and WSAENOBUFS.
    #[cfg(not(unix))]
    const SHORTAGES: [i32; 2] = [10024, 10055];
    error
        .raw_os_error()
        .is_some_and(|code| SHORTAGES.contains(&code))
}
