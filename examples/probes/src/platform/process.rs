//! A real process in the place of a container.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal as Kill, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

/// A process that runs. It is killed when it is dropped, and what it has started ends with it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stop_signal: Kill,
    /// `Some` once it is gone, and its number may be that of another process.
    status: Option<ExitStatus>,
}

/// How a process ended that was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By the signal that asked it, without having handled it.
    Signalled(i32),
    /// Not within its time: it was killed.
    Killed,
}

impl Process {
    /// A child that leads a process group of its own.
    pub(super) fn new(child: Child, stop_signal: Kill) -> Self {
        Self {
            child,
            stop_signal,
            status: None,
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The signal that its image wants.
    pub fn stop_signal(&self) -> Kill {
        self.stop_signal
    }

    /// Sends a signal; a process that is gone needs none.
    pub fn signal(&mut self, signal: Kill) {
        if self.ended().is_none()
            && let Some(pid) = self.pid()
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if self.status.is_none()
            && let Some(pid) = self.pid()
            && matches!(waitid(WaitId::Pid(pid), look), Ok(Some(_)))
        {
            self.kill();
        }
        self.status
    }

    /// Waits for its end, or for the time.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub fn wait(&mut self, time: Duration) -> io::Result<Option<ExitStatus>> {
        let end = Instant::now() + time;
        loop {
            if let Some(status) = self.ended() {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends the signal, and SIGKILL after the grace.
    pub fn stop(&mut self, signal: Kill, grace: Duration) -> End {
        self.signal(signal);
        self.finish(grace)
    }

    /// Waits for the end of what was asked to, and kills it after the grace.
    pub fn finish(&mut self, grace: Duration) -> End {
        match self.wait(grace) {
            Ok(Some(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => End::Exited(code),
                (None, signal) => End::Signalled(signal.unwrap_or(0)),
            },
            _ => {
                self.kill();
                End::Killed
            }
        }
    }

    /// Ends it, and all that it has started, as the end of the first process ends a container.
    pub(super) fn kill(&mut self) {
        if self.status.is_none()
            && let Some(pid) = self.pid()
        {
            // Nobody has waited for it yet, so the number of the group is still its own.
            let _ = kill_process_group(pid, Kill::KILL);
            let _ = self.child.kill();
            self.status = self.child.wait().ok();
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
