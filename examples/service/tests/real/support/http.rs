//! A client over bare sockets.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::PATIENCE;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn get(port: u16, path: &str) -> Answer {
    send(port, "GET", path, &[], "")
}

/// The code alone; `None` if nobody answers.
pub(crate) fn code(port: u16, path: &str) -> Option<u16> {
    try_send(port, "GET", path, &[], "").map(|answer| answer.code)
}

pub(crate) fn post(port: u16, path: &str, json: &str) -> Answer {
    send(
        port,
        "POST",
        path,
        &["content-type: application/json"],
        json,
    )
}

pub(crate) fn send(port: u16, method: &str, path: &str, fields: &[&str], body: &str) -> Answer {
    let answer = try_send(port, method, path, fields, body);
    answer.unwrap_or_else(|| panic!("no answer to {method} {path}"))
}

fn try_send(port: u16, method: &str, path: &str, fields: &[&str], body: &str) -> Option<Answer> {
    let mut stream = connect(port)?;
    stream
        .write_all(head(method, path, fields, body.len()).as_bytes())
        .ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    read(&mut stream)
}

pub(crate) fn connect(port: u16) -> Option<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Some(stream)
}

/// The head of a request that closes its connection.
pub(crate) fn head(method: &str, path: &str, fields: &[&str], length: usize) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    head.push_str(&format!("content-length: {length}\r\n"));
    for field in fields {
        head.push_str(field);
        head.push_str("\r\n");
    }
    head + "\r\n"
}

pub(crate) fn read(stream: &mut TcpStream) -> Option<Answer> {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Answer {
        code: head.get(9..12)?.parse().ok()?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
