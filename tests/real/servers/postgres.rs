//! A Postgres of its own for each test.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::{Signal, geteuid};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, raw_sql};
use tempfile::TempDir;

use super::process::{Process, signal, stop};
use crate::support::PATIENCE;
use crate::support::port::free_port;

/// The password of the user `app`.
pub(crate) const PASSWORD: &str = "s3cr3t-of-app";

pub(crate) struct Postgres {
    dir: TempDir,
    port: u16,
    process: Process,
    settings: Vec<String>,
}

impl Postgres {
    /// With a user `app`, who has to give its password, and a database `orders`.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings such as `max_connections=10`.
    pub(crate) async fn start_with(settings: &[&str]) -> Self {
        let server = Self::prepare(settings, &[]);
        server.answers().await;
        server
    }

    /// Starts it with these (empty) files beside its data, and does not wait until it answers.
    pub(crate) fn prepare(settings: &[&str], files: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let template = template();
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(template).arg(dir.path().join("data"));
        assert!(copy.status().unwrap().success());
        for file in files {
            fs::write(dir.path().join("data").join(file), "").unwrap();
            own(&dir.path().join("data").join(file));
        }
        Self::start_in(dir, settings)
    }

    /// A standby of this server, which it streams from.
    pub(crate) async fn standby(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        own(dir.path());
        let data = dir.path().join("data");
        let mut backup = unprivileged("pg_basebackup");
        backup
            .args(["-h", "127.0.0.1", "-p"])
            .arg(self.port.to_string());
        backup
            .args(["-U", "postgres", "-R", "-c", "fast", "-X", "stream", "-D"])
            .arg(&data);
        assert!(backup.status().unwrap().success());
        let standby = Self::start_in(dir, &[]);
        standby.answers().await;
        standby
    }

