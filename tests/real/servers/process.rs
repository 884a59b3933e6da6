//! A server as a child process that dies with its test.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A running server. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts it with its output in the file `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let program = command.get_program().to_owned();
        let log = fs::File::create(log).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program:?} does not start, see .ci/test: {error}"));
        Self { child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The kernel still accepts connections for it, and no process answers them.
    pub(crate) fn freeze(&mut self) {
        stop(self.pid());
    }

    pub(crate) fn thaw(&mut self) {
        signal(self.pid(), Signal::CONT);
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to a process that belongs to this test.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Stops a process that belongs to this test, and waits until each of its threads stands still, or
/// has ended: the child of a parent that is stopped stays listed until that goes on.
pub(crate) fn stop(pid: u32) {
    signal(pid, Signal::STOP);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_stopped(pid) {
        assert!(Instant::now() < deadline, "{pid} does not stop");
        std::thread::yield_now();
    }
}

/// Or has ended, and waits for a parent that stands still itself.
fn is_stopped(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return true;
    };
    threads.map_while(Result::ok).all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // `pid (name) state …`, and the name may have anything in it.
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with(['T', 'X', 'Z']))
    })
}
