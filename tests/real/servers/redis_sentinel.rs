//! A Sentinel over a primary and a replica of its own for each test.

use std::fs;
use std::process::Command;

use redis::aio::MultiplexedConnection;
use redis::sentinel::{SentinelClient, SentinelServerType};
use redis::{Client, RedisResult};
use tempfile::TempDir;

use super::process::Process;
use super::redis::{RedisServer, client};
use crate::support::eventually;
use crate::support::port::free_port;

/// The name under which the Sentinel knows the primary.
const MAIN: &str = "main";

pub(crate) struct RedisSentinel {
    _process: Process,
    _directory: TempDir,
    port: u16,
    pub(crate) primary: RedisServer,
    pub(crate) replica: RedisServer,
}

impl RedisSentinel {
    pub(crate) async fn start() -> Self {
        let primary = RedisServer::start().await;
        let replica = replica_of(&primary).await;
        let directory = TempDir::new().unwrap();
        let (process, port) = loop {
            let port = free_port();
            let mut process = spawn(port, &directory, &primary);
            if is_ready(&mut process, port).await {
                break (process, port);
            }
        };
        Self {
            _process: process,
            _directory: directory,
            port,
            primary,
            replica,
        }
    }

    /// Makes the replica the primary while both are up.
    pub(crate) async fn fail_over(&self) {
        let mut sentinel = connect(&client("", self.port)).await.unwrap();
        let mut command = redis::cmd("SENTINEL");
        command.arg("FAILOVER").arg(MAIN);
        command.exec_async(&mut sentinel).await.unwrap();
    }

    /// A client that asks the Sentinel for the primary whenever it connects.
    pub(crate) fn client(&self) -> SentinelClient {
        let sentinel = format!("redis://127.0.0.1:{}", self.port);
        let kind = SentinelServerType::Master;
        SentinelClient::build(vec![sentinel], MAIN, None, kind).unwrap()
    }
}

/// Starts a replica, and waits until it is in step.
pub(crate) async fn replica_of(primary: &RedisServer) -> RedisServer {
    let options = format!("--replicaof 127.0.0.1 {}", primary.port());
    let replica = RedisServer::start_with(&options).await;
    let mut admin = replica.admin().await;
    eventually("the replica is in step", async || {
        let info = admin.ask::<String>("INFO replication").await;
        info.contains("master_link_status:up")
    })
    .await;
    replica
}

/// Waits until this server has this role, `master` or `slave`.
pub(crate) async fn has_role(server: &RedisServer, role: &str) {
    let mut admin = None;
    eventually(&format!("the server is a {role}"), async || {
        // Sentinel closes the connections of a server that it demotes.
        if admin.is_none() {
            admin = connect(&server.client()).await.ok();
        }
        let Some(connection) = &mut admin else {
            return false;
        };
        let mut command = redis::cmd("INFO");
        command.arg("replication");
        let info: RedisResult<String> = command.query_async(connection).await;
        if info.is_err() {
            admin = None;
        }
        info.is_ok_and(|info| info.contains(&format!("role:{role}\r")))
    })
    .await;
}

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    client.get_multiplexed_async_connection().await
}

/// A server is down after 5 s: a busy machine must not make a sound one the replica. A Sentinel that was
/// itself held up notices after 2 s, and blames nobody.
fn spawn(port: u16, directory: &TempDir, primary: &RedisServer) -> Process {
    let path = directory.path().join("sentinel.conf");
    let settings = format!(
        "port {port}\n\
         bind 127.0.0.1\n\
         dir {}\n\
         sentinel monitor {MAIN} 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds {MAIN} 5000\n\
         sentinel failover-timeout {MAIN} 3000\n",
        directory.path().display(),
        primary.port(),
    );
    fs::write(&path, settings).unwrap();
    let mut command = Command::new("redis-server");
    command.arg(&path).arg("--sentinel");
    Process::start(&mut command, &directory.path().join("log"))
}

/// Waits until it knows the replica; false when it ended, as when the port was taken.
async fn is_ready(process: &mut Process, port: u16) -> bool {
    let client = client("", port);
    let mut ended = false;
    eventually("redis-sentinel answers", async || {
        ended = process.has_ended();
        ended || hurry(&client).await.is_ok()
    })
    .await;
    eventually("redis-sentinel knows the replica", async || {
        ended = process.has_ended();
        ended || knows_a_replica(&client).await.unwrap_or(false)
    })
    .await;
    !ended
}

/// Lets it look more often at servers that it takes for healthy, so that it demotes a primary that came
/// back within a second rather than 11, and act again soon after its own clock jumped (30 s otherwise).
async fn hurry(client: &Client) -> RedisResult<()> {
    let mut sentinel = connect(client).await?;
    let mut command = redis::cmd("SENTINEL");
    command.arg("DEBUG");
    for (period, milliseconds) in [("INFO", 500), ("PUBLISH", 100), ("TILT", 1000)] {
        command.arg(format!("{period}-PERIOD")).arg(milliseconds);
    }
    command.exec_async(&mut sentinel).await
}

async fn knows_a_replica(client: &Client) -> RedisResult<bool> {
    let mut sentinel = connect(client).await?;
    let mut command = redis::cmd("SENTINEL");
    command.arg("REPLICAS").arg(MAIN);
    let replicas: Vec<Vec<String>> = command.query_async(&mut sentinel).await?;
    let is_in_step = |fields: &Vec<String>| {
        let mut pairs = fields.chunks(2);
        pairs.any(|pair| pair == ["master-link-status", "ok"])
    };
    Ok(replicas.iter().any(is_in_step))
}
