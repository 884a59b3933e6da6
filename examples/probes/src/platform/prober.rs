//! Requests of probers, byte for byte as they send them, and how they judge the answer.

mod grpc;
mod http;
mod kubelet;
mod redirect;

pub use grpc::grpc;
pub use http::{Answer, Request, get};
pub use kubelet::{Verdict, kubelet};

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Connects, with a deadline for that and for each read and write.
fn connect(port: u16, deadline: Instant) -> io::Result<TcpStream> {
    let stream =
        TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), left(deadline)?)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    Ok(stream)
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(io::ErrorKind::TimedOut.into())
    } else {
        Ok(left)
    }
}
