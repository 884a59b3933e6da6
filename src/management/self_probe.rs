//! A blocking probe of this host, for images without curl: the standard library alone.

use std::error::Error;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How many bytes of a response are read: enough for the status and the start of the report.
const MOST_BYTES: usize = 4096;

/// How much of the body an error shows, in characters.
const SHOWN: usize = 200;

/// Probes a server over HTTP/1.1 and returns whether it answered with 200 to 299, as a container's
/// `HEALTHCHECK` does.
///
/// `target` is `host:port`, with `http://` in front if you like, or `unix:` and the path of a socket.
/// `path` begins with `/`. It follows no redirect, speaks no TLS, and blocks the calling thread for
/// at most `timeout`.
///
/// The example `healthcheck` is a program around it.
///
/// ```no_run
/// use std::time::Duration;
/// use tower_health::self_probe;
///
/// self_probe("127.0.0.1:9000", "/readyz", Duration::from_secs(2))?;
/// self_probe("unix:/run/app/health.sock", "/livez", Duration::from_secs(2))?;
/// # Ok::<(), tower_health::SelfProbeError>(())
/// ```
///
/// # Errors
///
/// Returns an error if the target or the path is malformed, if the server cannot be reached in time,
/// if it does not answer with HTTP, or if it answers with another status.
pub fn self_probe(target: &str, path: &str, timeout: Duration) -> Result<(), SelfProbeError> {
    let probe = Probe::new(target, path, timeout)?;
    let (sender, result) = mpsc::channel();
    // A thread, since neither a look-up of a name nor the connection to a Unix socket has a timeout
    // in the standard library. One that hangs ends with the process.
    let thread = thread::Builder::new().name("self-probe".to_owned());
    let spawned = thread.spawn(move || {
        // An error means that the caller no longer waits.
        let _ = sender.send(probe.run());
    });
    spawned.map_err(|error| Fault::Io("cannot start a thread", error))?;
    match result.recv_timeout(timeout) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(Fault::Timeout(timeout).into()),
        Err(RecvTimeoutError::Disconnected) => {
            Err(Fault::Answer("the probe ended early".to_owned()).into())
        }
    }
}

/// Error of [`self_probe`]; `Display` says in one line what is wrong.
pub struct SelfProbeError(Fault);

enum Fault {
    Input(String),
    Io(&'static str, io::Error),
    Timeout(Duration),
    /// The answer is no HTTP.
    Answer(String),
    /// The status, and the start of the body.
    Status(u16, String),
}

impl SelfProbeError {
    /// Returns the status that the server answered with; `None` if it gave no valid answer.
    pub fn status(&self) -> Option<u16> {
        match self.0 {
            Fault::Status(status, _) => Some(status),
            _ => None,
        }
    }

    /// Returns whether the server gave no answer within the timeout.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, Fault::Timeout(_))
    }

    /// Returns whether the target or the path is malformed.
    pub fn is_input(&self) -> bool {
        matches!(self.0, Fault::Input(_))
    }
}

impl From<Fault> for SelfProbeError {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl fmt::Display for SelfProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::Input(fault) => f.write_str(fault),
            Fault::Io(what, error) => write!(f, "{what}: {error}"),
            Fault::Timeout(timeout) => write!(f, "no answer within {timeout:?}"),
            Fault::Answer(fault) => f.write_str(fault),
            Fault::Status(status, body) if body.is_empty() => write!(f, "status {status}"),
            Fault::Status(status, body) => write!(f, "status {status}: {body}"),
        }
    }
}

/// Prints the same text as `Display`, because `main` shows an error that it returns with `Debug`.
impl fmt::Debug for SelfProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for SelfProbeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Fault::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

struct Probe {
    target: Target,
    request: String,
    timeout: Duration,
    deadline: Instant,
}

