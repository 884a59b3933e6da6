//! What is held back, summed up, retried and dropped, on a clock that the test sets.

mod capacity;
mod choice;
mod conservation;
mod retries;
mod throttle;

use std::time::UNIX_EPOCH;

use super::*;
use crate::{Health, Probe};

const MINUTE: Duration = Duration::from_secs(60);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A change of a check. Only a health makes transitions, so this one varies the first of them.
fn change(name: &str, from: Status, to: Status) -> Transition {
    thread_local! {
        static FIRST: Transition = first();
    }
    let mut change = FIRST.with(Clone::clone);
    change.subject = Subject::Check {
        probe: Probe::Readiness,
        name: name.to_owned(),
    };
    (change.from, change.to, change.time) = (Some(from), to, UNIX_EPOCH);
    change.output = (to != Status::Pass).then(|| format!("{name} is {to}"));
    change
}

fn first() -> Transition {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let check = crate::indicator_fn("db", async || Err::<(), _>("refused"));
        let health = Health::builder().readiness(check).start().unwrap();
        health.subscribe().next().await.unwrap()
    })
}

fn fails(name: &str) -> Transition {
    change(name, Status::Pass, Status::Fail)
}

fn passes(name: &str) -> Transition {
    change(name, Status::Fail, Status::Pass)
}

fn outbox(throttle: Duration, capacity: usize) -> (Outbox, Instant) {
    let rules = Rules {
        min_status: Status::Warn,
        recoveries: true,
        throttle,
        capacity,
    };
    (Outbox::new(rules), Instant::now())
}

fn name(message: &Message) -> String {
    match &message.latest.subject {
        Subject::Check { name, .. } => name.clone(),
        subject => subject.to_string(),
    }
}

/// Takes everything that may be taken, and delivers it: the name, the status and the changes.
fn deliver(outbox: &mut Outbox, now: Instant) -> Vec<(String, Status, u64)> {
    let mut told = Vec::new();
    while let Some(message) = outbox.take(now) {
        outbox.delivered(&message);
        told.push((name(&message), message.latest.to, message.changes));
    }
    told
}
