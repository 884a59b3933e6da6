//! A real Postgres, watched over a pool of sqlx.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tempfile::TempDir;
use tower_health::Check;
use tower_health::indicators::SqlxIndicator;

use super::process::{Process, free_port};
use crate::detection::{TIMEOUT, Watched};

/// Postgres refuses to run as root. Any other user will do; this one is `nobody`.
const NOBODY: u32 = 65534;

/// `None` if there is no Postgres here.
pub(super) async fn start() -> Option<Watched> {
    let (server, pool) = launch(TIMEOUT).await?;
    Some(Watched {
        name: "Postgres",
        check: Check::new(SqlxIndicator::new("postgres", pool)),
        // On SIGTERM it would wait for its clients.
        faults: server.faults(Signal::INT),
    })
}

/// Starts a server, and a pool that waits so long for a connection.
pub(crate) async fn launch(patience: Duration) -> Option<(Process, PgPool)> {
    let programs = programs()?;
    let port = free_port();
    let directory = tempfile::tempdir().ok()?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).ok()?;
    let data = directory.path().join("data");
    fs::create_dir(&data).ok()?;
    if is_root() {
        chown(&data, Some(NOBODY), Some(NOBODY)).ok()?;
    }
    let initialized = unprivileged(&programs.join("initdb"))
        .args(["--auth", "trust", "--username", "postgres", "--no-sync"])
        .args(["--encoding", "UTF8", "--locale", "C", "--pgdata"])
        .arg(&data)
        .stdout(Stdio::null())
        .status();
    initialized.ok()?.success().then_some(())?;

    // It lives as long as what can be started in it.
    let leftovers = Leftovers(directory);
    let command = move || {
        leftovers.remove();
        let mut command = unprivileged(&programs.join("postgres"));
        command
            .arg("-D")
            .arg(leftovers.0.path().join("data"))
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
            ])
            .args(["-c", &format!("port={port}"), "-c", "fsync=off"])
            // In its directory, where it does not outlive a server that was killed.
            .args(["-c", "dynamic_shared_memory_type=mmap"]);
        command
    };
    let server = Process::start(port, command).await?;
    let options = PgConnectOptions::new()
        .host("127.0.0.1")
        .port(port)
        .username("postgres")
        .database("postgres");
    let pool = PgPoolOptions::new()
        .acquire_timeout(patience)
        .connect_lazy_with(options);
    Some((server, pool))
}

/// What a server that was killed leaves behind, in its directory and in the kernel.
struct Leftovers(TempDir);

impl Leftovers {
    /// Without it, the kernel would soon have no place for further memory: it has 4,096.
    fn remove(&self) {
        // https://www.postgresql.org/docs/15/storage-file-layout.html
        let file = self.0.path().join("data/postmaster.pid");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let memory = text
            .lines()
            .nth(6)
            .and_then(|line| line.split_whitespace().nth(1));
        if let Some(memory) = memory {
            let _ = Command::new("ipcrm").args(["-m", memory]).output();
        }
        let _ = fs::remove_file(file);
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The folder of the newest version that Debian installed, or else one of the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    let mut all: Vec<PathBuf> = folders.collect();
    all.sort();
    let path = std::env::var_os("PATH")?;
    all.reverse();
    all.extend(std::env::split_paths(&path));
    all.into_iter()
        .find(|folder| folder.join("initdb").exists())
}

fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
