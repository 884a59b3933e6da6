//! Names and ports on the network: DNS and TCP.

mod dns;
mod tcp;

pub use self::dns::DnsIndicator;
pub use self::tcp::TcpIndicator;
