//! The examples of the seed that this crate goes back to, as this crate writes them.
//!
//! Adapted: `notes` is an array, as the draft has it; `output` of the root names its check; times
//! have milliseconds. In the files times stand for any time, and white space between the fields
//! for none.

use std::time::Duration;

use tower_health::{Check, ComponentType, Health, Observation, indicator_fn};

use super::support::{Port, check};
use crate::support::{settle, steady};

const TIME: &str = "2026-01-14T10:30:00.000Z";

fn compact(golden: &str) -> String {
    golden
        .lines()
        .map(|line| line.trim().replace("\": ", "\":"))
        .collect()
}

/// Puts the time of the golden files in the place of every other, which must be as long.
fn at_golden_time(body: &str) -> String {
    let field = "\"time\":\"";
    let mut parts = body.split(field);
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (time, rest) = part.split_at(TIME.len());
        let shape = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
        assert_eq!(shape(time), shape(TIME), "not RFC 3339 in UTC");
        text = text + field + TIME + rest;
    }
    text
}

async fn assert_golden(health: Health, path: &str, code: u16, golden: &str) {
    settle().await;
    let answer = Port::management(&health).get(path).await;
    assert_eq!(answer.code, code);
    assert_eq!(answer.content_type(), "application/health+json");
    assert_eq!(at_golden_time(&answer.body), compact(golden));
}

fn latency(name: &str, milliseconds: u16, id: &str) -> Check {
    let seen = Observation::pass().value(milliseconds, "ms");
    check(name, Ok(seen)).component_id(id)
}

#[tokio::test(start_paused = true)]
async fn a_healthy_service() {
    let primary = latency("database:latency", 12, "primary-db");
    let cache = latency("redis:latency", 3, "cache-cluster");
    let health = steady()
        .readiness(primary.component_type(ComponentType::Datastore))
        .readiness(cache.component_type(ComponentType::Datastore))
        .start()
        .unwrap();
    assert_golden(health, "/readyz", 200, include_str!("golden/healthy.json")).await;
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_service() {
    let hanging = indicator_fn("database:connection", || {
        std::future::pending::<Result<(), std::io::Error>>()
    });
    let database = Check::new(hanging)
        .timeout(Duration::from_secs(5))
        .component_id("primary-db")
        .component_type(ComponentType::Datastore);
    let health = steady()
        .readiness(database)
        .readiness(latency("redis:latency", 2, "cache-cluster"))
        .start()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_golden(
        health,
        "/readyz",
        503,
        include_str!("golden/unhealthy.json"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_alive() {
    let health = steady().start().unwrap();
    assert_golden(health, "/livez", 200, include_str!("golden/alive.json")).await;
}
