//! How the page is shared, and what the stream of it sends.

use std::future::poll_fn;
use std::pin::Pin;

use http_body::Body;

use super::*;
use crate::page::stage::{Cast, Finding, Stage, secs};
use crate::{Check, Failure, indicator_fn};

/// Reads the next event; `None` at the end of the stream.
async fn next(events: &mut Events) -> Option<String> {
    let frame = poll_fn(|cx| Pin::new(&mut *events).poll_frame(cx)).await?;
    let data = frame.unwrap().into_data().unwrap();
    Some(String::from_utf8(data.to_vec()).unwrap())
}

fn is_state(event: &str) -> bool {
    event.contains("event: state\ndata: <main ")
}

async fn steady() -> Stage {
    let stage = Cast::new().check("db", 4).start();
    stage.until(60).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_page_is_made_once_for_many_readers_and_at_once_when_a_probe_changes() {
    let stage = steady().await;
    let pages = Pages::default();
    let first = pages.page(&stage.health).html;
    let again = pages.clone().page(&stage.health).html;
    assert_eq!(first.as_ptr(), again.as_ptr(), "shared");
    stage.health.drain();
    let drained = pages.page(&stage.health).html;
    assert!(String::from_utf8_lossy(&drained).contains("<strong>Draining</strong>"));
}

#[tokio::test(start_paused = true)]
async fn the_stream_sends_the_state_at_once_and_a_change_within_a_second_or_so() {
    let stage = steady().await;
    let pages = Pages::default();
    let mut events = pages.events(&stage.health);
    let first = next(&mut events).await.unwrap();
    assert!(
        first.starts_with("retry: 2000\n\n") && is_state(&first),
        "{first}"
    );
    let begun = tokio::time::Instant::now();
    stage.health.drain();
    let second = next(&mut events).await.unwrap();
    assert!(is_state(&second) && second.contains("Draining"), "{second}");
    assert!(begun.elapsed() <= TWO_TICKS, "{:?}", begun.elapsed());
}
const TWO_TICKS: Duration = secs(2);

#[tokio::test(start_paused = true)]
async fn between_changes_the_stream_gives_a_sign_of_life() {
    let stage = Cast::new().start();
    let mut events = Pages::default().events(&stage.health);
    assert!(is_state(&next(&mut events).await.unwrap()));
    let begun = tokio::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(
            next(&mut events).await.unwrap(),
            "event: alive\ndata: 1\n\n"
        );
    }
    assert_eq!(begun.elapsed(), secs(15));
}

#[test]
fn while_the_refresher_is_late_the_stream_says_by_how_much() {
    let application = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let check = Check::new(indicator_fn("db", async || Ok::<_, Failure>(())));
    let check = check.ttl(secs(1)).stale_after(secs(3_600));
    let health = Health::builder().readiness(check);
    let health = health.start_on(application.handle()).unwrap();
    application.block_on(health.await_ready()).unwrap();
    // Here hours pass in a moment, in which the refresher hardly gets on.
    let reader = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    reader.block_on(async {
        let mut events = Pages::default().events(&health);
        assert!(is_state(&next(&mut events).await.unwrap()));
        for _ in 0..3 {
            let event = next(&mut events).await.unwrap();
            assert!(is_state(&event) && event.contains("late by"), "{event}");
        }
    });
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_with_the_health_which_it_does_not_keep_alive() {
    let stage = steady().await;
    let mut events = Pages::default().events(&stage.health);
    assert!(next(&mut events).await.is_some());
    stage.set("db", Finding::Hang);
    let weak = stage.health.downgrade();
    drop(stage);
    while next(&mut events).await.is_some() {}
    assert!(events.is_end_stream());
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_when_the_drain_delay_is_over() {
    let stage = Cast::new()
        .check("db", 4)
        .with(|builder| builder.drain_delay(secs(20)))
        .start();
    stage.until(60).await;
    let mut events = Pages::default().events(&stage.health);
    assert!(next(&mut events).await.is_some());
    stage.health.drain();
    let begun = tokio::time::Instant::now();
    let mut last = String::new();
    while let Some(event) = next(&mut events).await {
        last = event;
    }
    assert!(
        (20..=21).contains(&begun.elapsed().as_secs()),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        is_state(&last) && last.ends_with("\nevent: end\ndata: drained\n\n"),
        "{last}"
    );
    // One that comes later gets the state, and the end.
    let mut late = Pages::default().events(&stage.health);
    let only = next(&mut late).await.unwrap();
    assert!(only.contains("Draining") && only.ends_with("data: drained\n\n"));
    assert_eq!(next(&mut late).await, None);
}

#[test]
fn an_event_is_one_whatever_ends_its_lines() {
    let event = events::state("a\nb\r\nc");
    assert_eq!(event, "event: state\ndata: a\ndata: b\ndata: \ndata: c\n\n");
}
