//! Ports of the loopback interface: for a program that needs one, and for a server that is absent.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tokio::net::TcpSocket;

use super::wait::wait_until;

/// A port that nothing listens on, for a program that cannot choose one and report which.
///
/// Another process may take it before the program does.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Listens where another listener perhaps was a moment ago: a process that a test starts holds a copy of
/// that one until its own program runs.
pub(crate) fn listen(address: SocketAddr) -> TcpListener {
    let mut listener = None;
    wait_until("the port is free", || {
        listener = TcpListener::bind(address).ok();
        listener.is_some()
    });
    listener.unwrap()
}

/// A port that refuses connections for as long as this is held: it is bound, so that no test beside
/// this one gets it, and nothing listens on it.
pub(crate) struct ClosedPort(TcpSocket);

impl ClosedPort {
    pub(crate) fn bind() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}
