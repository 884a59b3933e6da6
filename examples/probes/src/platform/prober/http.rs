//! HTTP/1.1 on a new connection for each probe.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::{connect, left};

/// A request of a prober.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `GET` or `HEAD`.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// `Host`.
    pub host: &'a str,
    /// `User-Agent`, if it sends one.
    pub agent: Option<&'a str>,
    /// Further headers.
    pub headers: &'a [(String, String)],
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, of which probers read 10 KiB.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The longest head, and the part of a body that the kubelet reads.
const LIMIT: usize = 10 * 1024;

/// Asks and waits for the whole answer, within the timeout.
///
/// # Errors
///
/// What the system reports, a timeout, and what is no HTTP. Whatever ends an answer within its body is
/// [`io::ErrorKind::UnexpectedEof`], and nothing else is.
pub fn get(port: u16, request: &Request<'_>, timeout: Duration) -> io::Result<Answer> {
    let deadline = Instant::now() + timeout;
    let mut stream = connect(port, deadline)?;
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\n",
        request.method, request.path, request.host
    );
    if let Some(agent) = request.agent {
        let _ = write!(head, "User-Agent: {agent}\r\n");
    }
    for (name, value) in request.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;

    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some((answer, length, start)) = parse(&bytes)? {
            let has_all = length.is_some_and(|length| bytes.len() >= start + length);
            if has_all || bytes.len() - start >= LIMIT || request.method == "HEAD" {
                return Ok(Answer {
                    body: body(&bytes[start..], &answer),
                    ..answer
                });
            }
        } else if bytes.len() > 4 * LIMIT {
            return Err(io::Error::other("no end of the head"));
        }
        let read = left(deadline).and_then(|left| {
            stream.set_read_timeout(Some(left))?;
            stream.read(&mut chunk)
        });
        match read {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if parse(&bytes)?.is_some() => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
            }
            Err(error) => return Err(error),
        }
    }
    match parse(&bytes)? {
        Some((_, Some(length), start)) if bytes.len() < start + length => {
            let message = "the body ended early";
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
        }
        Some((answer, _, start)) => Ok(Answer {
            body: body(&bytes[start..], &answer),
            ..answer
        }),
        None => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

fn body(bytes: &[u8], answer: &Answer) -> Vec<u8> {
    let is_chunked = answer
        .header("transfer-encoding")
        .is_some_and(|value| value.contains("chunked"));
    let bytes = if is_chunked {
        dechunk(bytes)
    } else {
        bytes.to_vec()
    };
    bytes[..bytes.len().min(LIMIT)].to_vec()
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).ok();
        let size = size
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok())
            .unwrap_or(0);
        let Some(data) = bytes.get(end + 2..end + 2 + size).filter(|_| size > 0) else {
            break;
        };
        body.extend_from_slice(data);
        bytes = bytes.get(end + 4 + size..).unwrap_or_default();
    }
    body
}

/// The head, the length of the body if it is known, and where the body begins.
fn parse(bytes: &[u8]) -> io::Result<Option<(Answer, Option<usize>, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .filter(|line| line.starts_with("HTTP/1."))
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .ok_or_else(|| io::Error::other("no HTTP"))?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let answer = Answer {
        status,
        headers,
        body: Vec::new(),
    };
    let length = answer
        .header("content-length")
        .and_then(|length| length.parse().ok());
    Ok(Some((answer, length, end + 4)))
}
