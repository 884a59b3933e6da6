//! Watch: the status at once, then each change and nothing else.

use tower_health::{Health, ServingStatus, Status};

use crate::checks::{hangs_after_its_first_run, with_db};
use crate::stream::{NOT_SERVING, SERVICE_UNKNOWN, SERVING, Stream, Told};
use crate::support::{Dial, lapse, secs, settle, steady};

async fn turn(dial: &Dial, status: Status) {
    dial.turn(status);
    lapse(secs(1)).await;
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_message_is_there_at_once() {
    let health = with_db(&Dial::at(Status::Pass)).await;
    let first = async |service| Stream::open(&health, service).await.now().await;
    for service in ["", "readiness", "liveness", "startup"] {
        assert_eq!(first(service).await, [SERVING], "{service:?}");
    }
    assert_eq!(first("nobody").await, [SERVICE_UNKNOWN]);
    health.drain();
    assert_eq!(first("").await, [NOT_SERVING]);
    assert_eq!(first("liveness").await, [SERVING]);
}

#[tokio::test(start_paused = true)]
async fn each_change_is_one_message() {
    let db = Dial::at(Status::Pass);
    let health = steady()
        .readiness(db.check("db"))
        .grpc_service("shop.Orders", ["db"])
        .start()
        .unwrap();
    let mut streams = Vec::new();
    for service in ["", "readiness", "shop.Orders"] {
        streams.push(Stream::open(&health, service).await);
    }
    // Each stream: not checked yet, first result, failure, warning, failure, pass.
    for stream in &mut streams {
        assert_eq!(stream.now().await, [NOT_SERVING]);
    }
    settle().await;
    for (status, expected) in [
        (Status::Pass, SERVING),
        (Status::Fail, NOT_SERVING),
        (Status::Warn, SERVING),
        (Status::Fail, NOT_SERVING),
        (Status::Pass, SERVING),
    ] {
        turn(&db, status).await;
        for stream in &mut streams {
            assert_eq!(stream.now().await, [expected], "{status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_no_status_is_no_message() {
    let db = Dial::at(Status::Pass);
    let health = with_db(&db).await;
    let mut ready = Stream::open(&health, "").await;
    let mut live = Stream::open(&health, "liveness").await;
    assert_eq!(
        (ready.now().await, live.now().await),
        (vec![SERVING], vec![SERVING])
    );

    turn(&db, Status::Warn).await;
    turn(&db, Status::Pass).await;
    health
        .set_serving_status("another", ServingStatus::NotServing)
        .unwrap();
    health.heartbeat("loop", secs(60)).unwrap().finish();
    assert_eq!(ready.told().await, [], "warn is serving, and so is pass");

    turn(&db, Status::Fail).await;
    assert_eq!(ready.told().await, [NOT_SERVING]);
    health.refuse_traffic("failing, and refusing besides");
    assert_eq!(ready.told().await, []);
    assert_eq!(live.told().await, [], "readiness is not its business");
}

#[tokio::test(start_paused = true)]
async fn the_switches_of_the_process_are_announced() {
    let health = steady().gate("migrations").start().unwrap();
    let mut ready = Stream::open(&health, "").await;
    let mut live = Stream::open(&health, "liveness").await;
    let mut started = Stream::open(&health, "startup").await;
    assert_eq!(ready.told().await, [NOT_SERVING]);
    assert_eq!(live.told().await, [SERVING]);
    assert_eq!(started.told().await, [NOT_SERVING]);

    health.gate("migrations").unwrap().complete();
    assert_eq!(ready.told().await, [SERVING]);
    assert_eq!(started.told().await, [SERVING]);
    health.refuse_traffic("maintenance");
    assert_eq!(ready.told().await, [NOT_SERVING]);
    health.accept_traffic();
    assert_eq!(ready.told().await, [SERVING]);

    let heartbeat = health.heartbeat("loop", secs(5)).unwrap();
    lapse(secs(6)).await;
    assert_eq!(
        live.told().await,
        [NOT_SERVING],
        "missed, with nobody asking"
    );
    heartbeat.beat();
    assert_eq!(live.told().await, [SERVING]);
    drop(heartbeat);
    assert_eq!(live.told().await, [NOT_SERVING]);
    assert_eq!((ready.told().await, started.told().await), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_becomes_stale_is_sent_without_a_request() {
    // Timed out only long after it is stale.
    let db = hangs_after_its_first_run().timeout(secs(3600));
    let health = steady()
        .readiness(db.stale_after(secs(10)))
        .start()
        .unwrap();
    settle().await;
    let mut stream = Stream::open(&health, "liveness").await;
    let mut ready = Stream::open(&health, "").await;
    assert_eq!(ready.now().await, [SERVING]);
    lapse(secs(60)).await;
    assert_eq!(ready.now().await, [NOT_SERVING]);
    assert_eq!(stream.now().await, [SERVING]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_the_latest_and_nothing_twice() {
    let db = Dial::at(Status::Pass);
    let health = with_db(&db).await;
    let mut stream = Stream::open(&health, "").await;
    assert_eq!(stream.now().await, [SERVING]);

    for _ in 0..5 {
        turn(&db, Status::Fail).await;
        turn(&db, Status::Pass).await;
    }
    assert_eq!(stream.now().await, [], "it is as it was");
    for _ in 0..5 {
        turn(&db, Status::Pass).await;
        turn(&db, Status::Fail).await;
    }
    assert_eq!(stream.now().await, [NOT_SERVING]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_a_name_that_is_not_there_waits_for_it() {
    let health = steady().start().unwrap();
    let mut stream = Stream::open(&health, "shop.Orders").await;
    assert_eq!(stream.told().await, [SERVICE_UNKNOWN]);
    lapse(secs(3600)).await;
    assert_eq!(stream.told().await, [], "open, and silent");

    let set = |status| health.set_serving_status("shop.Orders", status).unwrap();
    set(ServingStatus::NotServing);
    assert_eq!(stream.told().await, [NOT_SERVING]);
    set(ServingStatus::Serving);
    assert_eq!(stream.told().await, [SERVING]);
    set(ServingStatus::Serving);
    assert_eq!(stream.told().await, []);
    set(ServingStatus::Unknown);
    assert_eq!(stream.told().await, [Told::Status(ServingStatus::Unknown)]);
    health.clear_serving_status("shop.Orders");
    assert_eq!(stream.told().await, [SERVICE_UNKNOWN]);
    health.clear_serving_status("shop.Orders");
    assert_eq!(stream.told().await, []);
    set(ServingStatus::Serving);
    assert_eq!(stream.told().await, [SERVING]);
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_is_cleared_gives_the_stream_its_group_again() {
    let health = steady()
        .readiness(Dial::at(Status::Pass).check("db"))
        .grpc_service("shop.Orders", ["db"])
        .start()
        .unwrap();
    settle().await;
    let mut stream = Stream::open(&health, "shop.Orders").await;
    assert_eq!(stream.told().await, [SERVING]);
    health
        .set_serving_status("shop.Orders", ServingStatus::NotServing)
        .unwrap();
    assert_eq!(stream.told().await, [NOT_SERVING]);
    health.clear_serving_status("shop.Orders");
    assert_eq!(stream.told().await, [SERVING]);
}

#[tokio::test(start_paused = true)]
async fn many_streams_of_one_name_each_get_each_change() {
    let db = Dial::at(Status::Pass);
    let health = with_db(&db).await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(Stream::open(&health, "").await);
    }
    turn(&db, Status::Fail).await;
    for stream in &mut streams {
        assert_eq!(stream.now().await, [NOT_SERVING], "its first message");
    }
    turn(&db, Status::Pass).await;
    for stream in &mut streams {
        assert_eq!(stream.now().await, [SERVING]);
    }
}

/// No refresher runs for it, and so nothing notifies its streams: they poll by themselves.
#[tokio::test(start_paused = true)]
async fn a_health_without_a_refresher_tells_its_switches_all_the_same() {
    let health = Health::fixed(Status::Pass);
    let mut ready = Stream::open(&health, "").await;
    let mut orders = Stream::open(&health, "shop.Orders").await;
    assert_eq!(ready.now().await, [SERVING]);
    assert_eq!(orders.now().await, [SERVICE_UNKNOWN]);
    health.refuse_traffic("maintenance");
    health
        .set_serving_status("shop.Orders", ServingStatus::Serving)
        .unwrap();
    assert_eq!(ready.next().await, NOT_SERVING);
    assert_eq!(orders.next().await, SERVING);
    health.drain();
    assert_eq!(orders.next().await, NOT_SERVING);
}

// A client that balances by itself opens a stream and sends no other request.
#[tokio::test(start_paused = true)]
async fn an_open_stream_keeps_checks_awake_that_run_only_while_probed() {
    for (service, is_probe) in [
        ("", true),
        ("readiness", true),
        ("shop.Orders", true),
        ("liveness", false),
        ("startup", false),
        ("nobody", false),
    ] {
        let db = Dial::at(Status::Pass);
        let health = steady()
            .readiness(db.check("db").while_probed(secs(30)))
            .grpc_service("shop.Orders", ["db"])
            .start()
            .unwrap();
        settle().await;
        let mut stream = Stream::open(&health, service).await;
        assert_eq!(stream.now().await.len(), 1, "{service:?}");
        lapse(secs(600)).await;
        assert_eq!(stream.now().await, [], "{service:?}");
        let runs = if is_probe { 601 } else { 1 };
        assert_eq!(db.runs(), runs, "{service:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_ended_keeps_nothing_awake_for_longer_than_a_probe_does() {
    let db = Dial::at(Status::Pass);
    let check = db.check("db").while_probed(secs(30));
    let health = steady().readiness(check).start().unwrap();
    let one = Stream::open(&health, "").await;
    let other = Stream::open(&health, "").await;
    lapse(secs(100)).await;
    drop(one);
    lapse(secs(100)).await;
    drop(other);
    let runs = db.runs();
    assert_eq!(runs, 200);
    lapse(secs(600)).await;
    // Give or take the second to which a probe is remembered.
    let more = db.runs() - runs;
    assert!((30..=33).contains(&more), "{more}");
}
