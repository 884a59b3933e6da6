//! A real cluster of three shards that loses some, gets them back, and moves slots.

use std::time::Duration;

use redis::cluster_async::ClusterConnection;
use tokio::net::TcpListener;
use tower_health::indicators::RedisIndicator;
use tower_health::{HealthIndicator, Status};

use super::support::{NAME, Silent, fails_with};
use crate::servers::redis_cluster::RedisCluster;
use crate::support::runs::{passes, runs_pass};
use crate::support::watched::{Watched, refused};
use crate::support::{PATIENCE, eventually};

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_run_reads_one_key_of_each_shard() {
    let cluster = RedisCluster::start().await;
    // Nothing is repeated, however busy the machine is.
    let client = cluster.client().response_timeout(PATIENCE);
    let connection = client.build().unwrap().get_async_connection().await;
    let redis = indicator(connection.unwrap()).timeout(PATIENCE);
    passes(&redis).await;
    let before = calls(&cluster).await;
    runs_pass(&redis, 10).await;
    let after = calls(&cluster).await;
    for (before, after) in before.iter().zip(&after) {
        let sent = [0, 1, 2].map(|command| after[command] - before[command]);
        assert_eq!(sent, [10, 0, 0], "get, ping, cluster|slots");
    }
    let observation = redis.check().await.unwrap();
    let readings = observation.readings().iter();
    let readings: Vec<_> = readings.map(|r| r.measurement().unwrap()).collect();
    assert_eq!(readings, ["responseTime", "answeringShards", "shards"]);
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_round_trip_writes_one_key_in_each_shard() {
    let cluster = RedisCluster::start().await;
    let redis = indicator(cluster.connection().await).round_trip();
    passes(&redis).await;
    runs_pass(&redis, 5).await;
    for node in &cluster.nodes {
        assert_eq!(node.admin().await.ask::<usize>("DBSIZE").await, 1);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn one_frozen_shard_of_three_is_a_warning_that_names_it_and_a_thawed_one_passes() {
    let mut cluster = RedisCluster::start().await;
    let watched = watch(&cluster).await;
    watched.passes().await;
    cluster.nodes[1].freeze();
    let text = watched.turns(Status::Warn).await;
    let shard = format!("{} (slots 5461-10922): GET ", cluster.nodes[1].address());
    assert!(
        text.starts_with("Redis cluster: 2 of 3 shards answer; "),
        "{text}"
    );
    assert!(text.contains(&shard), "{text}");
    cluster.nodes[1].thaw();
    watched.passes().await;
}

// All nodes then have the address by which the client reached one of them.
#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_shard_at_an_unknown_endpoint_is_named_by_its_id() {
    let options = "--cluster-require-full-coverage no \
                   --cluster-preferred-endpoint-type unknown-endpoint";
    let mut cluster = RedisCluster::start_with(options).await;
    let (id, port) = (cluster.id(1).await, cluster.nodes[1].port());
    let watched = watch(&cluster).await;
    watched.passes().await;
    cluster.nodes[1].freeze();
    let text = watched.turns(Status::Warn).await;
    let shard = format!("the node {}… at port {port} (slots 5461-10922): ", &id[..8]);
    assert!(text.contains(&shard), "{text}");
    cluster.nodes[1].thaw();
    watched.passes().await;
}

// The client looks for such a node with every command that it has for it, and keeps the commands for
// all other nodes waiting meanwhile. An application that sends none should see no other shard lost.
#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_shard_that_is_looked_for_in_vain_does_not_make_the_others_look_lost() {
    let mut cluster = RedisCluster::start().await;
    let client = cluster
        .client()
        .connection_timeout(Duration::from_secs(3))
        .response_timeout(Duration::from_secs(2));
    let connection = client.build().unwrap().get_async_connection().await;
    let connection = connection.unwrap();
    let redis = indicator(connection.clone()).timeout(PATIENCE);
    passes(&redis).await;
    let address = cluster.nodes[1].address();
    cluster.nodes[1].kill();
    // It accepts connections, and does not answer.
    let _hole = TcpListener::bind(address).await.unwrap();
    let is_idle = async || {
        let mut get = redis::cmd("GET");
        // In the last shard.
        get.arg("foo");
        get.exec_async(&mut connection.clone()).await.is_ok()
    };
    // The runs in which it is lost may meet the client while it looks.
    eventually("only one is lost", async || {
        eventually("the client does something else", is_idle).await;
        redis.check().await.is_ok()
    })
    .await;
    for _ in 0..3 {
        eventually("the client does something else", is_idle).await;
        let observation = redis.check().await.unwrap();
        let text = observation.output().unwrap();
        assert!(text.contains("2 of 3 shards answer"), "{text}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_killed_shard_is_a_warning_and_a_second_one_a_failure_until_they_are_back() {
    let mut cluster = RedisCluster::start().await;
    let watched = watch(&cluster).await;
    watched.passes().await;
    cluster.nodes[2].kill();
    let text = watched.turns(Status::Warn).await;
    let third = format!("{} (slots 10923-16383): ", cluster.nodes[2].address());
    assert!(text.contains(&third), "{text}");

    cluster.nodes[0].kill();
    let first = format!("{} (slots 0-5460): ", cluster.nodes[0].address());
    let text = fails_with(&watched, &first).await;
    assert!(text.contains("of 3 shards answer, fewer than 2"), "{text}");
    assert!(text.contains(&third), "{text}");

    for lost in [0, 2] {
        cluster.nodes[lost].restart_with("").await;
    }
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_cluster_of_which_nothing_is_left_fails() {
    let mut cluster = RedisCluster::start().await;
    let watched = watch(&cluster).await;
    watched.passes().await;
    for node in &mut cluster.nodes {
        node.kill();
    }
    fails_with(&watched, "0 of 3 shards answer, fewer than 2").await;
    for node in &mut cluster.nodes {
        node.restart_with("").await;
    }
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn how_many_shards_have_to_answer_is_a_setting() {
    let mut cluster = RedisCluster::start().await;
    let all = indicator(cluster.connection().await).min_shards(usize::MAX);
    let all = Watched::start(NAME, all);
    let one = indicator(cluster.connection().await).min_shards(1);
    let one = Watched::start(NAME, one);
    all.passes().await;
    one.passes().await;
    cluster.nodes[1].kill();
    fails_with(&all, "2 of 3 shards answer, fewer than 3").await;
    cluster.nodes[2].kill();
    one.turns_with(Status::Warn, "1 of 3 shards answer").await;
}

// PING needs no slot, so it passes in this state, in which no command of the application does.
#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_cluster_that_refuses_all_slots_because_some_are_lost_fails_and_says_so() {
    let mut cluster = RedisCluster::start_with("").await;
    let watched = watch(&cluster).await;
    watched.passes().await;
    cluster.nodes[1].kill();
    let text = fails_with(&watched, "CLUSTERDOWN").await;
    assert!(text.contains("0 of 3 shards answer"), "{text}");
    assert!(
        text.contains("only 10922 of the 16384 slots are served"),
        "{text}"
    );
    cluster.nodes[1].restart_with("").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_replica_that_is_promoted_takes_its_shard_over() {
    let options = "--cluster-require-full-coverage no";
    let mut cluster = RedisCluster::start_with(options).await;
    let replica = cluster.replica_of(0, options).await;
    let watched = watch(&cluster).await;
    watched.passes().await;
    cluster.nodes[0].kill();
    watched
        .turns_with(Status::Warn, &cluster.nodes[0].address().to_string())
        .await;
    watched.passes().await;
    let info = replica
        .admin()
        .await
        .ask::<String>("INFO replication")
        .await;
    assert!(info.contains("role:master"), "{info}");
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_slot_that_moves_to_another_shard_is_followed() {
    let cluster = RedisCluster::start().await;
    let redis = indicator(cluster.connection().await);
    passes(&redis).await;
    let mut admin = cluster.nodes[0].admin().await;
    // The key that the indicator reads in the first shard.
    let mut slot = u16::MAX;
    for number in 0.. {
        let key = format!("CLUSTER KEYSLOT tower-health:{number}");
        slot = admin.ask(&key).await;
        if slot <= 5_460 {
            break;
        }
    }
    let (from, to) = (cluster.id(0).await, cluster.id(1).await);
    let mut target = cluster.nodes[1].admin().await;
    let importing = format!("CLUSTER SETSLOT {slot} IMPORTING {from}");
    target.ask::<()>(&importing).await;
    let migrating = format!("CLUSTER SETSLOT {slot} MIGRATING {to}");
    admin.ask::<()>(&migrating).await;
    // The first shard answers ASK.
    runs_pass(&redis, 3).await;
    let moved = format!("CLUSTER SETSLOT {slot} NODE {to}");
    target.ask::<()>(&moved).await;
    admin.ask::<()>(&moved).await;
    // The first shard answers MOVED.
    runs_pass(&redis, 3).await;
    let read = target.calls("get").await;
    runs_pass(&redis, 3).await;
    assert_eq!(target.calls("get").await - read, 6);
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn slots_that_no_shard_serves_are_a_warning_until_one_does() {
    let cluster = RedisCluster::start().await;
    for node in &cluster.nodes {
        let mut admin = node.admin().await;
        admin.ask::<()>("CLUSTER DELSLOTSRANGE 16000 16383").await;
    }
    let watched = watch(&cluster).await;
    watched
        .turns_with(Status::Warn, "no shard serves 384 of the 16384 slots")
        .await;
    let mut admin = cluster.nodes[2].admin().await;
    admin.ask::<()>("CLUSTER ADDSLOTSRANGE 16000 16383").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_shard_whose_reads_are_not_permitted_is_a_failure_that_says_what_is_missing() {
    let cluster = RedisCluster::start().await;
    for node in &cluster.nodes {
        let user = "ACL SETUSER default -get";
        node.admin().await.ask::<()>(user).await;
    }
    let watched = watch(&cluster).await;
    fails_with(
        &watched,
        "the ACL of this user does not allow the command: it needs +get",
    )
    .await;
}

#[test]
fn a_prefix_or_a_number_that_cannot_work_is_reported_at_the_start() {
    let text = refused(
        RedisIndicator::new(NAME, Silent)
            .cluster()
            .key_prefix("{app}:"),
    );
    assert!(text.contains("key_prefix contains a hash tag"), "{text}");
    let text = refused(RedisIndicator::new(NAME, Silent).min_shards(0));
    assert!(text.contains("min_shards is 0"), "{text}");
}

fn indicator(connection: ClusterConnection) -> RedisIndicator<ClusterConnection> {
    RedisIndicator::new(NAME, connection)
        .cluster()
        .timeout(Duration::from_secs(1))
}

async fn watch(cluster: &RedisCluster) -> Watched {
    Watched::start(NAME, indicator(cluster.connection().await))
}

/// How often each node was sent GET, PING and CLUSTER SLOTS.
async fn calls(cluster: &RedisCluster) -> Vec<[usize; 3]> {
    let mut calls = Vec::new();
    for node in &cluster.nodes {
        let mut admin = node.admin().await;
        calls.push([
            admin.calls("get").await,
            admin.calls("ping").await,
            admin.calls("cluster|slots").await,
        ]);
    }
    calls
}
