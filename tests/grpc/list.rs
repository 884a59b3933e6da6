//! List: names are details, and the number of names in an answer is limited.

use std::collections::BTreeMap;

use http::Request;
use http_body_util::Full;
use hyper::body::Bytes;
use prost::Message;
use tower::ServiceExt;
use tower_health::{Details, Health, HealthLayer, HealthLayerBuilder, ServingStatus, Status};

use crate::calls::{CHECK, LIST, around, asking, check, frame, request};
use crate::reply::{Code, RESOURCE_EXHAUSTED, Reply};
use crate::support::{Dial, settle, steady};

const TOKEN: &str = "s3cret-token";

/// As `grpc.health.v1.HealthListResponse` is defined; tonic-health does not have it.
#[derive(Clone, PartialEq, Message)]
struct Listed {
    #[prost(btree_map = "string, message", tag = "1")]
    statuses: BTreeMap<String, ListedStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct ListedStatus {
    #[prost(int32, tag = "1")]
    status: i32,
}

type Listing = Result<BTreeMap<String, i32>, Code>;

async fn list(layer: &HealthLayer, request: Request<Full<Bytes>>) -> Listing {
    let response = around(layer).oneshot(request).await.unwrap();
    let frame = Reply::of(response).await.status()?;
    let listed = Listed::decode(&frame[5..]).unwrap();
    let status = |(name, listed): (String, ListedStatus)| (name, listed.status);
    Ok(listed.statuses.into_iter().map(status).collect())
}

async fn listed(layer: HealthLayerBuilder) -> Listing {
    list(&layer.build().unwrap(), request(LIST, frame(&[]))).await
}

async fn listed_with_token(layer: HealthLayerBuilder) -> Listing {
    let mut request = request(LIST, frame(&[]));
    let credential = format!("Bearer {TOKEN}").parse().unwrap();
    request.headers_mut().insert("authorization", credential);
    list(&layer.build().unwrap(), request).await
}

fn names(listing: Listing) -> Vec<String> {
    listing.unwrap().into_keys().collect()
}

const STANDARD: [&str; 4] = ["", "liveness", "readiness", "startup"];
const ALL: [&str; 6] = ["", "cart", "liveness", "orders", "readiness", "startup"];

/// Ready, with the group `orders`, and `cart`, which was switched.
async fn shop() -> Health {
    let health = steady()
        .readiness(Dial::at(Status::Pass).check("db"))
        .grpc_service("orders", ["db"])
        .start()
        .unwrap();
    settle().await;
    health
        .set_serving_status("cart", ServingStatus::NotServing)
        .unwrap();
    health
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_sees_details_sees_every_name() {
    let health = shop().await;
    let layer = || HealthLayer::builder(health.clone());
    let guarded = || layer().details(Details::bearer(TOKEN));
    assert_eq!(names(listed(layer()).await), STANDARD);
    assert_eq!(names(listed(layer().details(Details::always())).await), ALL);
    assert_eq!(names(listed(guarded()).await), STANDARD);
    assert_eq!(names(listed_with_token(guarded()).await), ALL);
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_its_own_stands_above_that_of_the_details() {
    let health = shop().await;
    let layer = || HealthLayer::builder(health.clone());
    let open = layer().grpc_list(Details::always());
    assert_eq!(names(listed(open).await), ALL);
    let closed = layer()
        .details(Details::always())
        .grpc_list(Details::never());
    assert_eq!(names(listed(closed).await), STANDARD);
    let guarded = || layer().grpc_list(Details::bearer(TOKEN));
    assert_eq!(names(listed(guarded()).await), STANDARD);
    assert_eq!(names(listed_with_token(guarded()).await), ALL);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_sent_is_an_error_of_the_layer() {
    let layer = HealthLayer::builder(shop().await).grpc_list(Details::bearer(""));
    assert!(layer.build().unwrap_err().is_option());
}

#[tokio::test(start_paused = true)]
async fn what_a_list_says_of_a_name_is_what_a_check_says_of_it() {
    let health = shop().await;
    let all = || listed(HealthLayer::builder(health.clone()).details(Details::always()));
    health.refuse_traffic("maintenance");
    health.mark_broken("deadlock");
    health
        .set_serving_status("nothing known", ServingStatus::Unknown)
        .unwrap();
    let listed = all().await.unwrap();
    assert_eq!(listed.len(), 7);
    for (name, status) in listed {
        assert_eq!(
            check(&health, &name).await.unwrap() as i32,
            status,
            "{name}"
        );
    }
    health.accept_traffic();
    health.clear_serving_status("nothing known");
    let listed = all().await.unwrap();
    assert_eq!(listed[""], 1);
    assert_eq!(listed["orders"], 1);
    assert_eq!(listed["liveness"], 2);
    assert!(!listed.contains_key("nothing known"));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_a_group_and_switched_is_listed_once() {
    let health = shop().await;
    health
        .set_serving_status("orders", ServingStatus::NotServing)
        .unwrap();
    let listed = listed(HealthLayer::builder(health).details(Details::always())).await;
    assert_eq!(listed.as_ref().unwrap()["orders"], 2);
    assert_eq!(names(listed), ALL);
}

#[tokio::test]
async fn more_than_a_hundred_names_are_not_listed() {
    let health = Health::fixed(Status::Pass);
    let set = |name: usize| {
        let name = format!("service-{name}");
        health
            .set_serving_status(&name, ServingStatus::Serving)
            .unwrap();
    };
    let layer = || HealthLayer::builder(health.clone());
    (5..=100).for_each(set);
    let listing = listed(layer().details(Details::always())).await;
    assert_eq!(names(listing).len(), 100);

    set(101);
    let listing = listed(layer().details(Details::always())).await;
    assert_eq!(listing, Err(RESOURCE_EXHAUSTED));
    // They tell nothing to those who may not see them, not even that they are many.
    assert_eq!(names(listed(layer()).await), STANDARD);
    assert!(check(&health, "service-101").await.is_ok());
}

#[tokio::test]
async fn details_open_nothing_but_the_list() {
    let layer = HealthLayer::builder(Health::fixed(Status::Pass)).details(Details::always());
    let request = request(CHECK, asking("readiness"));
    let response = around(&layer.build().unwrap()).oneshot(request).await;
    let reply = Reply::of(response.unwrap()).await;
    assert_eq!(reply.status(), Ok(vec![0, 0, 0, 0, 2, 8, 1]));
}
