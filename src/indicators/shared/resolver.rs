//! Host names, looked up by the system as the application looks them up.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::blocking::BlockingSlot;

/// Looks up host names with `getaddrinfo`, one at a time, on the blocking pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolver(BlockingSlot);

impl Resolver {
    /// Returns each address once, in the order of the system's preference.
    pub(crate) async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        // An IP address needs no thread.
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let host = host.to_owned();
        let found = self
            .0
            .run(move || (host.as_str(), port).to_socket_addrs())
            .await??;
        let mut addresses = Vec::new();
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(io::Error::other("the name has no address"));
        }
        Ok(addresses)
    }
}
