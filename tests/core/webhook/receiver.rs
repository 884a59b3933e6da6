//! A server that receives messages, and answers as the test says.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::support::eventually;
use crate::support::site::Site;

/// What the server does with a request, after it has read it.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Writes this and hangs up.
    Says(String),
    /// Waits first.
    Slow(Duration, String),
    /// Waits until the test adds a permit.
    Held(Arc<Semaphore>, String),
    /// Never answers.
    Hangs,
    /// Hangs up without a word.
    Closes,
}

pub(crate) fn status(status: &str, headers: &str) -> Answer {
    Answer::Says(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n"
    ))
}

pub(crate) fn ok() -> Answer {
    status("200 OK", "")
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

#[derive(Default)]
struct Script {
    /// What comes before the last answer, which stays.
    next: VecDeque<Answer>,
    last: Option<Answer>,
    requests: Vec<Request>,
}

pub(crate) struct Receiver {
    site: Site,
    script: Arc<Mutex<Script>>,
}

impl Receiver {
    /// Answers with each of these in turn, and then always with 200.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), answers).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Self {
        let script = Arc::new(Mutex::new(Script {
            next: answers.into_iter().collect(),
            ..Script::default()
        }));
        let of_server = Arc::clone(&script);
        let serve = move |connection| serve(connection, Arc::clone(&of_server));
        let site = Site::start_at(address, serve).await;
        Self { site, script }
    }

    /// Answers with this from now on.
    pub(crate) fn always(&self, answer: Answer) {
        let mut script = self.script.lock().unwrap();
        script.next.clear();
        script.last = Some(answer);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.site.address()
    }

    pub(crate) fn url(&self) -> String {
        format!(
            "http://{}/hooks/T0SECRET/B0SECRET?token=q-secret",
            self.address()
        )
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.script.lock().unwrap().requests.clone()
    }

    /// Waits for this many requests, and returns all that came.
    pub(crate) async fn gets(&self, count: usize) -> Vec<Request> {
        let what = format!("{count} requests, but {:#?}", self.requests());
        eventually(&what, async || self.requests().len() >= count).await;
        self.requests()
    }
}

async fn serve(mut connection: TcpStream, script: Arc<Mutex<Script>>) {
    let Some((head, body)) = read(&mut connection).await else {
        return;
    };
    let at = Instant::now();
    let answer = {
        let mut script = script.lock().unwrap();
        script.requests.push(Request { head, body, at });
        let next = script.next.pop_front();
        next.or_else(|| script.last.clone()).unwrap_or_else(ok)
    };
    let text = match answer {
        Answer::Says(text) => text,
        Answer::Slow(wait, text) => {
            tokio::time::sleep(wait).await;
            text
        }
        Answer::Held(until, text) => {
            until.acquire().await.unwrap().forget();
            text
        }
        Answer::Hangs => return std::future::pending().await,
        Answer::Closes => return,
    };
    let _ = connection.write_all(text.as_bytes()).await;
    let _ = connection.shutdown().await;
}

/// Reads one request; `None` if the client leaves before that.
async fn read(connection: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = connection.read(&mut chunk).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.parse::<usize>().unwrap())
        });
        if body.len() >= length.unwrap_or(0) {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}
