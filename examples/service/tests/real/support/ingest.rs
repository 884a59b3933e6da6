//! The other end of Sentry: takes envelopes and keeps their items.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// The key of the DSN, which is a secret.
pub(crate) const KEY: &str = "canarydsn0123456789abcdef0123456";

pub(crate) struct Ingest {
    port: u16,
    items: Arc<Mutex<Vec<Item>>>,
}

/// An item of an envelope.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) kind: String,
    pub(crate) payload: Value,
}

impl Ingest {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let items = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&items);
        // The thread ends with the test binary.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                thread::spawn(move || while take(&stream, &kept).is_some() {});
            }
        });
        Self { port, items }
    }

    pub(crate) fn dsn(&self) -> String {
        format!("http://{KEY}@127.0.0.1:{}/42", self.port)
    }

    pub(crate) fn items(&self) -> Vec<Item> {
        self.items.lock().unwrap().clone()
    }

    fn of(&self, kind: &str) -> Vec<Value> {
        let items = self.items();
        let found = items.into_iter().filter(|item| item.kind == kind);
        found.map(|item| item.payload).collect()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.of("event")
    }

    pub(crate) fn transactions(&self) -> Vec<Value> {
        self.of("transaction")
    }

    /// The events about the health.
    pub(crate) fn of_health(&self) -> Vec<Value> {
        let events = self.events().into_iter();
        events.filter(|event| event["logger"] == "health").collect()
    }
}

/// Takes one request, and keeps the items of its envelope. Returns `None` at the end.
fn take(stream: &TcpStream, items: &Mutex<Vec<Item>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (None, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    let mut body = vec![0; length.expect("a length")];
    reader.read_exact(&mut body).ok()?;
    let mut found = parse(&body);
    items.lock().unwrap().append(&mut found);
    let mut stream = stream;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        .ok()
}

/// <https://develop.sentry.dev/sdk/data-model/envelopes/>: a head, and then for each item a head
/// and a payload, each on a line of its own.
fn parse(envelope: &[u8]) -> Vec<Item> {
    let mut rest = after_line(envelope);
    let mut items = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let end = end.unwrap_or(rest.len());
        let head: Value = serde_json::from_slice(&rest[..end]).expect("the head of an item");
        rest = after_line(rest);
        let length = head["length"].as_u64().expect("the length of an item");
        let (payload, after) = rest.split_at(usize::try_from(length).unwrap());
        items.push(Item {
            kind: head["type"].as_str().unwrap().to_owned(),
            payload: serde_json::from_slice(payload).unwrap_or(Value::Null),
        });
        rest = after.strip_prefix(b"\n").unwrap_or(after);
    }
    items
}

fn after_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b'\n');
    end.map_or(&[], |end| &text[end + 1..])
}
