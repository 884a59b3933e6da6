//! Probes while somebody writes.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tonic_health::ServingStatus;
use tower::{Layer, service_fn};
use tower_health::{Health, HealthLayer};

use crate::ask::Ask;
use crate::catalogue::{OURS, TONIC_HEALTH, plain, tonic_health_pushed};
use crate::subject::Subject;
use crate::table::{Of, Row, Section};
use crate::timing::alternate;

/// Readiness is refused and taken up again as fast as one thread can. Every flip is seen by the
/// next probe, and makes the refresher, on a thread of its own, publish snapshots.
pub fn while_writing(each: Duration) -> Section {
    let mut section = Section::new("While a thread changes the status at full speed");
    for ask in [Ask::Livez, Ask::Readyz, Ask::GrpcCheck] {
        let health = live();
        let service = HealthLayer::new(health.clone()).layer(service_fn(plain));
        let subject = Subject::new("", ask, service);
        let flip = move || {
            health.refuse_traffic("written");
            health.accept_traffic();
        };
        let what = format!("{OURS}: {}", ask.target());
        section.rows.push(row(&what, subject, each, flip));
    }
    let (subject, pushed) = tonic_health_pushed("", Ask::GrpcCheck);
    let flip = move || {
        pushed.set(ServingStatus::NotServing);
        pushed.set(ServingStatus::Serving);
    };
    let what = format!("{TONIC_HEALTH}: {}", Ask::GrpcCheck.target());
    section.rows.push(row(&what, subject, each, flip));
    section
}

/// A health whose refresher runs.
fn live() -> Health {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime");
    let health = Health::builder().start_on(runtime.handle());
    // The refresher runs until the process ends.
    mem::forget(runtime);
    health.expect("every setting is right")
}

fn row(what: &str, mut subject: Subject, each: Duration, flip: impl Fn() + Send + 'static) -> Row {
    let writes = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let ended = Arc::new(AtomicBool::new(false));
    let writer = {
        let (writes, ended) = (Arc::clone(&writes), Arc::clone(&ended));
        let written = Arc::clone(&written);
        thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                if writes.load(Ordering::Relaxed) {
                    flip();
                    written.fetch_add(1, Ordering::Relaxed);
                } else {
                    thread::yield_now();
                }
            }
        })
    };
    let [quiet, busy] = alternate(&mut subject, each, |world| {
        writes.store(world == 1, Ordering::Relaxed);
        // On a busy machine the writer may have no core: a turn begins when it has one.
        let before = written.load(Ordering::Relaxed);
        while world == 1 && written.load(Ordering::Relaxed) == before {
            thread::yield_now();
        }
    });
    ended.store(true, Ordering::Relaxed);
    writer.join().expect("no panic");
    Row::time(
        what,
        busy.spread(),
        Of("nobody writes", quiet.spread()),
        busy.against(&quiet),
        None,
    )
}
