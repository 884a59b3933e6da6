//! Fly.io: service checks switch routing, and restart nothing; top-level checks do neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal as Kill;

use super::image::{Image, signal};
use super::pace::{Pace, StopFlag};
use super::prober::{self, Request};
use super::process::{End, Process};
use crate::files::fly::{Check, Fly};
use crate::words;

/// A machine.
#[derive(Debug)]
pub struct Machine {
    process: Process,
    is_routed: Arc<AtomicBool>,
    changes: Arc<AtomicUsize>,
    stop: StopFlag,
    checker: Option<JoinHandle<()>>,
    signal: Kill,
    grace: Duration,
}

/// Runs the release command; nothing is deployed if it fails.
///
/// # Errors
///
/// Its exit code, or none if it did not end.
pub fn release(fly: &Fly, image: &Image) -> Result<(), Option<i32>> {
    let Some(line) = &fly.release_command else {
        return Ok(());
    };
    match image.run(
        &command(image, Some(line)),
        &fly.env,
        Duration::from_secs(120),
    ) {
        Ok(Some(0)) => Ok(()),
        Ok(code) => Err(code),
        Err(_) => Err(None),
    }
}

/// The entry point stays; a release command and a process replace the command of the image.
fn command(image: &Image, line: Option<&String>) -> Vec<String> {
    let rest = line.map(|line| words::split(line)).unwrap_or_default();
    image.entrypoint().iter().cloned().chain(rest).collect()
}

impl Machine {
    /// Starts a machine, whose service on `http_service` is checked.
    ///
    /// # Errors
    ///
    /// What the system reports, and a `kill_signal` that is none.
    pub fn start(fly: &Fly, image: &Image, pace: Pace) -> std::io::Result<Self> {
        let signal = signal(&fly.kill_signal)?;
        let process = image.start(&command(image, fly.process.as_ref()), &fly.env)?;
        let (is_routed, changes) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let stop = StopFlag::default();
        let service = fly.services.first();
        let check = service.and_then(|service| service.checks.first()).cloned();
        let port = service.and_then(|service| service.port).unwrap_or(8080);
        // Without a check of the service, the machine has traffic at once.
        is_routed.store(check.is_none(), Ordering::SeqCst);
        let checker = check.map(|check| {
            let (is_routed, changes, stop) =
                (Arc::clone(&is_routed), Arc::clone(&changes), stop.clone());
            let port = image.port_here(check.port.unwrap_or(port));
            std::thread::spawn(move || watch(&check, port, pace, &stop, &is_routed, &changes))
        });
        Ok(Self {
            process,
            is_routed,
            changes,
            stop,
            checker,
            signal,
            grace: fly.kill_timeout,
        })
    }

    /// Whether the proxy sends requests here.
    pub fn is_routed(&self) -> bool {
        self.is_routed.load(Ordering::SeqCst)
    }

    /// How many times that has changed.
    pub fn changes(&self) -> usize {
        self.changes.load(Ordering::SeqCst)
    }

    /// Waits until the proxy does, or does not.
    ///
    /// # Panics
    ///
    /// If it never comes to that.
    pub fn wait_routed(&self, is_routed: bool) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while self.is_routed() != is_routed {
            assert!(
                Instant::now() < deadline,
                "routing never became {is_routed}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// Stops the machine: its signal, and a kill after its time.
    pub fn stop(mut self) -> End {
        let end = self.process.stop(self.signal, self.grace);
        self.stop.set();
        end
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(checker) = self.checker.take() {
            let _ = checker.join();
        }
    }
}

/// Only a 2xx passes; no redirect is followed.
fn watch(
    check: &Check,
    port: u16,
    pace: Pace,
    stop: &StopFlag,
    routed: &AtomicBool,
    changes: &AtomicUsize,
) {
    stop.pause(pace.scaled(check.grace.unwrap_or_default()));
    while !stop.is_set() {
        let passes = match &check.path {
            Some(path) => {
                let host = format!("127.0.0.1:{port}");
                let request = Request {
                    method: &check.method,
                    path,
                    host: &host,
                    agent: Some("Consul Health Check"),
                    headers: &check.headers,
                };
                prober::get(port, &request, check.timeout)
                    .is_ok_and(|answer| answer.status / 100 == 2)
            }
            None => std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(),
        };
        if routed.swap(passes, Ordering::SeqCst) != passes {
            changes.fetch_add(1, Ordering::SeqCst);
        }
        stop.pause(pace.scaled(check.interval));
    }
}
