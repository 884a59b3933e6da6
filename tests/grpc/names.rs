//! The services that a user maps to checks, and unknown names.

use tower_health::{Criticality, Health, Limits, Probe, ServingStatus, Status};

use crate::calls::{CHECK, WATCH, check, frame, request, respond, send};
use crate::reply::{Code, NOT_FOUND, RESOURCE_EXHAUSTED, grpc_status};
use crate::stream::{Stream, Told};
use crate::support::{Dial, lapse, secs, settle, steady};

const SERVING: Result<ServingStatus, Code> = Ok(ServingStatus::Serving);
const NOT_SERVING: Result<ServingStatus, Code> = Ok(ServingStatus::NotServing);

fn shop(db: &Dial, queue: &Dial) -> Health {
    steady()
        .readiness(db.check("db"))
        .readiness(queue.check("queue"))
        .readiness(
            Dial::at(Status::Fail)
                .check("cache")
                .criticality(Criticality::NonCritical),
        )
        .grpc_service("shop.Catalogue", ["db", "cache"])
        .grpc_service("shop.Orders", ["db", "queue"])
        .grpc_service("shop.Nothing", [""; 0])
        .start()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_service_is_what_its_own_checks_say() {
    let (db, queue) = (Dial::at(Status::Pass), Dial::at(Status::Warn));
    let health = shop(&db, &queue);
    // db, queue -> shop.Catalogue, shop.Orders; the cache fails, but is not critical
    for (db_is, queue_is, catalogue, orders) in [
        (Status::Pass, Status::Warn, SERVING, SERVING),
        (Status::Pass, Status::Fail, SERVING, NOT_SERVING),
        (Status::Fail, Status::Pass, NOT_SERVING, NOT_SERVING),
        (Status::Pass, Status::Pass, SERVING, SERVING),
    ] {
        db.turn(db_is);
        queue.turn(queue_is);
        lapse(secs(1)).await;
        settle().await;
        assert_eq!(check(&health, "shop.Catalogue").await, catalogue);
        assert_eq!(check(&health, "shop.Orders").await, orders);
        assert_eq!(check(&health, "shop.Nothing").await, SERVING);
    }
}

#[tokio::test(start_paused = true)]
async fn no_service_is_serving_before_its_checks_have_run() {
    let health = shop(&Dial::at(Status::Pass), &Dial::at(Status::Pass));
    assert_eq!(check(&health, "shop.Catalogue").await, NOT_SERVING);
    settle().await;
    assert_eq!(check(&health, "shop.Catalogue").await, SERVING);
}

#[tokio::test(start_paused = true)]
async fn no_service_is_serving_while_the_process_takes_no_traffic() {
    let db = Dial::at(Status::Pass);
    let build = || {
        let builder = steady().readiness(db.check("db"));
        builder.grpc_service("shop.Catalogue", ["db"])
    };

    let starting = build().gate("migrations").start().unwrap();
    settle().await;
    assert_eq!(check(&starting, "shop.Catalogue").await, NOT_SERVING);
    starting.gate("migrations").unwrap().complete();
    assert_eq!(check(&starting, "shop.Catalogue").await, SERVING);

    let refusing = build().start().unwrap();
    settle().await;
    refusing.refuse_traffic("maintenance");
    assert_eq!(check(&refusing, "shop.Catalogue").await, NOT_SERVING);
    refusing.accept_traffic();
    assert_eq!(check(&refusing, "shop.Catalogue").await, SERVING);

    refusing.drain();
    assert_eq!(check(&refusing, "shop.Catalogue").await, NOT_SERVING);
}

#[tokio::test(start_paused = true)]
async fn a_name_matches_exactly_or_is_not_found() {
    let health = shop(&Dial::at(Status::Pass), &Dial::at(Status::Pass));
    settle().await;
    assert_eq!(check(&health, "shop.Orders").await, SERVING);
    for unknown in [
        "shop.orders",
        "shop.Orders ",
        " shop.Orders",
        "shop.Orders/Get",
        "/shop.Orders",
        "shop.*",
        "*",
        "shop",
        "Readiness",
        "readiness/",
        "/readyz",
        "db",
        "\0",
    ] {
        assert_eq!(check(&health, unknown).await, Err(NOT_FOUND), "{unknown:?}");
    }
}

#[tokio::test]
async fn the_longest_name_that_fits_is_only_unknown() {
    // Key, two bytes of length, and a name up to the limit of 4 KiB, frame included.
    let name = vec![b'x'; 4096 - 5 - 3];
    let mut message = vec![0x0a, 0xf8, 0x1f];
    message.extend(&name);
    assert_eq!(name.len(), 0x1f << 7 | 0x78);
    let health = Health::fixed(Status::Pass);
    let reply = send(&health, request(CHECK, frame(&message))).await;
    assert_eq!(reply.status(), Err(NOT_FOUND));
}

/// The frame of a request for a name of 128 bytes or more.
fn asking_long(name: &str) -> Vec<u8> {
    let [low, high] = [name.len() & 0x7f | 0x80, name.len() >> 7].map(|n| u8::try_from(n).unwrap());
    frame(&[&[0x0a, low, high], name.as_bytes()].concat())
}

// A `Watch` would keep it for as long as it is open.
#[tokio::test(start_paused = true)]
async fn a_name_beyond_the_limit_can_be_neither_declared_nor_set_nor_watched() {
    for limit in [256, 200] {
        let mut limits = Limits::default();
        assert_eq!(limits.service_name_bytes, 256);
        limits.service_name_bytes = limit;
        let builder = || steady().limits(limits);
        let health = builder().start().unwrap();
        let (longest, longer) = ("x".repeat(limit), "x".repeat(limit + 1));

        let error = builder()
            .grpc_service(&*longer, [""; 0])
            .start()
            .unwrap_err();
        let fault = format!("bad name: it is longer than {limit} bytes");
        assert!(error.to_string().ends_with(&fault), "{error}");
        assert!(error.is_name());
        let error = health.set_serving_status(&longer, ServingStatus::Serving);
        assert!(error.unwrap_err().is_name());
        let refused = respond(&health, request(WATCH, asking_long(&longer))).await;
        assert_eq!(grpc_status(refused.headers()), RESOURCE_EXHAUSTED);
        let checked = send(&health, request(CHECK, asking_long(&longer))).await;
        assert_eq!(checked.status(), Err(NOT_FOUND));

        assert!(builder().grpc_service(&*longest, [""; 0]).start().is_ok());
        health
            .set_serving_status(&longest, ServingStatus::Serving)
            .unwrap();
        let watch = respond(&health, request(WATCH, asking_long(&longest))).await;
        assert!(!watch.headers().contains_key("grpc-status"));
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_is_named_when_it_starts() {
    let db = || Dial::at(Status::Pass).check("db");
    let cases = [
        (
            steady().grpc_service("shop.Orders", ["db"]),
            "gRPC service \"shop.Orders\": there is no readiness check \"db\"",
        ),
        (
            steady().startup(db()).grpc_service("shop.Orders", ["db"]),
            "gRPC service \"shop.Orders\": there is no readiness check \"db\"",
        ),
        (
            steady().readiness(db()).grpc_service("", ["db"]),
            "gRPC service \"\": the name is taken",
        ),
        (
            steady().readiness(db()).grpc_service("startup", ["db"]),
            "gRPC service \"startup\": the name is taken",
        ),
        (
            steady()
                .readiness(db())
                .grpc_service("shop.Orders", ["db"])
                .grpc_service("shop.Orders", [""; 0]),
            "gRPC service \"shop.Orders\": the name is taken",
        ),
    ];
    for (builder, expected) in cases {
        assert_eq!(builder.start().unwrap_err().to_string(), expected);
    }
}

// A service that no check covers any more must not look healthy.
#[tokio::test(start_paused = true)]
async fn a_service_is_not_serving_while_a_check_of_its_own_is_removed() {
    let (db, queue) = (Dial::at(Status::Pass), Dial::at(Status::Pass));
    let health = shop(&db, &queue);
    let mut stream = Stream::open(&health, "shop.Orders").await;
    settle().await;
    assert_eq!(stream.told().await, [Told::Status(ServingStatus::Serving)]);

    health.remove_readiness("queue").await.unwrap();
    assert_eq!(check(&health, "shop.Orders").await, NOT_SERVING);
    assert_eq!(check(&health, "shop.Catalogue").await, SERVING);
    assert_eq!(
        stream.told().await,
        [Told::Status(ServingStatus::NotServing)]
    );
    let why = "shop.Orders is not serving: check queue was removed";
    assert_eq!(notes(&health), ["cache warns", why]);
    let startup = health.snapshot().report(Probe::Startup).notes();
    assert!(startup.is_empty(), "{startup:?}");

    health.remove_readiness("db").await.unwrap();
    assert_eq!(check(&health, "shop.Orders").await, NOT_SERVING);
    assert_eq!(check(&health, "shop.Catalogue").await, NOT_SERVING);

    health.add_readiness(queue.check("queue")).await.unwrap();
    health.add_readiness(db.check("db")).await.unwrap();
    settle().await;
    assert_eq!(check(&health, "shop.Orders").await, SERVING);
    assert_eq!(notes(&health), ["cache warns"]);
}

/// What the report of readiness notes.
fn notes(health: &Health) -> Vec<String> {
    health.snapshot().report(Probe::Readiness).notes()
}
