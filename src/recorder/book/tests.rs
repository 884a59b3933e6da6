//! An outage of the database, with a health whose clock is simulated.

use std::time::Duration;

use super::*;
use crate::state::clock::SimulatedWall;
use crate::{Check, Health, Probe, RunBucket, indicator_fn};

async fn lapse(health: &Health, book: &mut Book, minutes: u64) {
    let reader = health.history_reader();
    for _ in 0..minutes {
        tokio::time::sleep(Duration::from_secs(60)).await;
        book.read(&reader);
    }
}

fn start() -> Health {
    let db = indicator_fn("db", async || Ok::<_, std::io::Error>(()));
    let builder = Health::builder().jitter(0.0).readiness(Check::new(db));
    builder.start().unwrap()
}

fn minutes(health: &Health) -> Vec<RunBucket> {
    let runs = health.runs(Probe::Readiness, "db").unwrap();
    runs.minutes().copied().collect()
}

#[tokio::test(start_paused = true)]
async fn after_an_hour_without_a_database_every_minute_is_written() {
    let _wall = SimulatedWall::new();
    let health = start();
    let mut book = Book::new(64);
    lapse(&health, &mut book, 60).await;
    let batch = book.next_batch();
    let mut written: Vec<_> = batch.minutes.iter().map(|(_, minute)| *minute).collect();
    written.sort_by_key(RunBucket::start);
    assert_eq!(written, minutes(&health));
    assert!(written.len() >= 60, "{}", written.len());
    assert_eq!(batch.changes.len(), health.history().len());
    assert_eq!(book.lost, Counts::default());
    book.written(&batch);
    assert!(book.next_batch().is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_three_hours_what_memory_does_not_cover_is_counted() {
    let _wall = SimulatedWall::new();
    let health = start();
    let mut book = Book::new(64);
    lapse(&health, &mut book, 180).await;
    let batch = book.next_batch();
    assert_eq!(batch.minutes.len(), 90);
    let all = 181;
    assert!(
        (all - 1..=all).contains(&(book.lost.minutes + 90)),
        "{:?}",
        book.lost
    );
}

// The clock goes back by two hours, which is more than memory covers.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_replaces_nothing_that_is_written() {
    let _wall = SimulatedWall::new();
    let health = start();
    let mut book = Book::new(64);
    lapse(&health, &mut book, 130).await;
    let first = book.next_batch();
    book.written(&first);
    SimulatedWall::set(SimulatedWall::seconds() - 2 * 60 * 60);
    lapse(&health, &mut book, 3).await;
    let mut seen = Vec::new();
    loop {
        let batch = book.next_batch();
        if batch.is_empty() {
            break;
        }
        book.registered(batch.incarnation, i64::from(batch.incarnation) + 7);
        let starts = batch.minutes.iter().map(|(_, minute)| minute.start());
        seen.push((batch.incarnation, starts.min()));
        book.written(&batch);
    }
    assert_eq!(seen.last().map(|(incarnation, _)| *incarnation), Some(1));
    let earliest_again = seen.last().and_then(|(_, start)| *start);
    assert!(earliest_again < first.minutes.iter().map(|(_, minute)| minute.start()).max());
}
