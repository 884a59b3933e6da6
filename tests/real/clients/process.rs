//! Programs: found by name, ended by their handle, and waited for with a deadline.

use std::env;
use std::fmt::Debug;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::support::PATIENCE;

/// A program that is killed when its handle is dropped, and that no proxy comes in between.
pub(crate) fn program(name: &str) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file());
    let mut command =
        Command::new(found.unwrap_or_else(|| panic!("there is no `{name}`: .ci/test installs it")));
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "grpc_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it said, if it is content.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }
}

/// Runs a program to its end.
pub(crate) async fn run(command: &mut Command) -> Ended {
    let output = timeout(PATIENCE, command.output()).await;
    let output = output
        .unwrap_or_else(|_| panic!("still running: {command:?}"))
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A program that prints something from time to time.
pub(crate) struct Teller {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Teller {
    pub(crate) fn start(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line with this in it. Those before it are passed over.
    pub(crate) async fn line_with(&mut self, part: &str) -> String {
        loop {
            let line = timeout(PATIENCE, self.lines.next_line()).await;
            let line = line.expect("it tells something").unwrap();
            let Some(line) = line else {
                panic!("it ended: {:?}", self.ended().await);
            };
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Waits until it ends by itself. `stdout` is what the test did not read before.
    pub(crate) async fn ended(&mut self) -> Ended {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let ended = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                stdout.push_str(&line);
                stdout.push('\n');
            }
            let errors = self.child.stderr.as_mut().unwrap();
            errors.read_to_string(&mut stderr).await.unwrap();
            self.child.wait().await.unwrap().code()
        };
        let code = timeout(PATIENCE, ended).await.expect("it ends");
        Ended {
            code,
            stdout,
            stderr,
        }
    }

    /// Whether it is running and has printed nothing that the test did not read.
    pub(crate) async fn is_silent(&mut self) -> bool {
        let told = timeout(Duration::ZERO, self.lines.next_line()).await;
        told.is_err() && self.child.try_wait().unwrap().is_none()
    }
}

/// A directory for the files of one program.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }
}

/// A program that runs for as long as this is held, and the files it needs.
pub(crate) struct Daemon {
    // Dropped first, and with it the program ends.
    child: Child,
    files: Files,
}

impl Daemon {
    pub(crate) fn start(command: &mut Command, files: Files) -> Self {
        let log = File::create(files.path("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Self {
            child: command.spawn().unwrap(),
            files,
        }
    }

    /// Waits until this is what is seen.
    pub(crate) async fn until<T: PartialEq + Debug>(
        &mut self,
        wanted: T,
        see: impl AsyncFn(&Files) -> T,
    ) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = see(&self.files).await;
            if seen == wanted {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.files.path("log")).unwrap_or_default();
                panic!("wanted {wanted:?}, seen {seen:?}, exit {ended:?}, log:\n{log}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}
