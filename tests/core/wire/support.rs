//! A hyper server on a free port, and a client that writes bytes and reads answers by hand.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::{Layer, service_fn};
use tower_health::{Health, HealthLayer, Status};

use crate::support::{PATIENCE, server};

/// Serves a page for every path, behind a layer over a health of this status.
pub(crate) async fn serve(status: Status) -> (Health, SocketAddr) {
    let health = Health::fixed(status);
    let page = service_fn(async |request: Request<Incoming>| {
        let page = format!("page {} {}", request.method(), request.uri().path());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(page))))
    });
    let service = HealthLayer::new(health.clone()).layer(page);
    (health, server::serve(service).await)
}

/// An answer as it came, with the names of its fields in lower case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) version: String,
    pub(crate) code: u16,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// A connection of which every byte is seen.
pub(crate) struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            read: Vec::new(),
        }
    }

    pub(crate) async fn write(&mut self, request: &str) {
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// Reads one answer. One to HEAD has a length, but no content.
    pub(crate) async fn answer(&mut self, has_content: bool) -> Answer {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            assert!(self.read_more().await, "closed within an answer");
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let (version, rest) = lines.next().unwrap().split_once(' ').unwrap();
        let field = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let fields: BTreeMap<_, _> = lines.map(field).collect();
        let length = match fields.get("content-length") {
            Some(length) if has_content => length.parse().unwrap(),
            _ => 0,
        };
        while self.read.len() < length {
            assert!(self.read_more().await, "closed within a body");
        }
        let body: Vec<u8> = self.read.drain(..length).collect();
        Answer {
            version: version.to_owned(),
            code: rest[..3].parse().unwrap(),
            fields,
            body: String::from_utf8(body).unwrap(),
        }
    }

    /// Whether the server closes now, having sent nothing more.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.read.is_empty() && !self.read_more().await
    }

    /// Says that nothing more will be written.
    pub(crate) async fn shut_down(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    async fn read_more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let count = timeout(PATIENCE, self.stream.read(&mut bytes))
            .await
            .expect("nothing came")
            .unwrap();
        self.read.extend_from_slice(&bytes[..count]);
        count > 0
    }
}

/// One request on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut wire = Wire::to(address).await;
    wire.write(request).await;
    wire.answer(!request.starts_with("HEAD")).await
}
