//! etcd: a member that is gone or hangs, a cluster without a quorum, and permissions.

use std::net::SocketAddr;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tower_health::Status;
use tower_health::indicators::GrpcIndicator;

use crate::servers::etcd::EtcdCluster;
use crate::support::watched::Watched;

fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect_lazy()
}

fn watch(cluster: &EtcdCluster) -> Watched {
    let etcd = GrpcIndicator::etcd("etcd", channel(cluster.address(0)));
    Watched::start("etcd", etcd.timeout(Duration::from_millis(500)))
}

#[tokio::test]
#[ignore = "needs etcd: run .ci/test"]
async fn a_member_that_is_killed_fails_and_passes_when_it_is_back() {
    let mut cluster = EtcdCluster::start(1);
    let watched = watch(&cluster);
    watched.passes().await;
    cluster.kill(0);
    let text = watched.turns_with(Status::Fail, "refused").await;
    assert!(text.starts_with("read from etcd: "), "{text}");
    cluster.bring_back(0);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs etcd: run .ci/test"]
async fn a_frozen_member_fails_and_passes_when_it_goes_on() {
    let mut cluster = EtcdCluster::start(1);
    let watched = watch(&cluster);
    watched.passes().await;
    cluster.freeze(0);
    let part = "read from etcd: no answer within 0.";
    watched.turns_with(Status::Fail, part).await;
    cluster.thaw(0);
    watched.passes().await;
}

// `grpc.health.v1` of the same member reports SERVING all the time.
#[tokio::test]
#[ignore = "needs etcd: run .ci/test"]
async fn a_cluster_without_a_quorum_fails_and_one_that_lost_a_single_member_passes() {
    let mut cluster = EtcdCluster::start(3);
    let watched = watch(&cluster);
    let serving = GrpcIndicator::new("serving", channel(cluster.address(0)));
    let serving = Watched::start("serving", serving);
    watched.passes().await;
    cluster.kill(1);
    watched.passes().await;
    cluster.kill(2);
    let part = "this member of the cluster answers, but the cluster does not (Unavailable): etcdserver: no leader";
    watched.turns_with(Status::Fail, part).await;
    serving.runs(2).await;
    serving.passes().await;
    cluster.bring_back(1);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs etcd: run .ci/test"]
async fn a_cluster_that_wants_credentials_passes_without_them() {
    let cluster = EtcdCluster::start(1);
    cluster.control("user add root:secret");
    cluster.control("user grant-role root root");
    cluster.control("auth enable");
    let watched = watch(&cluster);
    watched.passes().await;
    watched.runs(2).await;
    watched.passes().await;
}
