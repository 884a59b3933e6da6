//! A watch while the process leaves: told at once, open as long as clients need, then ended.

use std::future::ready;
use std::time::Duration;

use tokio::time::Instant;
use tower_health::{Health, ServingStatus, Status};

use crate::calls::{WATCH, asking, request, respond};
use crate::reply::{Reply, UNAVAILABLE};
use crate::stream::{NOT_SERVING, SERVICE_UNKNOWN, SERVING, Stream, Told};
use crate::support::{Dial, lapse, secs, settle, steady};

const ENDED: Told = Told::Ended(UNAVAILABLE);

async fn health() -> Health {
    let health = steady()
        .readiness(Dial::at(Status::Pass).check("db"))
        .drain_delay(secs(5))
        .start()
        .unwrap();
    settle().await;
    health
}

/// Reads on until it has ended, and says what was told, and when since `start`.
async fn read(mut stream: Stream, start: Instant) -> Vec<(Told, Duration)> {
    let mut told = Vec::new();
    loop {
        let next = stream.next().await;
        told.push((next, start.elapsed()));
        if matches!(next, Told::Ended(_)) {
            return told;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn not_serving_is_sent_at_once_and_the_end_after_the_delay() {
    for by_shutdown in [true, false] {
        let health = health().await;
        let mut stream = Stream::open(&health, "").await;
        assert_eq!(stream.now().await, [SERVING]);
        let start = Instant::now();
        if by_shutdown {
            tokio::spawn(health.drain_on(ready(())));
        } else {
            health.drain();
        }
        let expected = [(NOT_SERVING, secs(0)), (ENDED, secs(5))];
        assert_eq!(read(stream, start).await, expected, "{by_shutdown}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_stream_ends_also_one_whose_status_does_not_change() {
    let health = health().await;
    health
        .set_serving_status("off", ServingStatus::NotServing)
        .unwrap();
    let mut streams = Vec::new();
    for (service, first) in [
        ("liveness", SERVING),
        ("startup", SERVING),
        ("off", NOT_SERVING),
        ("nobody", SERVICE_UNKNOWN),
    ] {
        let mut stream = Stream::open(&health, service).await;
        assert_eq!(stream.now().await, [first], "{service}");
        streams.push((service, stream));
    }
    let start = Instant::now();
    health.drain();
    for (service, stream) in streams {
        let told = read(stream, start).await;
        assert_eq!(told.len(), 1, "{service}");
        assert_eq!(told[0].0, ENDED, "{service}");
        assert!(start.elapsed() >= secs(5), "{service}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_opened_meanwhile_ends_with_the_others() {
    let health = health().await;
    let start = Instant::now();
    health.drain();
    lapse(secs(3)).await;
    let stream = Stream::open(&health, "").await;
    let expected = [(NOT_SERVING, secs(3)), (ENDED, secs(5))];
    assert_eq!(read(stream, start).await, expected);
}

/// Clients reset their backoff with each message: one more would make them come back in a loop.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_opened_after_the_delay_ends_without_a_message() {
    let health = health().await;
    health.drain();
    lapse(secs(5)).await;
    for service in ["", "liveness", "nobody"] {
        let response = respond(&health, request(WATCH, asking(service))).await;
        let status = Reply::of(response).await.status();
        assert_eq!(status, Err(UNAVAILABLE), "{service}");
    }
}

#[tokio::test(start_paused = true)]
async fn changes_are_announced_until_the_end() {
    let health = health().await;
    let mut stream = Stream::open(&health, "liveness").await;
    let mut ready = Stream::open(&health, "").await;
    health.drain();
    assert_eq!(stream.told().await, [SERVING]);
    assert_eq!(ready.told().await, [NOT_SERVING]);
    health.mark_broken("deadlock");
    assert_eq!(stream.told().await, [NOT_SERVING]);
    health.clear_broken();
    assert_eq!(stream.told().await, [SERVING]);
    health.accept_traffic();
    assert_eq!(ready.told().await, [], "draining is for good");
    lapse(secs(5)).await;
    assert_eq!(stream.now().await, [ENDED]);
    assert_eq!(ready.now().await, [ENDED]);
}

#[tokio::test(start_paused = true)]
async fn a_second_drain_moves_nothing() {
    let health = health().await;
    let stream = Stream::open(&health, "").await;
    let start = Instant::now();
    health.drain();
    lapse(secs(3)).await;
    health.drain();
    tokio::spawn(health.drain_on(ready(())));
    let told = read(stream, start).await;
    assert_eq!(told.last(), Some(&(ENDED, secs(5))));
}

#[tokio::test(start_paused = true)]
async fn without_a_delay_the_end_comes_with_the_drain() {
    let health = steady().drain_delay(Duration::ZERO).start().unwrap();
    let mut stream = Stream::open(&health, "").await;
    assert_eq!(stream.told().await, [SERVING]);
    let start = Instant::now();
    health.drain();
    let told = read(stream, start).await;
    assert_eq!(told.last(), Some(&(ENDED, Duration::ZERO)));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_slept_through_the_drain_learns_of_it_and_of_the_end() {
    let health = health().await;
    let mut stream = Stream::open(&health, "").await;
    assert_eq!(stream.now().await, [SERVING]);
    health.drain();
    lapse(secs(3600)).await;
    let told = stream.now().await;
    assert_eq!(told.last(), Some(&ENDED));
    assert!(!told.contains(&SERVING), "{told:?}");
}

/// No refresher runs for it, and so nothing notifies its streams: they poll by themselves.
#[tokio::test(start_paused = true)]
async fn a_drain_ends_the_streams_of_a_health_without_a_refresher() {
    let health = Health::fixed(Status::Pass);
    let mut stream = Stream::open(&health, "").await;
    assert_eq!(stream.now().await, [SERVING]);
    health.drain();
    lapse(secs(6)).await;
    assert_eq!(stream.now().await, [NOT_SERVING, ENDED]);
}
