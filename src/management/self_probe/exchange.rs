//! One request and its answer, by a deadline.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::answer::{is_whole, verdict};
use super::error::{Fault, SelfProbeError};
use super::target::Target;

/// How many bytes of a response are read: enough for the status and the start of the report.
const MOST_BYTES: usize = 4096;

pub(super) struct Probe {
    target: Target,
    request: String,
    timeout: Duration,
    deadline: Instant,
}

/// A connected stream whose reads and writes end at a deadline.
trait Stream: Read + Write {
    fn set_timeouts(&self, left: Duration) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn set_timeouts(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))?;
        self.set_write_timeout(Some(left))
    }
}

#[cfg(unix)]
impl Stream for std::os::unix::net::UnixStream {
    fn set_timeouts(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))?;
        self.set_write_timeout(Some(left))
    }
}

impl Probe {
    pub(super) fn new(target: &str, path: &str, timeout: Duration) -> Result<Self, SelfProbeError> {
        let input = |fault: String| SelfProbeError(Fault::Input(fault));
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(input(format!(
                "path {path:?}: it must begin with `/` and be printable ASCII without spaces"
            )));
        }
        let Some(deadline) = Instant::now().checked_add(timeout) else {
            return Err(input("the timeout is too long".to_owned()));
        };
        if timeout.is_zero() {
            return Err(input("the timeout must not be zero".to_owned()));
        }
        let (target, host) = Target::parse(target).map_err(input)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: tower-health/{}\r\n\
             accept: */*\r\nconnection: close\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        );
        Ok(Self {
            target,
            request,
            timeout,
            deadline,
        })
    }

    pub(super) fn run(&self) -> Result<(), SelfProbeError> {
        match &self.target {
            Target::Tcp(address) => self.exchange(self.connect(address)?),
            #[cfg(unix)]
            Target::Unix(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path);
                self.exchange(stream.map_err(|error| Fault::Io("cannot connect", error))?)
            }
        }
    }

    /// Connects to the first address that accepts: `localhost` may have two.
    fn connect(&self, address: &str) -> Result<TcpStream, SelfProbeError> {
        let addresses = address.to_socket_addrs();
        let addresses = addresses.map_err(|error| Fault::Io("cannot look up the host", error))?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        let mut last = io::Error::other("the name has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, self.left()?) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(self.fault("cannot connect", last))
    }

    fn exchange(&self, mut stream: impl Stream) -> Result<(), SelfProbeError> {
        let failed = |error| self.fault("cannot send the request", error);
        stream.set_timeouts(self.left()?).map_err(failed)?;
        stream.write_all(self.request.as_bytes()).map_err(failed)?;
        let mut response = Vec::new();
        let mut buffer = [0; 1024];
        while response.len() < MOST_BYTES {
            let failed = |error| self.fault("cannot read the answer", error);
            stream.set_timeouts(self.left()?).map_err(failed)?;
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => response.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A server may reset the connection once it has answered.
                Err(_) if is_whole(&response) => break,
                Err(error) => return Err(failed(error)),
            }
            if is_whole(&response) {
                break;
            }
        }
        verdict(&response)
    }

    fn left(&self) -> Result<Duration, SelfProbeError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Fault::Timeout(self.timeout).into());
        }
        Ok(left)
    }

    fn fault(&self, what: &'static str, error: io::Error) -> SelfProbeError {
        let is_timeout = matches!(
            error.kind(),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
        );
        if is_timeout && self.left().is_err() {
            return Fault::Timeout(self.timeout).into();
        }
        Fault::Io(what, error).into()
    }
}
