//! A Redis server of its own for each test.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::{Client, FromRedisValue, RedisResult};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::process::Process;
use crate::support::eventually;
use crate::support::port::free_port;

pub(crate) struct RedisServer {
    process: Process,
    port: u16,
    directory: TempDir,
    options: Vec<String>,
}

impl RedisServer {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts it with these options of the command line, separated by spaces.
    pub(crate) async fn start_with(options: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let options: Vec<_> = options.split_whitespace().map(str::to_owned).collect();
        loop {
            let port = free_port();
            let mut process = spawn(port, &directory, &options);
            if answers(&mut process, port).await {
                return Self {
                    process,
                    port,
                    directory,
                    options,
                };
            }
        }
    }

    /// Ends it at once, and starts it again on the same port with further options.
    pub(crate) async fn restart_with(&mut self, options: &str) {
        self.kill();
        let more = options.split_whitespace().map(str::to_owned);
        self.options.extend(more);
        self.process = spawn(self.port, &self.directory, &self.options);
        assert!(answers(&mut self.process, self.port).await);
    }

    /// The value of an option that it was started with.
    pub(crate) fn option(&self, name: &str) -> &str {
        let place = self.options.iter().position(|option| option == name);
        &self.options[place.unwrap() + 1]
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    pub(crate) fn freeze(&mut self) {
        self.process.freeze();
    }

    pub(crate) fn thaw(&mut self) {
        self.process.thaw();
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn client(&self) -> Client {
        client("", self.port)
    }

    /// A connection for the test itself.
    pub(crate) async fn admin(&self) -> Admin {
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let client = self.client();
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        Admin(connection.await.unwrap())
    }
}

/// `user` is `user:password@`, or nothing.
pub(crate) fn client(user: &str, port: u16) -> Client {
    Client::open(format!("redis://{user}127.0.0.1:{port}")).unwrap()
}

/// A connection as applications have it, only quicker to connect again.
pub(crate) fn managed(client: Client) -> ConnectionManager {
    managed_with(client, ConnectionManagerConfig::new())
}

pub(crate) fn managed_with(client: Client, config: ConnectionManagerConfig) -> ConnectionManager {
    let config = config
        .set_min_delay(Duration::from_millis(20))
        .set_max_delay(Duration::from_millis(100));
    ConnectionManager::new_lazy_with_config(client, config).unwrap()
}

pub(crate) struct Admin(MultiplexedConnection);

impl Admin {
    /// Sends a command whose words are separated by spaces.
    pub(crate) async fn ask<T: FromRedisValue>(&mut self, command: &str) -> T {
        self.try_ask(command).await.unwrap()
    }

    pub(crate) async fn try_ask<T: FromRedisValue>(&mut self, command: &str) -> RedisResult<T> {
        let mut words = command.split_whitespace();
        let mut command = redis::cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>());
        command.query_async(&mut self.0).await
    }

    /// The connections of all clients, this one included.
    pub(crate) async fn connections(&mut self) -> usize {
        self.ask::<String>("CLIENT LIST").await.lines().count()
    }

    /// How often a command was called since the server started.
    pub(crate) async fn calls(&mut self, command: &str) -> usize {
        let stats = self.ask::<String>("INFO commandstats").await;
        let prefix = format!("cmdstat_{command}:calls=");
        let line = stats.lines().find_map(|line| line.strip_prefix(&prefix));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    }

    /// How many connections the server has accepted since it started.
    pub(crate) async fn connections_received(&mut self) -> usize {
        let stats = self.ask::<String>("INFO stats").await;
        let prefix = "total_connections_received:";
        let line = stats.lines().find_map(|line| line.strip_prefix(prefix));
        line.unwrap().parse().unwrap()
    }

    /// Waits until only the clients that the test means are connected.
    pub(crate) async fn settles_at(&mut self, connections: usize) {
        let what = format!("{connections} connections");
        eventually(&what, async || self.connections().await == connections).await;
    }
}

fn spawn(port: u16, directory: &TempDir, options: &[String]) -> Process {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(directory.path()).args(options);
    Process::start(&mut command, &directory.path().join("log"))
}

/// Waits until it answers, be it with a refusal; false when it ended, as when the port was taken.
async fn answers(process: &mut Process, port: u16) -> bool {
    let mut ended = false;
    eventually("redis-server answers", async || {
        ended = process.has_ended();
        ended || ping(port).await.is_ok()
    })
    .await;
    !ended
}

async fn ping(port: u16) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"PING\r\n").await?;
    stream.read_u8().await.map(drop)
}
