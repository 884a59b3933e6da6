//! A PgBouncer in transaction mode, before a Postgres of a test.

use std::fs;
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::postgres::{PASSWORD, Postgres, own, unprivileged};
use super::process::Process;
use crate::support::PATIENCE;
use crate::support::port::free_port;

pub(crate) struct PgBouncer {
    port: u16,
    _process: Process,
    dir: TempDir,
}

impl PgBouncer {
    /// Shares so many connections of the server among so many clients.
    pub(crate) async fn start(server: &Postgres, connections: usize, clients: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = dir.path().join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n\
             orders = host=127.0.0.1 port={} user=app password={PASSWORD}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = transaction\n\
             default_pool_size = {connections}\n\
             max_client_conn = {clients}\n\
             ignore_startup_parameters = extra_float_digits\n",
            server.port()
        );
        fs::write(&config, settings).unwrap();
        own(dir.path());
        own(&config);
        let process = Process::start(
            unprivileged("pgbouncer").arg(&config),
            &dir.path().join("log"),
        );
        let pooler = Self {
            port,
            _process: process,
            dir,
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(connection) = server.options().port(port).connect().await {
                connection.close().await.unwrap();
                return pooler;
            }
            let log = || fs::read_to_string(pooler.dir.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "{}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}
