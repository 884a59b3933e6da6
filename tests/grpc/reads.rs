//! Calls whose request does not arrive: how long they are read, and how many at once.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures_util::{FutureExt, stream};
use http::{HeaderValue, Request};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{advance, timeout};
use tower_health::{Health, Limits};

use crate::calls::{CHECK, LIST, WATCH, asking, request, respond, send, site};
use crate::connection::port;
use crate::reply::{Code, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, Reply};
use crate::support::counting::held;
use crate::support::{lapse, millis, secs, steady};

pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
type Piece = Result<Frame<Bytes>, Infallible>;

/// A call whose body never comes.
pub(crate) fn endless(path: &str) -> Request<Body> {
    let silent = stream::poll_fn(|_| Poll::<Option<Piece>>::Pending);
    request(path, Vec::new()).map(|_| Body::new(StreamBody::new(silent)))
}

/// A call of a client that waits this long.
fn waiting(timeout: &str, mut call: Request<Body>) -> Request<Body> {
    let timeout = HeaderValue::from_str(timeout).unwrap();
    call.headers_mut().insert("grpc-timeout", timeout);
    call
}

/// A call whose body comes as the test sends it.
fn in_pieces(path: &str) -> (mpsc::UnboundedSender<Vec<u8>>, Request<Body>) {
    let (sender, mut pieces) = mpsc::unbounded_channel::<Vec<u8>>();
    let body = stream::poll_fn(move |cx| {
        let piece = pieces.poll_recv(cx);
        piece.map(|bytes| bytes.map(|bytes| Piece::Ok(Frame::data(Bytes::from(bytes)))))
    });
    let call = request(path, Vec::new()).map(|_| Body::new(StreamBody::new(body)));
    (sender, call)
}

fn with_limits(set: impl FnOnce(&mut Limits)) -> Health {
    let mut limits = Limits::default();
    set(&mut limits);
    steady().limits(limits).start().unwrap()
}

type Answering = Pin<Box<dyn Future<Output = Result<Vec<u8>, Code>> + Send>>;

/// Sends a call, and looks at its answer once.
fn begin(health: &Health, call: Request<Body>) -> Result<Result<Vec<u8>, Code>, Answering> {
    let health = health.clone();
    let mut answer: Answering = Box::pin(async move { send(&health, call).await.status() });
    match (&mut answer).now_or_never() {
        Some(status) => Ok(status),
        None => Err(answer),
    }
}

fn tasks() -> usize {
    let metrics = tokio::runtime::Handle::current().metrics();
    metrics.num_alive_tasks()
}

