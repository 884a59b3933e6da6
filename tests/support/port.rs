//! Ports of the loopback interface for servers and for their absence.

use std::net::{Ipv4Addr, TcpListener};

/// A port that nothing listens on, for a program that cannot choose one and report which.
///
/// Another process may take it before the program does.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
