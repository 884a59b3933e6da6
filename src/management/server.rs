//! The thread of the port, with a runtime of its own.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::accept::Server;
use super::error::ManagementError;
use super::listener::ManagementListener;
use super::registry::Registry;
use super::service::ManagementService;
use crate::WeakHealth;
use crate::catch::{catch_panic, log};

/// Handle to a management port that is being served.
///
/// Dropping it changes nothing: the port lives as long as the health, whichever part of the
/// application started it. [`stop`](Self::stop) ends it earlier.
pub struct ManagementServer {
    address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl ManagementServer {
    /// Returns the address, such as that of a listener on port 0; `None` for a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Returns whether the port is still served.
    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Closes the listener and every connection, and waits until the thread has ended.
    ///
    /// The thread is never busy for long, so the wait takes milliseconds.
    pub fn stop(self) {
        self.stop.send_replace(true);
        // An error would be a panic of the thread, which has ended then.
        let _ = self.thread.join();
    }
}

impl fmt::Debug for ManagementServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagementServer")
            .field("address", &self.address)
            .field("is_running", &self.is_running())
            .finish()
    }
}

/// Starts the thread. It ends with the health, or when the handle says so.
pub(super) fn start(
    listener: ManagementListener,
    address: Option<SocketAddr>,
    service: ManagementService,
    health: WeakHealth,
    most_connections: usize,
) -> Result<ManagementServer, ManagementError> {
    let (stop, is_stopped) = watch::channel(false);
    let (started, is_started) = mpsc::channel();
    let body = move || {
        // Made here, since a runtime that fails to start must not be dropped within another one.
        let (runtime, acceptor) = match runtime(listener) {
            Ok(parts) => parts,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        let server = Server {
            acceptor,
            service,
            registry: Arc::new(Registry::default()),
            most_connections,
        };
        announce(address);
        let _ = started.send(Ok(()));
        serve(&runtime, &server, &health, is_stopped);
    };
    let thread = thread::Builder::new().name("health-management".to_owned());
    let thread = thread.spawn(body);
    let thread = thread.map_err(ManagementError::io("cannot start a thread"))?;
    let result = is_started.recv();
    let result = result.unwrap_or_else(|_| Err(io::Error::other("the thread has ended")));
    result.map_err(ManagementError::io("cannot serve the listener"))?;
    Ok(ManagementServer {
        address,
        stop,
        thread,
    })
}

fn runtime(listener: ManagementListener) -> io::Result<(Runtime, super::listener::Acceptor)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let context = runtime.enter();
    let acceptor = listener.into_acceptor()?;
    drop(context);
    Ok((runtime, acceptor))
}

/// Serves until the health ends or the handle stops it. The connections end with the runtime.
fn serve(
    runtime: &Runtime,
    server: &Server,
    health: &WeakHealth,
    mut is_stopped: watch::Receiver<bool>,
) {
    loop {
        let run = async {
            tokio::select! {
                () = server.run() => {}
                () = health.ended() => {}
                () = stopped(&mut is_stopped) => {}
            }
        };
        // Only a defect of this crate, or a tracing subscriber, can panic here. The port must outlive
        // both.
        if catch_panic(|| runtime.block_on(run)).is_some() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until the handle stops the server. One that is dropped never does.
async fn stopped(is_stopped: &mut watch::Receiver<bool>) {
    if is_stopped.wait_for(|is_stopped| *is_stopped).await.is_err() {
        std::future::pending().await
    }
}

/// Says where the port is, and what cannot reach it there.
fn announce(address: Option<SocketAddr>) {
    match address {
        Some(address) if address.ip().to_canonical().is_loopback() => {
            log!(
                INFO,
                %address,
                "the management port listens on a loopback address: the kubelet and a Prometheus on \
                 another host cannot reach it; `allow_remote` permits another address"
            );
        }
        Some(address) => {
            log!(
                INFO,
                %address,
                "the management port listens, and other hosts may reach it"
            );
        }
        None => {
            log!(
                INFO,
                "the management port listens on a Unix socket: only programs on this host reach it"
            );
        }
    }
}