// What a stranger can do over real connections, with as many streams as hyper allows on each.
#[tokio::test(start_paused = true)]
async fn ten_thousand_calls_that_never_end_leave_nothing_after_their_deadline() {
    const CONNECTIONS: usize = 50;
    const STREAMS: usize = 200;
    let (port, listener) = port();
    let health = Health::builder().start().unwrap();
    tokio::spawn(listener.serve(site::<Incoming>(&health)));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(port.http2_with_body::<Body>().await);
    }
    lapse(secs(1)).await;
    let (tasks_before, held_before) = (tasks(), held());

    let mut calls = JoinSet::new();
    for connection in &mut connections {
        for _ in 0..STREAMS {
            let call = endless(&format!("http://health.test{CHECK}"));
            calls.spawn(connection.send_request(waiting("1S", call)));
        }
    }
    lapse(millis(500)).await;
    let kib = (held() - held_before) / 1024;
    println!(
        "tasks: {tasks_before} before, {} while open; {kib} KiB",
        tasks()
    );
    lapse(secs(2)).await;
    assert_eq!(tasks(), tasks_before);
    let (mut late, mut refused) = (0, 0);
    while let Some(answer) = calls.join_next().await {
        match Reply::of(answer.unwrap().unwrap()).await.status() {
            Err(DEADLINE_EXCEEDED) => late += 1,
            Err(RESOURCE_EXHAUSTED) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((late, refused), (1024, CONNECTIONS * STREAMS - 1024));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_arrive_ends_its_call_after_the_shorter_of_both_timeouts() {
    let cases = [
        (None, millis(5_000)),
        (Some("10S"), millis(5_000)),
        (Some("99999999H"), millis(5_000)),
        (Some("1M"), millis(5_000)),
        (Some("2S"), millis(2_000)),
        (Some("1500m"), millis(1_500)),
        (Some("250000u"), millis(250)),
        (Some("99000000n"), millis(99)),
    ];
    let health = steady().start().unwrap();
    for (asked, expected) in cases {
        for path in [CHECK, WATCH, LIST] {
            let call = match asked {
                Some(asked) => waiting(asked, endless(path)),
                None => endless(path),
            };
            let began = tokio::time::Instant::now();
            let status = send(&health, call).await.status();
            assert_eq!(status, Err(DEADLINE_EXCEEDED), "{asked:?}, {path}");
            let took = began.elapsed();
            // The timer of tokio has a resolution of a millisecond.
            let is_right = (expected..=expected + millis(2)).contains(&took);
            assert!(is_right, "{asked:?}, {path}: {took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_no_time_is_answered_only_if_its_request_is_there() {
    let health = steady().start().unwrap();
    let late = begin(&health, waiting("0S", endless(CHECK)));
    assert_eq!(late.ok(), Some(Err(DEADLINE_EXCEEDED)));
    let (sender, call) = in_pieces(CHECK);
    sender.send(asking("")).unwrap();
    drop(sender);
    assert!(begin(&health, waiting("0S", call)).is_ok_and(|status| status.is_ok()));
}

#[tokio::test(start_paused = true)]
async fn the_read_timeout_can_be_set() {
    let health = with_limits(|limits| limits.read_timeout = millis(300));
    let call = send(&health, endless(CHECK));
    let reply = timeout(millis(302), call).await.expect("in time");
    assert_eq!(reply.status(), Err(DEADLINE_EXCEEDED));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_trickles_has_no_more_time_than_one_that_is_silent() {
    let health = steady().start().unwrap();
    let (sender, call) = in_pieces(CHECK);
    let began = tokio::time::Instant::now();
    let trickle = tokio::spawn(async move {
        // One byte a second of a message that announces more of them.
        for byte in [0, 0, 0, 0, 200].into_iter().chain([0; 200]) {
            let _ = sender.send(vec![byte]);
            lapse(secs(1)).await;
        }
    });
    assert_eq!(send(&health, call).await.status(), Err(DEADLINE_EXCEEDED));
    assert!(began.elapsed() <= millis(5_002), "{:?}", began.elapsed());
    trickle.abort();
}

// As after a pause of the process: the time is over, and the rest of the request is there.
#[tokio::test(start_paused = true)]
async fn a_request_that_has_arrived_is_answered_although_its_time_is_over() {
    let health = steady().start().unwrap();
    let (sender, call) = in_pieces(CHECK);
    let mut answer = begin(&health, call).expect_err("no request yet");
    sender.send(asking("")).unwrap();
    drop(sender);
    advance(secs(60)).await;
    let status = (&mut answer).now_or_never().expect("an answer");
    assert!(status.is_ok(), "{status:?}");
}

/// The answer to a call, if there is one now.
fn now(answer: &mut Answering) -> Option<Result<Vec<u8>, Code>> {
    answer.now_or_never()
}

// Not the latest: then calls that never end would keep every honest one out.
#[tokio::test(start_paused = true)]
async fn one_more_than_may_wait_ends_the_oldest_at_once() {
    let health = with_limits(|limits| limits.pending_calls = 2);
    let begin = |path| begin(&health, endless(path)).expect_err("it waits");
    let [mut first, mut second, mut third] = [CHECK, WATCH, LIST].map(begin);
    assert_eq!(now(&mut first), Some(Err(RESOURCE_EXHAUSTED)));
    assert_eq!((now(&mut second), now(&mut third)), (None, None));

    // A permit is given back with its call, and with its answer.
    drop(second);
    let (sender, call) = in_pieces(CHECK);
    let honest = self::begin(&health, call).expect_err("it waits");
    assert_eq!(now(&mut third), None);
    sender.send(asking("")).unwrap();
    drop(sender);
    assert!(honest.await.is_ok());
    let mut fourth = begin(CHECK);
    assert_eq!((now(&mut third), now(&mut fourth)), (None, None));
    lapse(secs(6)).await;
    for mut answer in [third, fourth] {
        assert_eq!(now(&mut answer), Some(Err(DEADLINE_EXCEEDED)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_is_woken_when_another_takes_its_permit() {
    let health = with_limits(|limits| limits.pending_calls = 1);
    let mut first = tokio::spawn(begin(&health, endless(CHECK)).expect_err("it waits"));
    assert!(timeout(secs(1), &mut first).await.is_err(), "alone");
    let began = tokio::time::Instant::now();
    let _second = begin(&health, endless(CHECK)).expect_err("it waits");
    assert_eq!(first.await.unwrap(), Err(RESOURCE_EXHAUSTED));
    assert_eq!(began.elapsed(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn an_honest_call_is_answered_while_a_stranger_takes_every_permit() {
    let health = with_limits(|limits| limits.pending_calls = 100);
    let mut open = Vec::new();
    let mut flood = |calls: usize| {
        open.extend((0..calls).map(|_| begin(&health, endless(CHECK)).expect_err("it waits")));
    };
    flood(1000);
    let (sender, call) = in_pieces(CHECK);
    let honest = begin(&health, call).expect_err("its request is late");
    flood(99);
    sender.send(asking("")).unwrap();
    drop(sender);
    assert!(honest.await.is_ok());
    // A whole request needs no permit.
    let whole = send(&health, request(CHECK, asking(""))).await;
    assert!(whole.status().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_empty_frames_occupies_no_thread_and_ends_in_time() {
    let frames = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&frames);
    let flood = stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Piece::Ok(Frame::data(Bytes::new()))
    });
    let call = request(CHECK, Vec::new()).map(|_| Body::new(StreamBody::new(flood)));
    let health = steady().start().unwrap();
    let mut answer = begin(&health, call).expect_err("it yields");
    let first = frames.load(Ordering::Relaxed);
    assert!(first <= 100, "{first} frames in a row");
    advance(secs(6)).await;
    let status = (&mut answer).now_or_never().expect("an answer");
    assert_eq!(status, Err(DEADLINE_EXCEEDED));
}

/// Polls calls where nothing but the future itself runs.
fn calls_that_wait_outside(health: &Health) {
    for path in [CHECK, WATCH, LIST] {
        assert!(begin(health, endless(path)).is_err(), "{path}");
    }
    let whole = begin(health, request(CHECK, asking("")).map(Body::new));
    assert!(whole.is_ok_and(|status| status.is_ok()));
    // Open, although the refresher does not know of the service.
    let watch = respond(health, request(WATCH, asking("late")));
    let mut watch = Box::pin(watch.now_or_never().unwrap().into_body());
    health
        .set_serving_status("late", tower_health::ServingStatus::Serving)
        .unwrap();
    for _ in ["serving", "not serving"] {
        assert!(watch.frame().now_or_never().is_some());
        health.drain();
    }
    // From here it waits for the end of the delay too.
    assert!(watch.frame().now_or_never().is_none());
}

#[test]
fn outside_a_tokio_runtime_calls_wait_and_nothing_panics() {
    calls_that_wait_outside(&Health::fixed(tower_health::Status::Pass));
}

#[test]
fn in_a_runtime_without_a_timer_calls_wait_and_nothing_panics() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    let _context = runtime.enter();
    calls_that_wait_outside(&Health::fixed(tower_health::Status::Pass));
}
