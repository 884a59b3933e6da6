//! A MariaDB of its own for each test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection, Row, raw_sql};
use tempfile::TempDir;

use super::process::Process;
use crate::support::PATIENCE;
use crate::support::port::free_port;

/// The password of the user `app`.
pub(crate) const PASSWORD: &str = "s3cr3t-of-app";

pub(crate) struct MariaDb {
    dir: TempDir,
    port: u16,
    process: Process,
    settings: Vec<String>,
}

impl MariaDb {
    /// With a user `app`, who has to give its password, and a database `orders`.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings such as `--max-connections=10`.
    pub(crate) async fn start_with(settings: &[&str]) -> Self {
        let server = Self::start_bare(settings).await;
        let statements = [
            "CREATE DATABASE orders".to_owned(),
            format!("CREATE USER app@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"),
            "GRANT ALL ON orders.* TO app@'127.0.0.1'".to_owned(),
        ];
        for statement in statements {
            server.run(&statement).await;
        }
        server
    }

    /// With a log for replicas.
    pub(crate) async fn start_primary() -> Self {
        let primary = Self::start_with(&["--log-bin=log", "--server-id=1"]).await;
        let rights = "GRANT REPLICATION SLAVE ON *.* TO replica@'127.0.0.1' IDENTIFIED BY 'r'";
        primary.run(rights).await;
        primary
    }

    /// A replica of a [primary](Self::start_primary), from its first statement on.
    pub(crate) async fn replica(&self) -> Self {
        let replica = Self::start_bare(&["--server-id=2"]).await;
        let port = self.port;
        replica
            .run(&format!(
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, \
                 MASTER_USER = 'replica', MASTER_PASSWORD = 'r', MASTER_CONNECT_RETRY = 1"
            ))
            .await;
        replica.run("START SLAVE").await;
        replica
    }

    async fn start_bare(settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let template = template();
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(template).arg(dir.path().join("data"));
        assert!(copy.status().unwrap().success());
        let port = free_port();
        let settings: Vec<_> = settings.iter().map(ToString::to_string).collect();
        let process = spawn(dir.path(), port, &settings);
        let mut server = Self {
            dir,
            port,
            process,
            settings,
        };
        server.answers().await;
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How the application connects.
    pub(crate) fn options(&self) -> MySqlConnectOptions {
        MySqlConnectOptions::new()
            .host("127.0.0.1")
            .port(self.port)
            .username("app")
            .password(PASSWORD)
            .database("orders")
            .ssl_mode(MySqlSslMode::Disabled)
    }

    /// A connection of the administrator.
    pub(crate) async fn admin(&self) -> Result<MySqlConnection, sqlx::Error> {
        let socket = self.dir.path().join("s");
        let options = MySqlConnectOptions::new().socket(socket).username("root");
        options.ssl_mode(MySqlSslMode::Disabled).connect().await
    }

    /// Runs a statement as the administrator.
    pub(crate) async fn run(&self, statement: &str) {
        let mut admin = self.admin().await.unwrap();
        let statement = AssertSqlSafe(statement.to_owned());
        raw_sql(statement).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
    }

    /// How many connections the user `app` has.
    pub(crate) async fn connections(&self) -> i64 {
        let mut admin = self.admin().await.unwrap();
        let count = "SELECT count(*) FROM information_schema.processlist WHERE user = 'app'";
        let row = raw_sql(count).fetch_one(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        row.get(0)
    }

    /// Stops it where it stands. The kernel goes on accepting connections.
    pub(crate) fn freeze(&mut self) {
        self.process.freeze();
    }

    pub(crate) fn thaw(&mut self) {
        self.process.thaw();
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after [`kill`](Self::kill), on the same port.
    pub(crate) async fn restart(&mut self) {
        self.process = spawn(self.dir.path(), self.port, &self.settings);
        self.answers().await;
    }

    async fn answers(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.admin().await.is_err() {
            let log = || fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "{}", log());
            if self.process.has_ended() {
                panic!("{}", log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn spawn(dir: &Path, port: u16, settings: &[String]) -> Process {
    let mut command = Command::new("mariadbd");
    command
        .args(["--no-defaults", "--user=mysql", "--bind-address=127.0.0.1"])
        .args(["--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"])
        .arg(format!("--datadir={}", dir.join("data").display()))
        .arg(format!("--socket={}", dir.join("s").display()))
        .arg(format!("--pid-file={}", dir.join("pid").display()))
        .arg(format!("--port={port}"))
        .args(settings);
    // It changes to its own user, who has to get to its files.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(dir, open).unwrap();
    Process::start(&mut command, &dir.join("log"))
}

/// Made once, and copied for each server.
fn template() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap();
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let template = parent.join("mariadb-template");
    if template.exists() {
        return template;
    }
    // Its own user has to get there, which may not be able to reach the build directory.
    let dir = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(dir.path(), open).unwrap();
    let data = dir.path().join("data");
    let mut install = Command::new("mariadb-install-db");
    install
        .args(["--no-defaults", "--user=mysql", "--skip-test-db"])
        .arg("--auth-root-authentication-method=normal")
        .arg(format!("--datadir={}", data.display()));
    let output = install.output();
    let output = output.unwrap_or_else(|error| panic!("no MariaDB, see .ci/test: {error}"));
    assert!(output.status.success(), "{output:?}");
    let made = tempfile::tempdir_in(parent).unwrap();
    let copy = made.path().join("data");
    let copied = Command::new("cp").arg("-a").arg(&data).arg(&copy).status();
    assert!(copied.unwrap().success());
    let _ = fs::rename(copy, &template);
    template
}
