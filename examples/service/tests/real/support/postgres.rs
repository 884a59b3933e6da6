//! A Postgres of its own for each test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use rustix::process::Signal;
use tempfile::TempDir;

use super::account::{own, unprivileged};
use super::certificates::certificates;
use super::port::Port;
use super::process::{self, Process, signal};
use super::wait_until;

/// The password of the user `app`: with what a URL and a log could trip over.
pub(crate) const PASSWORD: &str = "canary-pg:p@ss/word";

pub(crate) struct Postgres {
    directory: TempDir,
    port: Port,
    settings: &'static [&'static str],
    process: Option<Process>,
}

impl Postgres {
    /// With a user `app`, who has to give its password, and its database `notes`.
    pub(crate) fn start() -> Self {
        let mut server = Self::prepared();
        server.bring_up();
        server
    }

    /// Which nobody has started yet.
    pub(crate) fn prepared() -> Self {
        let directory = tempfile::tempdir().unwrap();
        own(directory.path());
        let template = template();
        let mut copy = Command::new("cp");
        copy.arg("-a")
            .arg(template)
            .arg(directory.path().join("data"));
        assert!(copy.status().unwrap().success());
        Self {
            directory,
            port: Port::take(),
            settings: &[],
            process: None,
        }
    }

    /// That takes users only over TLS, with a certificate for `localhost` of an authority of its own.
    pub(crate) fn with_tls() -> Self {
        let mut server = Self::prepared();
        server.settings = &["ssl=on"];
        let (authority, chain, key) = certificates();
        server.write("server.crt", &chain);
        server.write("server.key", &key);
        let file = server.authority();
        fs::write(&file, authority).unwrap();
        server.write(
            "pg_hba.conf",
            "local all postgres trust\nhostssl all app 127.0.0.1/32 scram-sha-256\n",
        );
        server.bring_up();
        server
    }

