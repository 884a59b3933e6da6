//! Services that the application switches by hand.

use tower_health::{Health, Limits, ServingStatus, Status};

use crate::calls::check;
use crate::reply::NOT_FOUND;
use crate::support::{Dial, settle, steady};

#[tokio::test]
async fn a_service_is_what_it_was_switched_to_at_once() {
    let health = Health::fixed(Status::Fail);
    assert_eq!(check(&health, "shop.Orders").await, Err(NOT_FOUND));
    for status in [
        ServingStatus::Serving,
        ServingStatus::NotServing,
        ServingStatus::Unknown,
        ServingStatus::Serving,
    ] {
        health.set_serving_status("shop.Orders", status).unwrap();
        assert_eq!(check(&health, "shop.Orders").await, Ok(status));
    }
    health.clear_serving_status("shop.Orders");
    assert_eq!(check(&health, "shop.Orders").await, Err(NOT_FOUND));
}

#[tokio::test]
async fn one_switch_moves_no_other_service() {
    let health = Health::fixed(Status::Pass);
    health
        .set_serving_status("a", ServingStatus::NotServing)
        .unwrap();
    health
        .set_serving_status("b", ServingStatus::Serving)
        .unwrap();
    assert_eq!(check(&health, "a").await, Ok(ServingStatus::NotServing));
    assert_eq!(check(&health, "").await, Ok(ServingStatus::Serving));
    health.clear_serving_status("b");
    assert_eq!(check(&health, "a").await, Ok(ServingStatus::NotServing));
}

#[tokio::test(start_paused = true)]
async fn a_switch_stands_above_a_group_until_it_is_cleared() {
    let health = steady()
        .readiness(Dial::at(Status::Fail).check("db"))
        .grpc_service("shop.Orders", ["db"])
        .start()
        .unwrap();
    settle().await;
    let orders = async || check(&health, "shop.Orders").await;
    assert_eq!(orders().await, Ok(ServingStatus::NotServing));
    health
        .set_serving_status("shop.Orders", ServingStatus::Serving)
        .unwrap();
    assert_eq!(orders().await, Ok(ServingStatus::Serving));
    health.clear_serving_status("shop.Orders");
    assert_eq!(orders().await, Ok(ServingStatus::NotServing));
}

#[tokio::test]
async fn nothing_that_was_switched_is_serving_while_draining() {
    let health = Health::fixed(Status::Pass);
    let set = |name, status| health.set_serving_status(name, status).unwrap();
    set("before", ServingStatus::Serving);
    set("unknown", ServingStatus::Unknown);
    health.drain();
    set("after", ServingStatus::Serving);
    assert_eq!(
        check(&health, "before").await,
        Ok(ServingStatus::NotServing)
    );
    assert_eq!(check(&health, "after").await, Ok(ServingStatus::NotServing));
    assert_eq!(check(&health, "unknown").await, Ok(ServingStatus::Unknown));
}

#[tokio::test]
async fn the_standard_names_cannot_be_switched() {
    let health = Health::fixed(Status::Fail);
    for name in ["", "liveness", "readiness", "startup"] {
        let before = check(&health, name).await;
        let refused = health.set_serving_status(name, ServingStatus::Unknown);
        let refused = refused.unwrap_err();
        assert!(refused.is_name(), "{name:?}");
        assert_eq!(
            refused.to_string(),
            format!("gRPC service {name:?}: the name is taken")
        );
        health.clear_serving_status(name);
        assert_eq!(check(&health, name).await, before, "{name:?}");
    }
}

#[tokio::test]
async fn every_handle_and_layer_of_a_health_sees_a_switch() {
    let health = Health::fixed(Status::Pass);
    let site = crate::calls::site(&health);
    let other = health.clone();
    other
        .set_serving_status("a", ServingStatus::NotServing)
        .unwrap();
    let call = crate::calls::request(crate::calls::CHECK, crate::calls::asking("a"));
    let response = tower::ServiceExt::oneshot(site, call).await.unwrap();
    let reply = crate::reply::Reply::of(response).await;
    assert_eq!(reply.status(), Ok(vec![0, 0, 0, 0, 2, 8, 2]));
}

#[tokio::test(start_paused = true)]
async fn one_more_service_than_the_limit_cannot_be_switched() {
    let mut limits = Limits::default();
    limits.services = 2;
    let health = steady().limits(limits).start().unwrap();
    let set = |name, status| health.set_serving_status(name, status);
    set("a", ServingStatus::Serving).unwrap();
    set("b", ServingStatus::Serving).unwrap();
    let error = set("c", ServingStatus::Serving).unwrap_err();
    let expected = "gRPC service \"c\": there are 2 already, which is the limit";
    assert_eq!(error.to_string(), expected);
    assert!(error.is_limit() && !error.is_name() && !error.is_option());
    assert_eq!(check(&health, "c").await, Err(NOT_FOUND));

    set("b", ServingStatus::NotServing).unwrap();
    assert_eq!(check(&health, "b").await, Ok(ServingStatus::NotServing));
    health.clear_serving_status("a");
    set("c", ServingStatus::Serving).unwrap();
    assert_eq!(check(&health, "c").await, Ok(ServingStatus::Serving));
}
