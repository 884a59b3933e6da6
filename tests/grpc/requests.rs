//! Calls of `Check` are counted as probes, where the health counts them.

use tower_health::{ServingStatus, Status};

use crate::calls::check;
use crate::reply::NOT_FOUND;
use crate::support::{Dial, settle, steady};

#[tokio::test(start_paused = true)]
async fn each_call_of_check_is_counted_by_service_and_status() {
    let health = steady()
        .readiness(Dial::at(Status::Fail).check("db"))
        .grpc_service("shop.Orders", ["db"])
        .count_probe_requests()
        .start()
        .unwrap();
    settle().await;
    health
        .set_serving_status("shop.Cart", ServingStatus::Unknown)
        .unwrap();
    for service in [
        "",
        "readiness",
        "liveness",
        "startup",
        "shop.Orders",
        "shop.Cart",
    ] {
        check(&health, service).await.unwrap();
    }
    assert_eq!(check(&health, "nobody").await, Err(NOT_FOUND));

    let counted = health.probe_requests().into_iter();
    let counted = counted.filter(|requests| requests.count > 0);
    let counted: Vec<_> = counted
        .map(|requests| {
            (
                requests.probe,
                requests.code,
                requests.transport,
                requests.count,
            )
        })
        .collect();
    assert_eq!(
        counted,
        [
            ("liveness", "SERVING", "grpc", 1),
            ("readiness", "NOT_SERVING", "grpc", 2),
            ("startup", "SERVING", "grpc", 1),
            ("service", "NOT_SERVING", "grpc", 1),
            ("service", "UNKNOWN", "grpc", 1),
            ("service", "NOT_FOUND", "grpc", 1),
        ]
    );
}
