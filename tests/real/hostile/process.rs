//! The service as the test sees it: its process, and what it says of itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::dependency::Dependency;
use super::setup::{Command, Look, Setup, now_ms};
use crate::servers::process::{signal, stop};
use crate::support::{PATIENCE, child, wait_until};

pub(crate) struct Service {
    pub(crate) child: Child,
    control: BufReader<TcpStream>,
}

impl Service {
    /// Starts it with its output thrown away, and waits until it is ready.
    pub(crate) fn start(setup: &Setup, dependency: &Dependency) -> Self {
        Self::start_with(setup, dependency, [Stdio::null(), Stdio::null()])
    }

    pub(crate) fn start_with(
        setup: &Setup,
        dependency: &Dependency,
        [stdout, stderr]: [Stdio; 2],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = child::command(super::child::PATH, "child");
        command
            .env(super::child::SETUP, serde_json::to_string(setup).unwrap())
            .env(
                super::child::CONTROL,
                listener.local_addr().unwrap().to_string(),
            )
            .env(super::child::DEPENDENCY, dependency.address().to_string());
        let child = command.stdout(stdout).stderr(stderr).spawn().unwrap();
        let (control, _) = listener.accept().unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut service = Self {
            child,
            control: BufReader::new(control),
        };
        service.becomes_ready();
        service.tell(Command::Forget);
        service
    }

    /// What was seen since it was last told to forget.
    pub(crate) fn look(&mut self) -> Look {
        self.tell(Command::Look)
    }

    pub(crate) fn tell(&mut self, command: Command) -> Look {
        let mut line = serde_json::to_string(&command).unwrap();
        line.push('\n');
        self.control.get_mut().write_all(line.as_bytes()).unwrap();
        line.clear();
        self.control.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect("the service lives")
    }

    pub(crate) fn becomes_ready(&mut self) {
        wait_until("ready", || self.look().is_ready);
    }

    pub(crate) fn becomes_unready(&mut self) {
        wait_until("unready", || !self.look().is_ready);
    }

    /// Waits until each check has run from its start to its end.
    pub(crate) fn runs_each_check(&mut self) {
        let runs = |look: Look| look.checks.into_iter().map(|check| check.runs);
        let before: Vec<_> = runs(self.look()).collect();
        // The run that ends next may have begun before.
        wait_until("two more runs of each check", || {
            let mut both = runs(self.look()).zip(&before);
            both.all(|(now, before)| now >= before + 2)
        });
    }

    /// Stops every thread of it for this long, and returns when it went on. Meanwhile `during`
    /// happens.
    pub(crate) fn pause(&mut self, length: Duration, during: impl FnOnce()) -> u64 {
        let end = Instant::now() + length;
        stop(self.child.id());
        during();
        thread::sleep(end.saturating_duration_since(Instant::now()));
        let goes_on = now_ms();
        signal(self.child.id(), Signal::CONT);
        goes_on
    }

    /// Its resident memory, in kilobytes.
    pub(crate) fn memory_kb(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let (kb, _) = line.unwrap().trim().split_once(' ').unwrap();
        kb.parse().unwrap()
    }

    pub(crate) fn prober(&mut self) -> Prober {
        Prober::connect(self.look().address.unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A prober that keeps its connection.
pub(crate) struct Prober(TcpStream);

impl Prober {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// The status code of a probe.
    pub(crate) fn get(&mut self, path: &str) -> u16 {
        let request = format!("GET {path} HTTP/1.1\r\nhost: service\r\n\r\n");
        self.0.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The body ends with the brace of its object.
        while !answer.ends_with(b"}") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        let code = answer.split(|byte| *byte == b' ').nth(1).unwrap();
        std::str::from_utf8(code).unwrap().parse().unwrap()
    }

    pub(crate) fn becomes(&mut self, code: u16) {
        wait_until("this code", || self.get("/readyz") == code);
    }
}
