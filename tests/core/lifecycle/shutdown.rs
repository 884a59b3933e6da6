//! The order of a shutdown: readiness fails, the delay passes, the server stops, the cap ends it.

use std::future::{Ready, pending, ready};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tower_health::{Health, Probe, Status};

use crate::support::{lapse, secs, settle, steady};

fn health() -> Health {
    steady()
        .drain_delay(secs(5))
        .drain_cap(secs(20))
        .start()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn drain_on_fails_readiness_with_the_trigger_and_resolves_after_the_delay() {
    let health = health();
    let (trigger, triggered) = oneshot::channel::<()>();
    let shutdown = tokio::spawn(health.drain_on(async {
        let _ = triggered.await;
    }));
    lapse(secs(3600)).await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    assert!(!shutdown.is_finished());

    trigger.send(()).unwrap();
    let start = Instant::now();
    settle().await;
    assert_eq!(health.status(Probe::Readiness), Status::Fail);
    assert_eq!(health.status(Probe::Liveness), Status::Pass);

    lapse(Duration::from_millis(4_900)).await;
    assert!(!shutdown.is_finished());
    shutdown.await.unwrap();
    assert_eq!(start.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_delay_counts_from_the_first_drain() {
    let health = health();
    health.drain();
    lapse(secs(3)).await;
    health.drain();
    let start = Instant::now();
    health.drain_on(ready(())).await;
    assert_eq!(start.elapsed(), secs(2));

    lapse(secs(60)).await;
    let start = Instant::now();
    health.drain_on(ready(())).await;
    assert_eq!(start.elapsed(), Duration::ZERO, "it is long over");
}

#[tokio::test(start_paused = true)]
async fn several_servers_of_one_service_wait_for_the_same_moment() {
    let health = health();
    let start = Instant::now();
    let late = async {
        lapse(secs(1)).await;
    };
    let (one, other) = (health.drain_on(ready(())), health.drain_on(late));
    tokio::join!(one, other);
    assert_eq!(start.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_not_polled_drains_nothing() {
    let health = health();
    drop(health.drain_on(ready(())));
    settle().await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn a_delay_of_zero_resolves_with_the_trigger() {
    let health = steady().drain_delay(Duration::ZERO).start().unwrap();
    let start = Instant::now();
    health.drain_on(ready(())).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(health.status(Probe::Readiness), Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_by_itself_gives_what_it_returned() {
    let health = health();
    let served: Option<Result<u8, &str>> = health
        .cap_drain(async {
            lapse(secs(3600)).await;
            Err("the listener is gone")
        })
        .await;
    assert_eq!(served, Some(Err("the listener is gone")));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_within_the_cap_gives_what_it_returned() {
    let health = health();
    let shutdown = health.drain_on(ready(()));
    let server = async {
        shutdown.await;
        lapse(Duration::from_millis(19_999)).await;
        "served"
    };
    assert_eq!(health.cap_drain(server).await, Some("served"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_stop_is_given_up_at_the_cap_after_the_delay() {
    let health = health();
    let start = Instant::now();
    let shutdown = health.drain_on(ready(()));
    let server = async {
        shutdown.await;
        pending::<()>().await;
    };
    assert_eq!(health.cap_drain(server).await, None);
    assert_eq!(start.elapsed(), secs(25));
}

#[tokio::test(start_paused = true)]
async fn the_cap_does_not_count_before_the_delay_of_a_shutdown_is_over() {
    let health = health();
    // The operator only wants no more traffic; no shutdown begins.
    health.drain();
    let served = health
        .cap_drain(async {
            lapse(secs(3600)).await;
            "served"
        })
        .await;
    assert_eq!(served, Some("served"));
}

#[tokio::test(start_paused = true)]
async fn the_cap_takes_what_axum_serve_and_others_are() {
    struct Server;

    impl IntoFuture for Server {
        type Output = &'static str;
        type IntoFuture = Ready<&'static str>;

        fn into_future(self) -> Self::IntoFuture {
            ready("served")
        }
    }

    assert_eq!(health().cap_drain(Server).await, Some("served"));
}
