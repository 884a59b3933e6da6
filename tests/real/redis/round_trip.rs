//! Writing a value and reading it back.

use redis::Client;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::support::{NAME, fails_with, indicator};
use crate::servers::redis::{RedisServer, client};
use crate::support::eventually;
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn instances_write_keys_of_their_own_that_expire_by_themselves() {
    let server = RedisServer::start().await;
    let first = Watched::start(NAME, indicator(server.client()).round_trip());
    let second = indicator(server.client())
        .key_prefix("orders:health:")
        .round_trip();
    let second = Watched::start(NAME, second);
    let third = Watched::start(NAME, indicator(server.client()).round_trip());
    for watched in [&first, &second, &third] {
        watched.passes().await;
        watched.runs(2).await;
    }
    let mut admin = server.admin().await;
    let keys = admin.ask::<Vec<String>>("KEYS tower-health:*").await;
    assert_eq!(keys.len(), 2, "{keys:?}");
    let more = admin.ask::<Vec<String>>("KEYS orders:health:*").await;
    assert_eq!(more.len(), 1, "{more:?}");
    for key in keys.iter().chain(&more) {
        let left = admin.ask::<i64>(&format!("PTTL {key}")).await;
        assert!((1..=10_000).contains(&left), "{key}: {left}");
    }
    drop((first, second, third));
    eventually("the keys expire", async || {
        admin.ask::<usize>("DBSIZE").await == 0
    })
    .await;
}

#[tokio::test]
async fn another_value_than_was_written_is_a_mismatch() {
    for (answer, part) in [
        (
            "$5\r\nmagic\r\n",
            "value mismatch: GET returned another value than SET wrote",
        ),
        (
            "$-1\r\n",
            "value mismatch: the key that SET wrote does not exist",
        ),
        (
            ":7\r\n",
            "unexpected answer: a number instead of the value that SET wrote",
        ),
    ] {
        let watched = Watched::start(NAME, indicator(stub(answer).await).round_trip());
        let text = fails_with(&watched, part).await;
        assert!(text.contains(": GET tower-health:"), "{text}");
        assert!(!text.contains("magic"), "{text}");
    }
}

#[tokio::test]
async fn another_answer_than_pong_fails() {
    let watched = Watched::start(NAME, indicator(stub_with("+HELLO\r\n", "").await));
    fails_with(
        &watched,
        "PING: unexpected answer: another text instead of PONG",
    )
    .await;
}

#[tokio::test]
async fn a_server_that_speaks_another_protocol_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let watched = Watched::start(NAME, indicator(client("", port)));
    fails_with(&watched, "PING").await;
}

/// A server that remembers nothing, and answers each GET with this.
async fn stub(get: &'static str) -> Client {
    stub_with("+PONG\r\n", get).await
}

async fn stub_with(ping: &'static str, get: &'static str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, ping, get));
        }
    });
    client("", port)
}

async fn answer(stream: TcpStream, ping: &str, get: &str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let count = line(&mut stream).await?;
        let count: usize = count.strip_prefix('*')?.parse().ok()?;
        let mut words = Vec::new();
        for _ in 0..count {
            line(&mut stream).await?;
            words.push(line(&mut stream).await?);
        }
        let answer = match words[0].as_str() {
            "PING" => ping,
            "GET" => get,
            _ => "+OK\r\n",
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.strip_suffix("\r\n").map(str::to_owned)
}
