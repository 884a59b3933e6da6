//! A channel over several endpoints: what the documentation says that a check of it sees.

use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::health_check_response::ServingStatus;
use tower_health::HealthIndicator;

use super::grpc::{ANYWHERE, orders, saying, serving};
use crate::support::eventually;

#[tokio::test]
async fn a_run_sees_one_endpoint_of_those_that_the_channel_balances_over() {
    let well = serving(ANYWHERE, saying(Ok(ServingStatus::Serving.into()))).await;
    let sick = serving(ANYWHERE, saying(Ok(ServingStatus::NotServing.into()))).await;
    let endpoints = [&well, &sick].map(|site| Endpoint::from_shared(site.url("")).unwrap());
    let orders = orders(Channel::balance_list(endpoints.into_iter()));
    let (mut passed, mut failed) = (false, false);
    eventually("a run passes, and another fails", async || {
        match orders.check().await {
            Ok(_) => passed = true,
            Err(failure) => failed |= failure.output().contains("NOT_SERVING"),
        }
        passed && failed
    })
    .await;
}
