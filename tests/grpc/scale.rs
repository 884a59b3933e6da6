//! What ten thousand open watches cost: memory with a bound, and nothing while nothing changes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use hyper::body::Body;
use tower::ServiceExt;
use tower_health::{Health, Status};

use crate::calls::{AppBody, CHECK, WATCH, asking, request, site};
use crate::checks::with_db;
use crate::reply::Reply;
use crate::support::counting::{allocations, held};
use crate::support::{Dial, lapse, secs, settle, steady};

const WATCHES: usize = 10_000;

/// More than twice what it is: a field more is no news, a buffer for each watch would be.
const MOST_BYTES: isize = 1024;

/// Counts how often anybody is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Crowd {
    bodies: Vec<Pin<Box<AppBody>>>,
    wakes: Arc<Wakes>,
}

impl Crowd {
    async fn open(health: &Health, service: &str) -> Self {
        let site = site(health);
        let mut bodies = Vec::with_capacity(WATCHES);
        for _ in 0..WATCHES {
            let response = site.clone().oneshot(request(WATCH, asking(service))).await;
            bodies.push(Box::pin(response.unwrap().into_body()));
        }
        Self {
            bodies,
            wakes: Arc::default(),
        }
    }

    /// Reads every stream until it has no more, and says how many messages there were.
    async fn read(&mut self) -> usize {
        // In one task for all of them tokio would cut the reading short, and wake it at once.
        tokio::task::unconstrained(async { self.read_all() }).await
    }

    fn read_all(&mut self) -> usize {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let mut cx = Context::from_waker(&waker);
        let mut messages = 0;
        for body in &mut self.bodies {
            while let Poll::Ready(frame) = body.as_mut().poll_frame(&mut cx) {
                assert!(frame.unwrap().unwrap().is_data(), "it has ended");
                messages += 1;
            }
        }
        messages
    }

    fn wakes(&self) -> usize {
        self.wakes.0.swap(0, Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn no_stream_wakes_while_checks_run_and_pass() {
    let db = Dial::at(Status::Pass);
    let health = with_db(&db).await;
    let mut crowd = Crowd::open(&health, "").await;
    assert_eq!(crowd.read().await, WATCHES);
    let runs = db.runs();

    lapse(secs(3600)).await;
    assert!(db.runs() >= runs + 3599, "the checks have run, and passed");
    assert_eq!(crowd.wakes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_wakes_each_stream_once() {
    let db = Dial::at(Status::Pass);
    let health = with_db(&db).await;
    let mut crowd = Crowd::open(&health, "").await;
    assert_eq!(crowd.read().await, WATCHES);
    for status in [Status::Fail, Status::Pass] {
        db.turn(status);
        lapse(secs(1)).await;
        settle().await;
        assert_eq!(crowd.wakes(), WATCHES, "{status}");
        assert_eq!(crowd.read().await, WATCHES, "{status}");
    }
    lapse(secs(60)).await;
    assert_eq!(crowd.wakes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_watch_holds_less_than_a_kilobyte_however_much_its_reader_misses() {
    let db = Dial::at(Status::Pass);
    let health = steady()
        .readiness(db.check("db"))
        .grpc_service("shop.v1.Orders", ["db"])
        .start()
        .unwrap();
    settle().await;
    let before = held();
    let mut crowd = Crowd::open(&health, "shop.v1.Orders").await;
    let each = |held: isize| held / isize::try_from(WATCHES).unwrap();
    let opened = each(held() - before);
    assert_eq!(crowd.read().await, WATCHES);
    let waiting = each(held() - before);
    println!("bytes for each open watch: {opened} before its first message, {waiting} after it");
    assert!(opened < MOST_BYTES, "{opened}");
    assert!(waiting < MOST_BYTES, "{waiting}");

    for round in 0..100 {
        let even = round % 2 == 0;
        db.turn(if even { Status::Fail } else { Status::Pass });
        lapse(secs(1)).await;
        settle().await;
    }
    let behind = each(held() - before);
    // The health keeps a history of its own, once for all of them.
    assert!(behind <= waiting + 16, "{behind} after 100 changes");
    drop(crowd);
    assert!(each(held() - before) <= 16, "all of it is given back");
}

#[tokio::test(start_paused = true)]
async fn a_watch_keeps_neither_the_refresher_nor_any_task_alive() {
    let db = Dial::at(Status::Pass);
    let health = with_db(&db).await;
    let mut crowd = Crowd::open(&health, "").await;
    assert_eq!(crowd.read().await, WATCHES);
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    assert!(tasks() > 0);

    drop(health);
    settle().await;
    assert_eq!(tasks(), 0);
    let runs = db.runs();
    lapse(secs(60)).await;
    assert_eq!(db.runs(), runs);
}

// What bounds a request that does not arrive costs nothing where it has arrived.
#[test]
fn a_check_whose_request_is_there_allocates_seven_times_at_most() {
    let health = Health::fixed(Status::Pass);
    let site = site(&health);
    let mut fewest = usize::MAX;
    // What is made once for the process is made by the third.
    for _ in 0..3 {
        let (site, call) = (site.clone(), request(CHECK, asking("")));
        let count = allocations(|| {
            let answer = site.oneshot(call).now_or_never().unwrap();
            drop(Reply::of(answer.unwrap()).now_or_never().unwrap());
        });
        fewest = fewest.min(count);
    }
    println!("allocations for a Check: {fewest}");
    assert!(fewest <= 7, "{fewest}");
}
