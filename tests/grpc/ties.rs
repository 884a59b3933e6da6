//! What a watch saw before the refresher did: it may be taken back before the refresher looks, and
//! then nothing has changed for the refresher, but something has for the watch.

use futures_util::FutureExt;
use tower_health::{Health, ServingStatus, Status};

use crate::calls::{WATCH, asking, request, site};
use crate::stream::{NOT_SERVING, SERVING, Stream, Told};
use crate::support::{Dial, lapse, millis, secs, settle, steady};

/// Opens a watch, reads its first message and waits for more, with no turn for another task in
/// between.
fn opened_now(health: &Health, service: &str) -> (Stream, Told) {
    let call = request(WATCH, asking(service));
    let response = tower::ServiceExt::oneshot(site(health), call);
    let response = response.now_or_never().unwrap().unwrap();
    let mut stream = Stream::of(response);
    let first = stream.next().now_or_never().unwrap();
    assert!(stream.next().now_or_never().is_none());
    (stream, first)
}

/// The next message of the watch, if it arrives before long.
async fn soon(stream: &mut Stream) -> Option<Told> {
    tokio::time::timeout(secs(5), stream.next()).await.ok()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_only_the_watch_saw_is_taken_back() {
    let health = steady().start().unwrap();
    settle().await;
    health.refuse_traffic("for a moment");
    let (mut stream, first) = opened_now(&health, "");
    assert_eq!(first, NOT_SERVING);
    health.accept_traffic();
    assert_eq!(soon(&mut stream).await, Some(SERVING));
    assert_eq!(soon(&mut stream).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_only_the_watch_saw_is_taken_back() {
    let health = steady().start().unwrap();
    let set = |status| health.set_serving_status("shop.Orders", status).unwrap();
    set(ServingStatus::Serving);
    settle().await;
    set(ServingStatus::NotServing);
    let (mut stream, first) = opened_now(&health, "shop.Orders");
    assert_eq!(first, NOT_SERVING);
    set(ServingStatus::Serving);
    assert_eq!(soon(&mut stream).await, Some(SERVING));
    assert_eq!(soon(&mut stream).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_missed_beat_that_only_the_watch_saw_is_taken_back() {
    let health = steady().start().unwrap();
    let heartbeat = health.heartbeat("loop", secs(60)).unwrap();
    lapse(secs(60) - millis(5)).await;
    // Time passes, and no task gets a turn. The refresher is 3 ms late, which is nothing unusual.
    let late = tokio::time::advance(millis(8));
    assert!(late.now_or_never().is_none());
    let (mut stream, first) = opened_now(&health, "liveness");
    assert_eq!(first, NOT_SERVING);
    heartbeat.beat();
    assert_eq!(soon(&mut stream).await, Some(SERVING));
    assert_eq!(soon(&mut stream).await, None);
}

#[tokio::test(start_paused = true)]
async fn no_green_light_outlives_the_runtime_of_the_refresher() {
    let db = Dial::at(Status::Pass);
    let elsewhere = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let health = Health::builder().readiness(db.check("db")).start().unwrap();
            health.await_ready().await.unwrap();
            health
        })
    });
    let health = elsewhere.join().unwrap();
    // The clock of this thread is paused and is not that of the thread that is gone: as far as
    // this one sees, the result is fresh until its clock has moved past it.
    let (mut stream, first) = opened_now(&health, "");
    assert_eq!(first, SERVING);
    let next = tokio::time::timeout(secs(3600), stream.next()).await;
    assert_eq!(next, Ok(NOT_SERVING));
}