    fn start_in(dir: TempDir, settings: &[&str]) -> Self {
        own(dir.path());
        let port = free_port();
        let settings: Vec<_> = settings.iter().map(ToString::to_string).collect();
        let process = spawn(dir.path(), port, &settings);
        Self {
            dir,
            port,
            process,
            settings,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// How the application connects.
    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("app")
            .password(PASSWORD)
            .database("orders")
            .ssl_mode(PgSslMode::Disable)
    }

    /// A connection of the administrator, who needs no password.
    pub(crate) async fn admin(&self) -> PgConnection {
        let options = self.options().username("postgres").database("postgres");
        options.connect().await.unwrap()
    }

    /// How many connections the user `app` has.
    pub(crate) async fn connections(&self) -> i64 {
        let mut admin = self.admin().await;
        let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'";
        let row = raw_sql(count).fetch_one(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        row.get(0)
    }

    /// Runs a statement as the administrator.
    pub(crate) async fn run(&self, statement: &str) {
        let mut admin = self.admin().await;
        let statement = AssertSqlSafe(statement.to_owned());
        raw_sql(statement).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
    }

    /// Ends all connections of the user `app`.
    pub(crate) async fn terminate(&self) {
        self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
            .await;
    }

    /// Writes a file beside its data that only the server may read.
    pub(crate) fn write_private(&self, name: &str, content: &str) {
        let path = self.data().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        own(&path);
    }

    /// Stops all its processes where they stand. The kernel goes on accepting connections.
    pub(crate) fn freeze(&mut self) {
        self.process.freeze();
        for child in self.children() {
            stop(child);
        }
    }

    pub(crate) fn thaw(&mut self) {
        for child in self.children() {
            signal(child, Signal::CONT);
        }
        self.process.thaw();
    }

    /// Ends it at once, as the kernel would that is out of memory.
    pub(crate) fn kill(&mut self) {
        let children = self.children();
        let mut files = shared_files(self.process.pid());
        files.extend(children.iter().flat_map(|child| shared_files(*child)));
        self.process.kill();
        for child in children {
            // Gone already, if it has seen that its parent is.
            let _ = Command::new("kill")
                .args(["-KILL", &child.to_string()])
                .output();
        }
        self.give_back_memory();
        for file in files {
            // Several processes share most of them.
            let _ = fs::remove_file(file);
        }
    }

    /// What it shared with its children outlives them all if nobody is left to end it, and the kernel
    /// has 4,096 places for such memory.
    fn give_back_memory(&self) {
        if let Some(id) = self.memory() {
            // Gone already, if it ended by itself.
            let _ = Command::new("ipcrm").args(["-m", &id]).output();
        }
    }

    /// The identifier of the System V shared memory that it holds, as `postmaster.pid` has it:
    /// https://www.postgresql.org/docs/15/storage-file-layout.html.
    pub(crate) fn memory(&self) -> Option<String> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        Some(file.lines().nth(6)?.split_whitespace().nth(1)?.to_owned())
    }

    /// Starts it again after [`kill`](Self::kill), on the same port.
    pub(crate) async fn restart(&mut self) {
        let _ = fs::remove_file(self.data().join("postmaster.pid"));
        self.process = spawn(self.dir.path(), self.port, &self.settings);
        self.answers().await;
    }

    async fn answers(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_answering().await {
            assert!(Instant::now() < deadline, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_answering(&self) -> bool {
        let options = self.options().username("postgres").database("postgres");
        let connected = tokio::time::timeout(Duration::from_secs(5), options.connect()).await;
        match connected {
            Ok(Ok(connection)) => connection.close().await.is_ok(),
            _ => false,
        }
    }

    fn children(&self) -> Vec<u32> {
        let parent = self.process.pid().to_string();
        let children = Command::new("pgrep")
            .args(["-P", &parent])
            .output()
            .unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        children.lines().map(|pid| pid.parse().unwrap()).collect()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The files in memory that a process of Postgres shares with others, and that outlive it.
fn shared_files(pid: u32) -> Vec<PathBuf> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let paths = maps.lines().filter_map(|line| line.split(' ').next_back());
    let shared = paths.filter(|path| path.starts_with("/dev/shm/PostgreSQL."));
    shared.map(PathBuf::from).collect()
}

fn spawn(dir: &Path, port: u16, settings: &[String]) -> Process {
    let mut command = unprivileged("postgres");
    command.arg("-D").arg(dir.join("data"));
    let fixed = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", dir.display()),
        "fsync=off".to_owned(),
        "log_min_messages=warning".to_owned(),
    ];
    for setting in fixed.iter().chain(settings) {
        command.args(["-c", setting]);
    }
    Process::start(&mut command, &dir.join("log"))
}

/// Made once, and copied for each server: that takes a tenth of the time.
fn template() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap();
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let template = parent.join("postgres-template");
    if template.exists() {
        return template;
    }
    let dir = tempfile::tempdir().unwrap();
    own(dir.path());
    let data = dir.path().join("data");
    let mut initdb = unprivileged("initdb");
    initdb.args([
        "-A",
        "trust",
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    let output = initdb.arg("-D").arg(&data).output();
    let output = output.unwrap_or_else(|error| panic!("no initdb, see .ci/test: {error}"));
    assert!(output.status.success(), "{output:?}");
    let mut single = unprivileged("postgres");
    single.args(["--single", "-D"]).arg(&data).arg("postgres");
    let statements = dir.path().join("statements");
    fs::write(
        &statements,
        format!("CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'\nCREATE DATABASE orders OWNER app\n"),
    )
    .unwrap();
    single.stdin(fs::File::open(statements).unwrap());
    let output = single.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let access = "host all postgres 127.0.0.1/32 trust\n\
        host replication postgres 127.0.0.1/32 trust\n\
        host all app 127.0.0.1/32 scram-sha-256\n";
    fs::write(data.join("pg_hba.conf"), access).unwrap();
    // The process that comes second finds that it is there, and its own is as good.
    let made = tempfile::tempdir_in(parent).unwrap();
    let copy = made.path().join("data");
    let copied = Command::new("cp").arg("-a").arg(&data).arg(&copy).status();
    assert!(copied.unwrap().success());
    let _ = fs::rename(copy, &template);
    template
}

/// Postgres and PgBouncer refuse to run as root.
pub(crate) fn unprivileged(program: &str) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = account() {
        command.uid(uid).gid(gid).current_dir("/");
    }
    command
}

pub(crate) fn own(path: &Path) {
    if let Some((uid, gid)) = account() {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
}

/// Whom the servers run as; `None` to stay who we are.
fn account() -> Option<(u32, u32)> {
    geteuid().is_root().then(|| {
        let id = |kind| {
            let output = Command::new("id")
                .args([kind, "postgres"])
                .output()
                .unwrap();
            String::from_utf8(output.stdout)
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        };
        (id("-u"), id("-g"))
    })
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_that_was_killed_leaves_no_memory_behind() {
    let mut server = Postgres::start().await;
    let first = server.memory().unwrap();
    assert!(is_taken(&first), "{first}");
    let files = shared_files(server.process.pid());
    assert!(files.iter().all(|file| file.exists()) && !files.is_empty());

    server.kill();
    assert!(!files.iter().any(|file| file.exists()), "{files:?}");
    server.restart().await;
    let second = server.memory().unwrap();
    drop(server);

    assert!(!is_taken(&first), "{first}");
    assert!(!is_taken(&second), "{second}");
}

/// Whether the kernel has System V shared memory with this identifier.
fn is_taken(memory: &str) -> bool {
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let mut identifiers = segments
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    identifiers.any(|id| id == memory)
}
