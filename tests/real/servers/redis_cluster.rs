//! A Redis Cluster of its own for each test: three primaries with a third of the slots each.

use std::ops::RangeInclusive;
use std::time::Duration;

use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;

use super::redis::RedisServer;
use crate::support::eventually;
use crate::support::port::free_port;

const SLOTS: [RangeInclusive<u16>; 3] = [0..=5_460, 5_461..=10_922, 10_923..=16_383];

pub(crate) struct RedisCluster {
    /// The primaries, in the order of their slots.
    pub(crate) nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts one whose other shards serve on when one is lost.
    pub(crate) async fn start() -> Self {
        Self::start_with("--cluster-require-full-coverage no").await
    }

    /// Starts it with these options for each node.
    pub(crate) async fn start_with(options: &str) -> Self {
        let mut nodes = Vec::new();
        for slots in SLOTS {
            let node = start_node(options).await;
            let mut admin = node.admin().await;
            let (first, last) = slots.into_inner();
            admin
                .ask::<()>(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"))
                .await;
            let epoch = nodes.len() + 1;
            admin
                .ask::<()>(&format!("CLUSTER SET-CONFIG-EPOCH {epoch}"))
                .await;
            nodes.push(node);
        }
        let cluster = Self { nodes };
        for node in &cluster.nodes[1..] {
            cluster.meets(node).await;
        }
        for node in &cluster.nodes {
            agrees(node, 3).await;
        }
        cluster
    }

    /// Starts a further node, and makes it a replica of this one.
    pub(crate) async fn replica_of(&self, index: usize, options: &str) -> RedisServer {
        let replica = start_node(options).await;
        self.meets(&replica).await;
        agrees(&replica, 4).await;
        let id = self.id(index).await;
        let mut admin = replica.admin().await;
        admin.ask::<()>(&format!("CLUSTER REPLICATE {id}")).await;
        eventually("the replica is in step", async || {
            let info = admin.ask::<String>("INFO replication").await;
            info.contains("master_link_status:up")
        })
        .await;
        for node in &self.nodes {
            let mut admin = node.admin().await;
            eventually("the primaries know the replica", async || {
                let nodes = admin.ask::<String>("CLUSTER NODES").await;
                nodes.lines().any(|line| line.contains("slave"))
            })
            .await;
        }
        replica
    }

    pub(crate) async fn id(&self, index: usize) -> String {
        self.nodes[index].admin().await.ask("CLUSTER MYID").await
    }

    /// As applications have it, only with shorter timeouts.
    pub(crate) fn client(&self) -> ClusterClientBuilder {
        let addresses = self.nodes.iter().map(|node| node.address());
        ClusterClient::builder(addresses.map(|address| format!("redis://{address}")))
            .connection_timeout(Duration::from_millis(300))
            .response_timeout(Duration::from_millis(300))
    }

    pub(crate) async fn connection(&self) -> ClusterConnection {
        let client = self.client().build().unwrap();
        client.get_async_connection().await.unwrap()
    }

    async fn meets(&self, node: &RedisServer) {
        let first = &self.nodes[0];
        let bus = first.option("--cluster-port");
        let meet = format!("CLUSTER MEET 127.0.0.1 {} {bus}", first.port());
        node.admin().await.ask::<()>(&meet).await;
    }
}

async fn start_node(options: &str) -> RedisServer {
    let bus = free_port();
    let options = format!(
        "--cluster-enabled yes --cluster-port {bus} --cluster-node-timeout 2000 \
         --cluster-announce-ip 127.0.0.1 {options}"
    );
    RedisServer::start_with(&options).await
}

/// Waits until this node knows so many nodes, and that all slots are served.
async fn agrees(node: &RedisServer, nodes: usize) {
    let mut admin = node.admin().await;
    eventually("the nodes agree", async || {
        let info = admin.ask::<String>("CLUSTER INFO").await;
        let known = format!("cluster_known_nodes:{nodes}\r");
        let all = "cluster_slots_ok:16384\r";
        info.contains("cluster_state:ok") && info.contains(&known) && info.contains(all)
    })
    .await;
}
