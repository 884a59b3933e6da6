//! An outage of the database, with a health whose clock is simulated.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::state::clock::SimulatedWall;
use crate::{Check, Health, Limits, Probe, RunBucket, indicator_fn};

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

/// One that passes while `is_up`, whose reasons are so long that memory holds one.
fn verbose(is_up: &Arc<AtomicBool>) -> Health {
    let is_up = Arc::clone(is_up);
    let db = indicator_fn("db", move || {
        let is_up = is_up.load(Ordering::Relaxed);
        async move {
            if is_up {
                Ok(())
            } else {
                Err("x".repeat(3 << 10))
            }
        }
    });
    let limits = Limits {
        history_bytes_per_check: 4 << 10,
        ..Limits::default()
    };
    let builder = Health::builder().limits(limits).jitter(0.0);
    builder.readiness(Check::new(db)).start().unwrap()
}

#[tokio::test(start_paused = true)]
async fn transitions_whose_texts_are_too_long_for_the_memory_are_counted_as_lost() {
    let _wall = SimulatedWall::new();
    let is_up = Arc::new(AtomicBool::new(true));
    let health = verbose(&is_up);
    let (reader, mut book) = (health.history_reader(), Book::new(64));
    book.read(&reader);
    let mut written = BTreeSet::new();
    for round in 0..3 {
        for turn in 0..10 {
            is_up.store(turn % 2 == 1, Ordering::Relaxed);
            health.run_now("db").await.unwrap();
        }
        book.read(&reader);
        let batch = book.next_batch();
        written.extend(batch.changes.iter().map(|change| change.ordinal));
        book.written(&batch);
        if round == 1 {
            // What is in memory is read again, and nothing is lost again.
            book.database_is_new();
            book.read(&reader);
            assert!(!book.next_batch().changes.is_empty());
        }
    }
    let all = reader.transitions_from(0).last().unwrap().0 + 1;
    assert!(
        all > 30 && book.lost.transitions > 20,
        "{all}: {:?}",
        book.lost
    );
    assert_eq!(written.len() as u64 + book.lost.transitions, all);
}
