//! The binary under test.

use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command};

use rustix::process::Signal;
use tempfile::TempDir;

use super::http::{self, Answer};
use super::process::{self, Process};
use super::wait_until;

/// A running service, in a directory of its own.
pub(crate) struct Service {
    pub(crate) process: Process,
    pub(crate) api: u16,
    pub(crate) web: u16,
    pub(crate) management: u16,
    _directory: TempDir,
}

impl Service {
    /// Returns when every listener is there, long before it is ready.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process = run_in(directory.path(), arguments, variables);
        Self::listening(process, directory)
    }

    /// With few descriptors.
    pub(crate) fn with_descriptors(limit: u32, variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut limited = process::command("prlimit");
        limited.arg(format!("--nofile={limit}:{limit}"));
        limited.arg(env!("CARGO_BIN_EXE_service"));
        let process = Process::start(in_place(&mut limited, directory.path(), variables));
        Self::listening(process, directory)
    }

    /// That writes its log to pipes which nobody reads.
    pub(crate) fn unread(variables: &[(&str, &str)]) -> (Self, ChildStdout, ChildStderr) {
        let directory = tempfile::tempdir().unwrap();
        let mut command = command(directory.path(), &[], variables);
        let is_last = |line: &str| port(line, "management").is_some();
        let (process, stdout, stderr) = Process::start_unread(&mut command, is_last);
        (Self::listening(process, directory), stdout, stderr)
    }

    /// With the management port open to whoever has the token.
    pub(crate) fn listening(mut process: Process, directory: TempDir) -> Self {
        wait_until("three listeners", || {
            assert!(!process.has_ended(), "{}", process.output());
            port(&process.output(), "management").is_some()
        });
        let output = process.output();
        let port = |listener| port(&output, listener).unwrap();
        Self {
            api: port("api"),
            web: port("web"),
            management: port("management"),
            process,
            _directory: directory,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        http::get(self.api, path)
    }

    /// Waits until a probe of the API has this code.
    pub(crate) fn await_code(&self, path: &str, code: u16) {
        wait_until(&format!("{code} at {path}"), || {
            http::code(self.api, path) == Some(code)
        });
    }

    pub(crate) fn ready(self) -> Self {
        self.await_code("/readyz", 200);
        self
    }

    /// The report of a probe, as operators see it.
    pub(crate) fn report(&self, probe: &str) -> String {
        http::get(self.management, probe).body
    }

    pub(crate) fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Ends it, and returns its log.
    pub(crate) fn stop(self) -> String {
        self.terminate();
        let (code, output) = self.process.end();
        assert_eq!(code, Some(0), "{output}");
        output
    }
}

/// Starts the binary with no other variables than these, and ports that are free.
pub(crate) fn run_in(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Process {
    Process::start(&mut command(directory, arguments, variables))
}

/// Runs it to its end. Returns its code and everything that it printed.
pub(crate) fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    run_in(directory.path(), arguments, variables).end()
}

fn command(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = process::command(env!("CARGO_BIN_EXE_service"));
    command.args(arguments);
    in_place(&mut command, directory, variables);
    command
}

/// In this directory, with these variables.
fn in_place<'a>(
    command: &'a mut Command,
    directory: &Path,
    variables: &[(&str, &str)],
) -> &'a mut Command {
    command.current_dir(directory).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    for port in ["API_PORT", "WEB_PORT", "MANAGEMENT_PORT"] {
        command.env(port, "0");
    }
    for host in ["HOST", "MANAGEMENT_HOST"] {
        command.env(host, "127.0.0.1");
    }
    command.envs(variables.iter().copied())
}

/// The port of a listener, from a log of either format.
fn port(log: &str, listener: &str) -> Option<u16> {
    let names = [
        format!("listener=\"{listener}\""),
        format!("\"listener\":\"{listener}\""),
    ];
    let line = log
        .lines()
        .find(|line| names.iter().any(|name| line.contains(name)))?;
    let (_, after) = line.split_once("127.0.0.1:")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// How many sockets of this process listen.
pub(crate) fn listeners(pid: u32) -> usize {
    const LISTEN: &str = "0A";
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    let listening = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        (fields[3] == LISTEN).then(|| format!("socket:[{}]", fields[9]))
    });
    let listening: Vec<_> = listening.collect();
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets
        .filter(|target| listening.iter().any(|socket| Path::new(socket) == target))
        .count()
}
