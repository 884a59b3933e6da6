//! What systemd is told, at a socket that the test opens.
//!
//! The socket and the watchdog are in the environment of a process, so each test has a process of its
//! own.

use std::os::unix::net::UnixDatagram;
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tower_health::{Gate, Health, Status};

use crate::support::child::{command, is_child};
use crate::support::{Dial, PATIENCE, steady, wait_until};

/// Where the child finds its socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Runs the test again in a process that finds such a socket, and with a watchdog of this interval if
/// there is one. Returns whether this is that process.
fn is_notifier(name: &str, watchdog: Option<Duration>) -> bool {
    if is_child() {
        return true;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(module_path!(), name);
    command.env(SOCKET, directory.path().join("notify.sock"));
    if let Some(interval) = watchdog {
        command.env("WATCHDOG_USEC", interval.as_micros().to_string());
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{errors}"
    );
    false
}

/// The side of systemd.
struct Socket(UnixDatagram);

impl Socket {
    fn open() -> Self {
        let socket = UnixDatagram::bind(std::env::var_os(SOCKET).unwrap()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// The assignments of the next message.
    fn next(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let length = self.0.recv(&mut buffer).expect("a message");
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Reads until this assignment comes. Returns all that came before it.
    fn until(&self, assignment: &str) -> Vec<String> {
        self.until_line(|line| line == assignment)
    }

    /// Reads until an assignment comes for which this holds. Returns all that came before it.
    fn until_line(&self, holds: impl Fn(&str) -> bool) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let message = self.next();
            if message.iter().any(|line| holds(line)) {
                return seen;
            }
            seen.extend(message);
        }
    }

    /// Reads what has come already.
    fn drain(&self) -> Vec<String> {
        self.0.set_nonblocking(true).unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length) = self.0.recv(&mut buffer) {
            seen.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        self.0.set_nonblocking(false).unwrap();
        seen
    }
}

/// An application with a runtime of its own, whose startup has a gate.
fn application(workers: usize) -> (Runtime, Health, Dial, Gate) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap();
    let dial = Dial::pass();
    let health = steady().readiness(dial.check("db")).gate("warm-up");
    let health = health.start_on(runtime.handle()).unwrap();
    let gate = health.gate("warm-up").unwrap();
    (runtime, health, dial, gate)
}

/// Panics if a ping comes while the thread looks at the state several times, at intervals of a second
/// at least: no time is measured here, since the thread itself has to get that far.
#[track_caller]
fn assert_no_ping(socket: &Socket, health: &Health) {
    for round in 0..5 {
        health.refuse_traffic(format!("round {round}"));
        let before = socket.until_line(|line| line.contains(&format!("round {round}")));
        // One may be under way at first, and the first looks may follow a change at once.
        assert!(
            round < 2 || !before.contains(&"WATCHDOG=1".to_owned()),
            "{before:?}"
        );
    }
    health.accept_traffic();
}

#[test]
fn ready_comes_once_with_startup_and_stopping_once_with_the_drain() {
    if !is_notifier(
        "ready_comes_once_with_startup_and_stopping_once_with_the_drain",
        None,
    ) {
        return;
    }
    let socket = Socket::open();
    let (runtime, health, dial, gate) = application(1);
    let context = runtime.enter();
    health.notify_systemd().unwrap();
    drop(context);
    let before = socket.until("STATUS=starting: startup has not completed");
    assert!(!before.concat().contains("READY"), "{before:?}");
    gate.complete();
    let before = socket.until("READY=1");
    assert!(!before.concat().contains("STOPPING"), "{before:?}");
    dial.turn(Status::Fail);
    runtime.block_on(health.run_now("db")).unwrap();
    let before = socket.until("STATUS=not ready: db: refused");
    assert!(!before.concat().contains("READY=1"), "once: {before:?}");
    dial.turn(Status::Pass);
    runtime.block_on(health.run_now("db")).unwrap();
    socket.until("STATUS=ready");
    health.drain();
    socket.until("STOPPING=1");
    dial.turn(Status::Fail);
    runtime.block_on(health.run_now("db")).unwrap();
    let rest = socket
        .until("STATUS=not ready: draining; db: refused")
        .concat();
    assert!(
        !rest.contains("STOPPING=1") && !rest.contains("READY=1"),
        "once: {rest}"
    );
    assert!(!rest.contains("WATCHDOG"), "the unit has none");
}

#[test]
fn the_watchdog_is_told_only_while_liveness_passes() {
    let name = "the_watchdog_is_told_only_while_liveness_passes";
    if !is_notifier(name, Some(Duration::from_millis(20))) {
        return;
    }
    let socket = Socket::open();
    let (runtime, health, _dial, _gate) = application(1);
    let context = runtime.enter();
    health.notify_systemd().unwrap();
    drop(context);
    // Before startup is complete, too: systemd starts to count with READY=1, and a ping before it
    // harms nothing.
    for _ in 0..5 {
        socket.until("WATCHDOG=1");
    }
    health.mark_broken("a lock is lost");
    assert_no_ping(&socket, &health);
    health.clear_broken();
    socket.until("WATCHDOG=1");
}

#[test]
fn the_watchdog_is_not_told_while_every_worker_is_blocked() {
    let name = "the_watchdog_is_not_told_while_every_worker_is_blocked";
    if !is_notifier(name, Some(Duration::from_millis(20))) {
        return;
    }
    let socket = Socket::open();
    let (runtime, health, _dial, _gate) = application(2);
    let context = runtime.enter();
    health.notify_systemd().unwrap();
    drop(context);
    let (unblock, is_unblocked) = mpsc::channel::<()>();
    let is_unblocked = Arc::new(Mutex::new(is_unblocked));
    let block = |workers: usize| {
        let blocks = Arc::new(Barrier::new(workers + 1));
        for _ in 0..workers {
            let (blocks, is_unblocked) = (Arc::clone(&blocks), Arc::clone(&is_unblocked));
            runtime.spawn(async move {
                blocks.wait();
                let _ = is_unblocked.lock().unwrap().recv();
            });
        }
        blocks.wait();
    };
    block(1);
    socket.drain();
    for _ in 0..5 {
        socket.until("WATCHDOG=1");
    }
    block(1);
    assert_no_ping(&socket, &health);
    assert_eq!(health.status(tower_health::Probe::Liveness), Status::Pass);
    drop(unblock);
    socket.until("WATCHDOG=1");
}

#[test]
fn a_socket_that_is_missing_harms_nothing_and_is_tried_again() {
    if !is_notifier(
        "a_socket_that_is_missing_harms_nothing_and_is_tried_again",
        None,
    ) {
        return;
    }
    let (runtime, health, _dial, gate) = application(1);
    let context = runtime.enter();
    health.notify_systemd().unwrap();
    drop(context);
    gate.complete();
    runtime.block_on(health.await_ready()).unwrap();
    let socket = Socket::open();
    socket.until("READY=1");
}

#[test]
fn the_thread_ends_with_the_health() {
    if !is_notifier("the_thread_ends_with_the_health", None) {
        return;
    }
    let _socket = Socket::open();
    let has_thread = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        tasks.flatten().any(|task| {
            let name = std::fs::read_to_string(task.path().join("comm"));
            name.is_ok_and(|name| name.starts_with("health-systemd"))
        })
    };
    let (runtime, health, dial, gate) = application(1);
    let context = runtime.enter();
    health.notify_systemd().unwrap();
    drop(context);
    wait_until("the thread", has_thread);
    drop((health, dial, gate));
    wait_until("the end of the thread", || !has_thread());
}

#[test]
fn outside_a_runtime_it_is_an_error_and_outside_systemd_it_does_nothing() {
    let health = Health::fixed(Status::Pass);
    assert!(health.notify_systemd().is_err());
    let runtime = Builder::new_current_thread().build().unwrap();
    let _context = runtime.enter();
    health.notify_systemd().unwrap();
}
