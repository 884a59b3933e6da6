//! A child process that is a service: it prints where it is, and gets real signals.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Instant;

use crate::support::PATIENCE;

pub(crate) struct Service {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Service {
    /// Starts a service and waits until it says that it is serving.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut service = Self { child, output };
        service.says("serving");
        service
    }

    /// What it writes to stderr, if that is a pipe.
    pub(crate) fn errors(&mut self) -> ChildStderr {
        self.child.stderr.take().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(kill.unwrap().success());
    }

    /// Reads until this line. A child that ends without it closes its output, and that fails.
    pub(crate) fn says(&mut self, wanted: &str) {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self.output.read_line(&mut line).unwrap();
            assert_ne!(length, 0, "the child ended before it said {wanted:?}");
            if line.trim_end() == wanted {
                return;
            }
        }
    }

    pub(crate) fn end(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the child does not end");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that comes until the end.
pub(crate) fn all(mut errors: ChildStderr) -> String {
    let mut text = String::new();
    errors.read_to_string(&mut text).unwrap();
    text
}
