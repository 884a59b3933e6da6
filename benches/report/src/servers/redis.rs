//! A real Redis, watched over a connection that connects again.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ::redis::Client;
use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use rustix::process::Signal;
use tower_health::Check;
use tower_health::indicators::RedisIndicator;

use super::process::{Process, free_port};
use crate::detection::{TIMEOUT, Watched};

/// `None` if there is no Redis here.
pub(super) async fn start() -> Option<Watched> {
    let port = free_port();
    let directory = Arc::new(tempfile::tempdir().ok()?);
    let command = move || {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(directory.path());
        command
    };
    let server = Process::start(port, command).await?;
    let client = Client::open(format!("redis://127.0.0.1:{port}")).ok()?;
    // As the indicator's documentation advises, so that it finds a server soon that is back.
    let config = ConnectionManagerConfig::new()
        .set_max_delay(Duration::from_secs(1))
        .set_response_timeout(Some(TIMEOUT));
    let connection = ConnectionManager::new_lazy_with_config(client, config).ok()?;
    Some(Watched {
        name: "Redis",
        check: Check::new(RedisIndicator::new("redis", connection)),
        faults: server.faults(Signal::TERM),
    })
}
