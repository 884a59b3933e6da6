//! Children that die with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::wait_until;

/// A command that dies with the thread that starts it, whatever ends that.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// A running child. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = spawn(command);
        let output = Arc::new(Mutex::new(String::new()));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let readers = vec![
            follow(stdout.unwrap(), &output),
            follow(stderr.unwrap(), &output),
        ];
        Self {
            child,
            output,
            readers,
        }
    }

    /// Reads stdout up to a line, and then nothing more. Returns the pipes, which stay open as long as
    /// they are held.
    pub(crate) fn start_unread(
        command: &mut Command,
        is_last: impl Fn(&str) -> bool,
    ) -> (Self, ChildStdout, ChildStderr) {
        let mut child = spawn(command);
        let (mut stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let mut output = String::new();
        let mut byte = [0];
        while !output.lines().last().is_some_and(&is_last) || !output.ends_with('\n') {
            stdout.read_exact(&mut byte).unwrap();
            output.push(char::from(byte[0]));
        }
        let process = Self {
            child,
            output: Arc::new(Mutex::new(output)),
            readers: Vec::new(),
        };
        (process, stdout, stderr)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        assert!(self::signal(self.pid(), signal));
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end. Returns its code and everything that it printed.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut status: Option<ExitStatus> = None;
        let pid = self.pid();
        wait_until(&format!("the end of {pid}"), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status.unwrap().code(), self.output())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("setpriv of util-linux")
}

/// Returns whether there is such a process.
pub(crate) fn signal(pid: u32, signal: Signal) -> bool {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, signal).is_ok()
}

fn follow(pipe: impl Read + Send + 'static, output: &Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { return };
            let mut output = output.lock().unwrap();
            output.push_str(&line);
            output.push('\n');
        }
    })
}