    /// The certificate of the authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    pub(crate) fn bring_up(&mut self) {
        let data = self.directory.path().join("data");
        let _ = fs::remove_file(data.join("postmaster.pid"));
        let mut command = unprivileged("postgres");
        command.arg("-D").arg(&data);
        let fixed = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port.number),
            format!(
                "unix_socket_directories={}",
                self.directory.path().display()
            ),
            "fsync=off".to_owned(),
        ];
        let settings = self.settings.iter().map(ToString::to_string);
        for setting in fixed.into_iter().chain(settings) {
            command.args(["-c", &setting]);
        }
        let mut process = Process::start(&mut command);
        wait_until("an answer of Postgres", || {
            assert!(!process.has_ended(), "{}", process.output());
            let asked = self.psql().args(["-c", "SELECT 1"]).output().unwrap();
            asked.status.success()
        });
        self.process = Some(process);
    }

    /// Ends it at once, with its connections.
    pub(crate) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            let children = children(&process);
            let mut files = shared_files(process.pid());
            files.extend(children.iter().flat_map(|child| shared_files(*child)));
            drop(process);
            for child in children {
                // Gone already, if it has seen that its parent is.
                signal(child, Signal::KILL);
            }
            self.give_back_memory();
            for file in files {
                // Several processes share most of them.
                let _ = fs::remove_file(file);
            }
        }
    }

    /// What it shared with its children outlives them all if nobody is left to end it, and the kernel
    /// has 4,096 places for such memory.
    fn give_back_memory(&self) {
        // https://www.postgresql.org/docs/15/storage-file-layout.html
        let file = self.directory.path().join("data/postmaster.pid");
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().nth(6).unwrap_or_default();
        if let Some(memory) = line.split_whitespace().nth(1) {
            // Gone already, if it ended by itself.
            let _ = Command::new("ipcrm").args(["-m", memory]).output();
        }
    }

    /// Stops all of it where it is. Its connections stay open, and nobody answers.
    pub(crate) fn freeze(&self) {
        // First the process that makes further ones.
        let process = self.process.as_ref().unwrap();
        process.signal(Signal::STOP);
        for child in children(process) {
            signal(child, Signal::STOP);
        }
    }

    pub(crate) fn thaw(&self) {
        let process = self.process.as_ref().unwrap();
        for child in children(process) {
            signal(child, Signal::CONT);
        }
        process.signal(Signal::CONT);
    }

    /// Stops the sessions of the service that there are now, and lets it open others.
    pub(crate) fn freeze_sessions(&self) {
        let sessions = self.run("SELECT pid FROM pg_stat_activity WHERE usename = 'app'");
        for pid in sessions.lines() {
            signal(pid.parse().unwrap(), Signal::STOP);
        }
    }

    /// How the service reaches it.
    pub(crate) fn url(&self) -> String {
        self.url_with("canary-pg%3Ap%40ss%2Fword")
    }

    pub(crate) fn url_with(&self, password: &str) -> String {
        format!(
            "postgres://app:{password}@localhost:{}/notes",
            self.port.number
        )
    }

    /// Runs statements as the administrator. Returns the rows, one a line.
    pub(crate) fn run(&self, statements: &str) -> String {
        let output = self.psql().args(["-c", statements]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs these statements in a transaction that stays open until it is [released](Self::release).
    pub(crate) fn hold(&self, statements: &str) -> Process {
        let mut command = process::command("psql");
        self.connect(&mut command);
        let held = format!("BEGIN; {statements}; SELECT 'held'; SELECT pg_sleep(3600)");
        // With each statement in a call of its own, what comes before the sleep is printed.
        for statement in held.split("; ") {
            command.args(["-c", statement]);
        }
        let process = Process::start(&mut command);
        wait_until("a transaction", || {
            let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)%' \
                AND pid <> pg_backend_pid()";
            self.run(sleeping) == "1"
        });
        process
    }

    /// Ends a transaction that is held. Its session would not notice that its client is gone.
    pub(crate) fn release(&self, held: Process) {
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE query LIKE '%pg_sleep(3600)%' AND pid <> pg_backend_pid()",
        );
        drop(held);
    }

    /// Waits until the service waits for a lock.
    pub(crate) fn await_waiting(&self) {
        self.await_waiting_sessions(1);
    }

    /// Waits until so many sessions of the service wait for a lock.
    pub(crate) fn await_waiting_sessions(&self, least: usize) {
        wait_until("sessions that wait for a lock", || {
            let waiting = "SELECT count(*) FROM pg_stat_activity \
                WHERE usename = 'app' AND wait_event_type = 'Lock'";
            self.run(waiting).parse::<usize>().unwrap() >= least
        });
    }

    fn psql(&self) -> Command {
        let mut command = Command::new("psql");
        self.connect(&mut command);
        command
    }

    fn connect(&self, command: &mut Command) {
        let host = self.directory.path().to_str().unwrap();
        command.args([
            "-X", "-q", "-A", "-t", "-U", "postgres", "-d", "notes", "-h", host,
        ]);
        command.args(["-p", &self.port.number.to_string(), "-v", "ON_ERROR_STOP=1"]);
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.directory.path().join("data").join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        own(&path);
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

/// The processes of its sessions, and those that work in the background.
fn children(process: &Process) -> Vec<u32> {
    let parent = process.pid().to_string();
    let children = Command::new("pgrep")
        .args(["-P", &parent])
        .output()
        .unwrap();
    let text = String::from_utf8(children.stdout).unwrap();
    text.lines().map(|pid| pid.parse().unwrap()).collect()
}

/// Made once for all tests, and copied for each server: that takes a tenth of the time.
fn template() -> PathBuf {
    static MADE: Mutex<Option<TempDir>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap();
    let directory = made.get_or_insert_with(|| {
        let directory = tempfile::tempdir().unwrap();
        own(directory.path());
        let data = directory.path().join("data");
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
        let output = initdb.arg("-D").arg(&data).output().unwrap();
        assert!(output.status.success(), "is Postgres in PATH? {output:?}");
        let statements = directory.path().join("statements");
        let text = format!(
            "CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'\nCREATE DATABASE notes OWNER app\n"
        );
        fs::write(&statements, text).unwrap();
        let mut single = unprivileged("postgres");
        single.args(["--single", "-D"]).arg(&data).arg("postgres");
        single.stdin(fs::File::open(statements).unwrap());
        let output = single.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let access = "local all postgres trust\nhost all app 127.0.0.1/32 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), access).unwrap();
        directory
    });
    directory.path().join("data")
}
