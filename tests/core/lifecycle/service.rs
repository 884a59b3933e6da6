//! A child process that is a service: it prints where it is, and gets real signals.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use crate::support::{PATIENCE, wait_until};

pub(crate) struct Service {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Dropped with this: the thread that kills a child which hangs.
    _in_use: mpsc::Sender<()>,
}

impl Service {
    /// Starts a service and waits until it says that it is serving.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (in_use, ended) = mpsc::channel::<()>();
        let pid = child.id().to_string();
        thread::spawn(move || {
            // Its output then ends, and with it whatever waits for a line.
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                kill("KILL", &pid);
            }
        });
        let mut service = Self {
            child,
            output,
            _in_use: in_use,
        };
        service.says("serving");
        service
    }

    /// What it writes to stderr, if that is a pipe.
    pub(crate) fn errors(&mut self) -> ChildStderr {
        self.child.stderr.take().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        kill(name, &self.child.id().to_string());
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

    /// Sends a signal again and again until it has ended: those that come before it looks are one
    /// to it.
    pub(crate) fn ends_by(mut self, signal: &str) -> ExitStatus {
        wait_until("the child ends", || {
            let has_ended = self.child.try_wait().unwrap().is_some();
            if !has_ended {
                self.signal(signal);
            }
            has_ended
        });
        self.end()
    }

    /// Waits until it has ended. One that hangs is killed, which is no success.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(signal: &str, pid: &str) {
    let kill = Command::new("kill").args(["-s", signal, pid]).status();
    assert!(kill.unwrap().success());
}

/// Everything that comes until the end.
pub(crate) fn all(mut errors: ChildStderr) -> String {
    let mut text = String::new();
    errors.read_to_string(&mut text).unwrap();
    text
}
