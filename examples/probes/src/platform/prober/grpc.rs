//! `grpc.health.v1.Health/Check` over HTTP/2 in clear text, with the few frames that it takes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Verdict, connect, left};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Asks for a service as the kubelet does: only SERVING passes.
pub fn grpc(port: u16, service: &str, timeout: Duration) -> Verdict {
    match check(port, service, Instant::now() + timeout) {
        Ok(Some(1)) => Verdict::Success,
        Ok(Some(status)) => Verdict::Failure(format!("serving status {status}")),
        Ok(None) => Verdict::Failure("no status: the service is not known".to_owned()),
        Err(error) => Verdict::Failure(error.to_string()),
    }
}

/// The status of the answer; none if the call ended without one.
fn check(port: u16, service: &str, deadline: Instant) -> io::Result<Option<u8>> {
    let mut stream = connect(port, deadline)?;
    let mut block = Vec::new();
    // Indexed: `:method: POST` and `:scheme: http`; then literals that nobody has to remember.
    block.extend([0x83, 0x86]);
    literal(&mut block, ":path", "/grpc.health.v1.Health/Check");
    literal(&mut block, ":authority", &format!("127.0.0.1:{port}"));
    literal(&mut block, "content-type", "application/grpc");
    literal(&mut block, "user-agent", "kube-probe/1.34");
    literal(&mut block, "te", "trailers");

    let length = u8::try_from(service.len()).map_err(io::Error::other)?;
    let mut message = Vec::new();
    if length > 0 {
        message.extend([0x0a, length]);
        message.extend(service.as_bytes());
    }
    let mut body = vec![
        0,
        0,
        0,
        0,
        u8::try_from(message.len()).map_err(io::Error::other)?,
    ];
    body.append(&mut message);

    stream.write_all(PREFACE)?;
    write(&mut stream, SETTINGS, 0, 0, &[])?;
    write(&mut stream, HEADERS, END_HEADERS, 1, &block)?;
    write(&mut stream, DATA, END_STREAM, 1, &body)?;

    let mut answer = Vec::new();
    loop {
        let (kind, flags, payload) = read(&mut stream, deadline)?;
        match kind {
            SETTINGS if flags & ACK == 0 => write(&mut stream, SETTINGS, ACK, 0, &[])?,
            PING if flags & ACK == 0 => write(&mut stream, PING, ACK, 0, &payload)?,
            DATA => answer.extend(payload),
            RESET | GOAWAY => return Err(io::Error::other("the call was reset")),
            _ => {}
        }
        // The end of the answer: trailers, which the status of a health check stands before.
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            return Ok(match answer.as_slice() {
                [0, 0, 0, 0, 2, 8, status] => Some(*status),
                [0, 0, 0, 0, 0] => Some(0),
                _ => None,
            });
        }
    }
}

/// A header without an index and without Huffman's code.
fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    for text in [name, value] {
        // Each of them is shorter than 127 bytes.
        block.push(u8::try_from(text.len()).unwrap_or(0));
        block.extend(text.as_bytes());
    }
}

fn write(stream: &mut TcpStream, kind: u8, flags: u8, id: u8, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len())
        .map_err(io::Error::other)?
        .to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, id];
    frame.extend(payload);
    stream.write_all(&frame)
}

fn read(stream: &mut TcpStream, deadline: Instant) -> io::Result<(u8, u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.set_read_timeout(Some(left(deadline)?))?;
    stream.read_exact(&mut head)?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    if length > 1 << 14 {
        return Err(io::Error::other("a frame that is too long"));
    }
    let mut payload = vec![0; length];
    stream.set_read_timeout(Some(left(deadline)?))?;
    stream.read_exact(&mut payload)?;
    Ok((head[3], head[4], payload))
}
