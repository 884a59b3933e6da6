//! A connection of the run's own, which shows whether anything listens at the address of the server.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::ConnectionAddr;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::message;
use crate::indicators::shared::resolver::Resolver;

/// The host and port of the server.
///
/// A `ConnectionManager` that cannot connect keeps the error to itself until its retries are used
/// up, which takes longer than a run.
pub(super) struct Server {
    host: String,
    port: u16,
    resolver: Resolver,
    /// Whether a run has connected since the last answer. A frozen server accepts no connection, so
    /// each further one would take a place in its backlog.
    is_tried: AtomicBool,
}

impl Server {
    /// Returns `None` for a Unix socket.
    pub(super) fn at(address: &ConnectionAddr) -> Option<Self> {
        let (ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. }) = address
        else {
            return None;
        };
        Some(Self {
            host: host.clone(),
            port: *port,
            resolver: Resolver::default(),
            is_tried: AtomicBool::new(false),
        })
    }

    pub(super) fn is_tried(&self) -> bool {
        self.is_tried.load(Ordering::Relaxed)
    }

    pub(super) fn has_answered(&self) {
        self.is_tried.store(false, Ordering::Relaxed);
    }

    /// Connects, disconnects, and returns the fault if there was one within this time.
    pub(super) async fn fault(&self, within: Duration) -> Option<String> {
        self.is_tried.store(true, Ordering::Relaxed);
        let connected = timeout(within, self.connect()).await.ok()?;
        connected.err()
    }

    async fn connect(&self) -> Result<(), String> {
        let Self { host, port, .. } = self;
        let found = self.resolver.lookup(host, *port).await;
        let addresses = found.map_err(|error| format!("looking up {host}: {error}"))?;
        let connected = TcpStream::connect(addresses.as_slice()).await;
        connected.map(drop).map_err(|error: io::Error| {
            format!("cannot connect: {}", message::describe_connecting(&error))
        })
    }
}
