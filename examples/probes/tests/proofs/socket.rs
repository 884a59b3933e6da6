//! A client of WebSockets over `openssl s_client`: enough for short texts.

use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Socket {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

pub(crate) fn connect(address: &str) -> Socket {
    let mut child = Command::new("setpriv")
        .args([
            "--pdeathsig",
            "KILL",
            "--",
            "openssl",
            "s_client",
            "-quiet",
            "-connect",
            address,
        ])
        .args(["-servername", "api.example.com"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    input
        .write_all(
            b"GET /ws/echo HTTP/1.1\r\nHost: api.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    // The answer to the key of the RFC (6455, section 1.3).
    assert!(
        head.to_ascii_lowercase()
            .contains("s3pplmbitxaq9kygzzhzrbk+xoo="),
        "{head}"
    );
    Socket {
        child,
        input,
        output,
    }
}

impl Socket {
    pub(crate) fn send(&mut self, text: &str) {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 126);
        // A mask of zeros leaves the text as it is.
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend(text.as_bytes());
        self.input.write_all(&frame).unwrap();
        self.input.flush().unwrap();
    }

    pub(crate) fn receive(&mut self) -> String {
        let mut head = [0; 2];
        self.output.read_exact(&mut head).unwrap();
        assert_eq!(head[0], 0x81);
        let mut text = vec![0; head[1].into()];
        self.output.read_exact(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
