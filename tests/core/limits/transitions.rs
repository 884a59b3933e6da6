//! The backlog of listeners and subscribers.

use super::with;
use crate::support::{lapse, millis};

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_falls_behind_keeps_as_many_as_the_limit() {
    // Tokio rounds the size of a queue up to a power of two.
    let health = with(|limits| limits.transitions = 16).start().unwrap();
    let mut transitions = health.subscribe();
    for _ in 0..50 {
        health.refuse_traffic("no");
        lapse(millis(2)).await;
        health.accept_traffic();
        lapse(millis(2)).await;
    }
    drop(health);
    let mut told = 0;
    while transitions.next().await.is_some() {
        told += 1;
    }
    assert_eq!((told, transitions.missed()), (16, 84));
}
