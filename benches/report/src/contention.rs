//! Probes from several threads at once, and probes while a thread changes the status.

use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tonic_health::ServingStatus;
use tonic_health::server::health_reporter;
use tower::{Layer, service_fn};
use tower_health::{Health, HealthLayer};

use crate::controls::{app, atomic_route, plain};
use crate::ours::Ready;
use crate::questions::{OURS, ROUTE, TONIC_HEALTH};
use crate::subject::{GRPC_CHECK, LIVEZ, READYZ, Subject, Target};
use crate::table::{Row, Section, nanoseconds};
use crate::timing::{Samples, Spread, batch};

const TURNS: usize = 800;

pub(crate) fn contention() -> Vec<Section> {
    vec![while_writing(), by_threads()]
}

/// Readiness is refused and accepted again as fast as one thread can. The next probe sees every
/// change, and the refresher, on a thread of its own, publishes snapshots.
fn while_writing() -> Section {
    let mut rows = Vec::new();
    for target in [LIVEZ, READYZ, GRPC_CHECK] {
        let health = live();
        let service = HealthLayer::new(health.clone()).layer(service_fn(plain));
        let subject = Subject::new(target, service);
        let change = move || {
            health.refuse_traffic("written");
            health.accept_traffic();
        };
        rows.push(written(format!("{OURS}: {target}"), subject, change));
    }
    let (reporter, server) = health_reporter();
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let change = move || {
        for status in [ServingStatus::NotServing, ServingStatus::Serving] {
            runtime.block_on(reporter.set_service_status("", status));
        }
    };
    let subject = Subject::new(GRPC_CHECK, server);
    rows.push(written(
        format!("{TONIC_HEALTH}: {GRPC_CHECK}"),
        subject,
        change,
    ));
    ("While a thread changes the status at full speed", rows)
}

/// A health whose refresher runs until the process ends.
fn live() -> Health {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_time().build();
    let runtime = runtime.expect("a runtime");
    let health = Health::builder().start_on(runtime.handle());
    std::mem::forget(runtime);
    health.expect("every setting is right")
}

fn written(what: String, mut subject: Subject, change: impl Fn() + Send) -> Row {
    let [writes, has_ended] = [(); 2].map(|()| AtomicBool::new(false));
    let written = AtomicU64::new(0);
    let [mut quiet, mut busy] = [(); 2].map(|()| Samples::default());
    thread::scope(|scope| {
        let (writes, has_ended, written) = (&writes, &has_ended, &written);
        scope.spawn(move || {
            while !has_ended.load(Ordering::Relaxed) {
                if writes.load(Ordering::Relaxed) {
                    change();
                    written.fetch_add(1, Ordering::Relaxed);
                } else {
                    thread::yield_now();
                }
            }
        });
        let batch = batch(&mut subject);
        for turn in 0..2 * TURNS {
            let is_busy = turn % 2 == 1;
            writes.store(is_busy, Ordering::Relaxed);
            // On a busy machine the writer may have no core: a turn begins when it has one.
            let before = written.load(Ordering::Relaxed);
            while is_busy && written.load(Ordering::Relaxed) == before {
                thread::yield_now();
            }
            let samples = if is_busy { &mut busy } else { &mut quiet };
            samples.0.push(time(&mut subject, batch));
        }
        has_ended.store(true, Ordering::Relaxed);
    });
    Row::series(what, nanoseconds, &busy, ("no writer", &quiet), None)
}

/// Each thread has a clone of the service, as connections have. Time is that of the processor: it
/// leaves out what a thread sleeps until it gets a lock, which flatters those who lock.
fn by_threads() -> Section {
    let ready = Ready::with_checks(1);
    let ours = ready.layer().layer(service_fn(plain));
    let route = atomic_route(app(), READYZ).with_state::<()>(());
    let tonic_health = health_reporter().1;
    type Make<'a> = &'a dyn Fn(Target) -> Subject;
    let crowds: [(&str, Target, Make<'_>); 4] = [
        (OURS, READYZ, &|target| Subject::new(target, ours.clone())),
        (ROUTE, READYZ, &|target| Subject::new(target, route.clone())),
        (OURS, GRPC_CHECK, &|target| {
            Subject::new(target, ours.clone())
        }),
        (TONIC_HEALTH, GRPC_CHECK, &|target| {
            Subject::new(target, tonic_health.clone())
        }),
    ];
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let rows = crowds.map(|(name, target, make)| {
        let [mut alone, mut crowded] = [(); 2].map(|()| Samples::default());
        for _ in 0..5 {
            alone.0.push(together(vec![make(target)]));
            crowded
                .0
                .push(together((0..cores).map(|_| make(target)).collect()));
        }
        let what = format!("{name}, {target}: {cores} threads");
        Row::series(what, nanoseconds, &crowded, ("1 thread", &alone), None)
    });
    ("A probe from all cores at once", rows.to_vec())
}

/// Nanoseconds for one request, while each subject has a thread of its own.
fn together(subjects: Vec<Subject>) -> f64 {
    let start = Arc::new(Barrier::new(subjects.len()));
    let threads = subjects.into_iter().map(|mut subject| {
        let start = Arc::clone(&start);
        thread::spawn(move || {
            let batch = batch(&mut subject);
            start.wait();
            let times = (0..TURNS / 5).map(|_| time(&mut subject, batch));
            times.collect::<Vec<_>>()
        })
    });
    let threads: Vec<_> = threads.collect();
    let times = threads
        .into_iter()
        .map(|thread| thread.join().expect("no panic"));
    Spread::of(times.flatten().collect()).median
}

fn time(subject: &mut Subject, batch: u64) -> f64 {
    subject.timed(batch).as_nanos() as f64 / batch as f64
}
