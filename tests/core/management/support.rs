//! A management port, and a client that sends bytes as a test wrote them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use tower_health::management::{Management, ManagementServer};
use tower_health::{Health, Status};

use crate::support::PATIENCE;

pub(super) const TOKEN: &str = "s3cret";

/// A listener on a free port of the loopback interface.
pub(super) fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// The port with these settings, until its health ends.
pub(super) struct Port {
    pub(super) server: ManagementServer,
    /// `Some` if no test has a use for it.
    _health: Option<Health>,
}

/// A response, read until the server closed the connection.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    head: String,
    pub(super) body: String,
}

impl Port {
    pub(super) fn of(health: &Health) -> Self {
        Self::with(Management::new(health))
    }

    pub(super) fn with(management: Management) -> Self {
        let server = management.serve(listener()).unwrap();
        Self {
            server,
            _health: None,
        }
    }

    /// The port of a health that stays as it is, and ends with the port.
    pub(super) fn fixed(status: Status) -> Self {
        let health = Health::fixed(status);
        let port = Self::of(&health);
        Self {
            _health: Some(health),
            ..port
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address().unwrap()
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(super) fn get(&self, target: &str) -> Reply {
        self.send("GET", target, &["host: localhost"])
    }

    /// Sends one request with these fields, over a connection of its own.
    pub(super) fn send(&self, method: &str, target: &str, fields: &[&str]) -> Reply {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let request = format!("{method} {target} HTTP/1.1\r\n{fields}connection: close\r\n\r\n");
        self.exchange(&request)
    }

    pub(super) fn exchange(&self, request: &str) -> Reply {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        Reply::read(stream)
    }
}

impl Reply {
    pub(super) fn read(mut stream: impl Read) -> Self {
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").expect("a response");
        let (_, code) = head.split_once(' ').expect("a status line");
        Self {
            code: code[..3].parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    /// The value of a field, in lower case.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
