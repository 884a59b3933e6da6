//! A primary that is demoted while the connection stays on it.

use tower_health::HealthIndicator;
use tower_health::indicators::RedisIndicator;

use super::support::{NAME, PASSWORD, fails_with, indicator, watch};
use super::switch::Switch;
use crate::servers::redis::{RedisServer, client};
use crate::servers::redis_sentinel::{has_role, replica_of};
use crate::support::PATIENCE;
use crate::support::runs::passes;
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_demoted_primary_fails_if_a_primary_is_expected_and_passes_otherwise() {
    let (primary, _replica) = pair().await;
    for protocol in ["", "/?protocol=resp3"] {
        let url = format!("redis://{}{protocol}", primary.address());
        let client = redis::Client::open(url).unwrap();
        let expecting = Watched::start(NAME, indicator(client.clone()).expect_primary());
        let other = watch(client);
        expecting.passes().await;
        demote(&primary).await;
        fails_with(&expecting, "HELLO: the server is a replica: it was demoted").await;
        other.runs(2).await;
        other.passes().await;
        primary.admin().await.ask::<()>("REPLICAOF NO ONE").await;
        expecting.passes().await;
    }
}

// ROLE and INFO are in the category @dangerous, which few users have.
#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn the_role_needs_no_permission() {
    let server = RedisServer::start().await;
    let user = format!("ACL SETUSER probe on >{PASSWORD} +ping");
    server.admin().await.ask::<()>(&user).await;
    let client = client(&format!("probe:{PASSWORD}@"), server.port());
    let watched = Watched::start(NAME, indicator(client).expect_primary());
    watched.passes().await;
    demote(&server).await;
    fails_with(&watched, "the server is a replica").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_connection_to_a_demoted_primary_is_closed_and_the_next_one_passes_in_the_same_run() {
    for protocol in ["", "/?protocol=resp3"] {
        let (primary, replica) = pair().await;
        let switch = Switch::to(primary.address()).await;
        let url = format!("redis://127.0.0.1:{}{protocol}", switch.port());
        let client = redis::Client::open(url).unwrap();
        let staying = indicator(client.clone()).timeout(PATIENCE).expect_primary();
        let leaving = indicator(client).timeout(PATIENCE).close_on_replica();
        passes(&staying).await;
        passes(&leaving).await;

        replica.admin().await.ask::<()>("REPLICAOF NO ONE").await;
        demote(&primary).await;
        switch.lead_to(replica.address());
        let _ = leaving.check().await.unwrap();
        for _ in 0..3 {
            assert!(staying.check().await.is_err());
            let _ = leaving.check().await.unwrap();
        }
        // This one and that of the indicator that stays.
        primary.admin().await.settles_at(2).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_connection_that_leads_to_a_replica_again_is_left_alone() {
    let (_primary, replica) = pair().await;
    let redis = indicator(replica.client())
        .timeout(PATIENCE)
        .close_on_replica();
    let mut admin = replica.admin().await;
    let before = admin.connections_received().await;
    for _ in 0..5 {
        let text = redis.check().await.unwrap_err().to_string();
        assert!(text.contains("the server is a replica"), "{text}");
    }
    assert_eq!(admin.connections_received().await - before, 2);
    assert_eq!(admin.calls("quit").await, 1);
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_connection_that_cannot_be_made_again_is_never_closed() {
    let (_primary, replica) = pair().await;
    let connection = replica.client().get_multiplexed_async_connection().await;
    let redis = RedisIndicator::new(NAME, connection.unwrap());
    let redis = redis.timeout(PATIENCE).close_on_replica();
    for _ in 0..3 {
        let text = redis.check().await.unwrap_err().to_string();
        assert!(text.contains("the server is a replica"), "{text}");
    }
    assert_eq!(replica.admin().await.calls("quit").await, 0);
}

async fn pair() -> (RedisServer, RedisServer) {
    let primary = RedisServer::start().await;
    let replica = replica_of(&primary).await;
    (primary, replica)
}

/// As a failover does it; the connections stay.
async fn demote(server: &RedisServer) {
    let mut admin = server.admin().await;
    admin.ask::<()>("REPLICAOF 127.0.0.1 1").await;
    has_role(server, "slave").await;
}
