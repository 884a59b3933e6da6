//! What the port listens on: a TCP address, or a Unix socket.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// Listener of the standard library for the management port: TCP, or a Unix socket.
///
/// Both convert into it. A listener of tokio becomes one of the standard library by `into_std`.
#[derive(Debug)]
pub struct ManagementListener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

impl From<TcpListener> for ManagementListener {
    fn from(listener: TcpListener) -> Self {
        Self(Kind::Tcp(listener))
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::UnixListener> for ManagementListener {
    fn from(listener: std::os::unix::net::UnixListener) -> Self {
        Self(Kind::Unix(listener))
    }
}

impl ManagementListener {
    /// Returns the address; `None` for a Unix socket.
    pub(super) fn address(&self) -> io::Result<Option<SocketAddr>> {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr().map(Some),
            #[cfg(unix)]
            Kind::Unix(_) => Ok(None),
        }
    }

    /// Registers the listener with the runtime of the calling thread.
    pub(super) fn into_acceptor(self) -> io::Result<Acceptor> {
        match self.0 {
            Kind::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(listener).map(Acceptor::Tcp)
            }
            #[cfg(unix)]
            Kind::Unix(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::UnixListener::from_std(listener).map(Acceptor::Unix)
            }
        }
    }
}

/// A listener within the runtime.
pub(super) enum Acceptor {
    Tcp(tokio::net::TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// A connection, and how the client reached the port.
pub(super) enum Accepted {
    /// `own` is the address that the client connected to.
    Tcp {
        stream: TcpStream,
        own: Option<IpAddr>,
    },
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Acceptor {
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small: none should wait for an acknowledgement.
                let _ = stream.set_nodelay(true);
                let own = stream.local_addr().ok().map(|address| address.ip());
                Ok(Accepted::Tcp { stream, own })
            }
            #[cfg(unix)]
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}