enum Target {
    /// `host:port`.
    Tcp(String),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
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
    fn new(target: &str, path: &str, timeout: Duration) -> Result<Self, SelfProbeError> {
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

    fn run(&self) -> Result<(), SelfProbeError> {
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

impl Target {
    /// Returns the target, and the host that the request names. `Err` says what is wrong.
    fn parse(text: &str) -> Result<(Self, String), String> {
        if let Some(path) = text.strip_prefix("unix:") {
            #[cfg(unix)]
            if path.is_empty() {
                return Err("target \"unix:\": the path of the socket is missing".to_owned());
            } else {
                return Ok((Self::Unix(path.into()), "localhost".to_owned()));
            }
            #[cfg(not(unix))]
            return Err(format!("target {path:?}: this system has no Unix sockets"));
        }
        let address = text.strip_prefix("http://").unwrap_or(text);
        let address = address.strip_suffix('/').unwrap_or(address);
        let parts = address.rsplit_once(':');
        let is_sound = parts.is_some_and(|(host, port)| {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:%".contains(&byte);
            !host.is_empty() && host.bytes().all(is_name) && port.parse::<u16>().is_ok()
        });
        if !is_sound {
            return Err(format!(
                "target {text:?}: it must be host:port, http://host:port or unix:/path"
            ));
        }
        Ok((Self::Tcp(address.to_owned()), address.to_owned()))
    }
}

/// Returns whether the head and, as far as its length is known, the body have arrived.
fn is_whole(response: &[u8]) -> bool {
    let Some((head, body)) = split(response) else {
        return false;
    };
    let length = String::from_utf8_lossy(head).lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}

fn split(response: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&response[..end], &response[end + 4..]))
}

fn verdict(response: &[u8]) -> Result<(), SelfProbeError> {
    let answer = |fault: &str| Err(Fault::Answer(fault.to_owned()).into());
    if response.is_empty() {
        return answer("the server closed the connection without an answer");
    }
    let line = response.split(|byte| *byte == b'\r').next();
    let line = String::from_utf8_lossy(line.unwrap_or_default());
    let mut words = line.split(' ');
    let is_http = words
        .next()
        .is_some_and(|version| version.starts_with("HTTP/1."));
    let status = words.next().filter(|code| is_http && code.len() == 3);
    let Some(status) = status.and_then(|code| code.parse::<u16>().ok()) else {
        return answer("the answer is not HTTP/1");
    };
    if (200..300).contains(&status) {
        return Ok(());
    }
    let body = split(response).map(|(_, body)| body).unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    // The text goes to a terminal or a log.
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let shown: String = body.trim().chars().map(printable).take(SHOWN).collect();
    Err(Fault::Status(status, shown).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read() {
        for text in [
            "127.0.0.1:80",
            "localhost:9000",
            "[::1]:80",
            "http://a-b.c:1",
            "http://a:1/",
        ] {
            assert!(Target::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "localhost",
            ":80",
            "a:b",
            "a:70000",
            "https://a:1",
            "a b:1",
            "a:1/x",
            "a\r\n:1",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
        assert_eq!(Target::parse("unix:/run/x.sock").is_ok(), cfg!(unix));
        assert!(Target::parse("unix:").is_err());
    }

    #[test]
    fn only_an_answer_of_200_to_299_passes() {
        let cases = [
            ("HTTP/1.1 200 OK\r\n\r\n", Ok(())),
            ("HTTP/1.0 204\r\n\r\n", Ok(())),
            ("HTTP/1.1 301 Moved\r\n\r\n", Err("status 301")),
            (
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nno\x1b\n",
                Err("status 503: no"),
            ),
            ("HTTP/2 200\r\n\r\n", Err("the answer is not HTTP/1")),
            ("HTTP/1.1 2000 OK\r\n\r\n", Err("the answer is not HTTP/1")),
            ("SSH-2.0-OpenSSH\r\n", Err("the answer is not HTTP/1")),
            (
                "",
                Err("the server closed the connection without an answer"),
            ),
        ];
        for (response, expected) in cases {
            let verdict = verdict(response.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(verdict, expected.map_err(str::to_owned), "{response:?}");
        }
    }
}
