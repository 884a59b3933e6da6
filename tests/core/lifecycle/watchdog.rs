//! `Health::exit_at_drain_cap` in real processes, whose runtime is blocked or whose end hangs.

use std::future::pending;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tower_health::Health;

use super::service::{Service, all};
use crate::support::{child, millis, secs, wait_until};

const DELAY: Duration = millis(300);
const CAP: Duration = millis(200);

/// The exit code that the documentation names.
const ENDED: Option<i32> = Some(124);

fn service(test: &str, stderr: Stdio) -> Service {
    let mut command = child::command(module_path!(), test);
    command.stderr(stderr);
    Service::start(command)
}

/// That a process which runs this test is ended after delay and cap, with one line.
fn is_ended(test: &str, says: Option<&str>) {
    let mut service = service(test, Stdio::piped());
    let errors = service.errors();
    let sent = Instant::now();
    service.signal("TERM");
    if let Some(line) = says {
        service.says(line);
    }
    let status = service.end();
    assert_eq!(status.code(), ENDED, "{status}");
    assert!(sent.elapsed() >= DELAY + CAP, "{:?}", sent.elapsed());
    assert_eq!(
        all(errors),
        "tower-health: the process has not ended by the drain cap, and exits with code 124 \
         (drain delay 300ms, drain cap 200ms)\n"
    );
}

#[test]
fn a_process_whose_only_worker_is_blocked_after_the_drain_began_is_ended() {
    is_ended("blocks_its_only_worker", Some("draining"));
}

#[test]
fn a_process_whose_workers_are_all_blocked_after_the_drain_began_is_ended() {
    is_ended("blocks_both_workers", Some("draining"));
}

// Nothing in this runtime sees the signal.
#[test]
fn a_process_whose_workers_are_all_blocked_before_the_signal_is_ended() {
    is_ended("blocks_both_workers_at_once", None);
}

#[test]
fn a_process_that_waits_for_a_blocking_function_after_its_cap_is_ended() {
    is_ended("leaves_a_blocking_function", Some("capped"));
}

#[test]
fn a_process_that_ends_before_the_cap_is_left_alone() {
    let mut service = service("ends_before_the_cap", Stdio::piped());
    let errors = service.errors();
    service.signal("TERM");
    assert!(service.end().success());
    assert_eq!(all(errors), "");
}

#[test]
fn a_dead_stderr_holds_up_no_end() {
    let mut service = service("blocks_its_only_worker", Stdio::piped());
    drop(service.errors());
    service.signal("TERM");
    let status = service.end();
    assert_eq!(status.code(), ENDED, "{status}");
}

#[test]
fn a_full_stderr_whose_lock_is_held_holds_up_no_end() {
    let mut service = service("fills_stderr", Stdio::piped());
    // Nobody reads it.
    let _errors = service.errors();
    service.signal("TERM");
    let status = service.end();
    assert_eq!(status.code(), ENDED, "{status}");
}

#[test]
fn an_exit_that_hangs_is_aborted() {
    // Nobody reads its stdout after this, so the flush at the exit hangs.
    let service = service("fills_stdout", Stdio::null());
    service.signal("TERM");
    let status = service.end();
    assert_eq!((status.code(), status.signal()), (None, Some(6)));
}

#[test]
fn third_signals_leave_a_process_that_does_not_end_one_second() {
    let mut service = service("blocks_both_workers_for_ever", Stdio::null());
    for _ in 0..2 {
        service.signal("TERM");
        service.says("a signal");
    }
    // Those that the watchdog has not looked at yet are one to it.
    let status = service.ends_by("TERM");
    assert_eq!(status.code(), ENDED, "{status}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_thread_ends_with_the_last_handle() {
    if !child::is_alone(module_path!(), "the_thread_ends_with_the_last_handle") {
        return;
    }
    let has_thread = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        let name = |task: io::Result<fs::DirEntry>| {
            // A thread may end while this reads.
            fs::read_to_string(task.ok()?.path().join("comm")).ok()
        };
        tasks
            .filter_map(name)
            .any(|name| name == "drain-watchdog\n")
    };
    runtime(1).block_on(async {
        let health = Health::builder().start().unwrap();
        health.exit_at_drain_cap().unwrap();
        assert!(has_thread());
        drop(health);
    });
    wait_until("the thread ends", || !has_thread());
}

fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}

/// A health with a watchdog, in a process of its own; `None` in every other one.
fn watched(cap: Duration) -> Option<Health> {
    if !child::is_child() {
        return None;
    }
    let health = Health::builder()
        .drain_delay(DELAY)
        .drain_cap(cap)
        .start()
        .unwrap();
    health.exit_at_drain_cap().unwrap();
    Some(health)
}

fn block() -> ! {
    loop {
        thread::park();
    }
}

#[test]
#[ignore = "a service that a test above ends"]
fn blocks_its_only_worker() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(health) = watched(CAP) else { return };
        let shutdown = health.shutdown_signal();
        println!("\nserving");
        tokio::spawn(async move {
            while !health.is_draining() {
                tokio::time::sleep(millis(1)).await;
            }
            println!("\ndraining");
            block();
        });
        shutdown.await;
    });
}

/// Blocks both workers. This runs on neither of them.
async fn block_both() {
    for _ in 0..2 {
        let (started, is_started) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let _ = started.send(());
            block();
        });
        // A worker that found both at once could keep the second to itself, and the other one asleep.
        is_started.await.unwrap();
    }
}

#[test]
#[ignore = "a service that a test above ends"]
fn blocks_both_workers() {
    runtime(2).block_on(async {
        let Some(health) = watched(CAP) else { return };
        tokio::spawn(health.shutdown_signal());
        let mut transitions = health.subscribe();
        println!("\nserving");
        while !health.is_draining() {
            transitions.next().await.unwrap();
        }
        block_both().await;
        println!("\ndraining");
        pending::<()>().await;
    });
}

#[test]
#[ignore = "a service that a test above ends"]
fn blocks_both_workers_at_once() {
    runtime(2).block_on(async {
        let Some(health) = watched(CAP) else { return };
        tokio::spawn(health.shutdown_signal());
        block_both().await;
        println!("\nserving");
        pending::<()>().await;
    });
}

#[test]
#[ignore = "a service that a test above ends"]
fn blocks_both_workers_for_ever() {
    runtime(2).block_on(async {
        let Some(health) = watched(secs(3600)) else {
            return;
        };
        tokio::spawn(health.shutdown_signal());
        block_both().await;
        // A runtime beside them, to see when a signal has arrived.
        thread::spawn(|| {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                use tokio::signal::unix::{SignalKind, signal};
                let mut signals = signal(SignalKind::terminate()).unwrap();
                println!("\nserving");
                while signals.recv().await.is_some() {
                    println!("\na signal");
                }
            });
        });
        pending::<()>().await;
    });
}

#[test]
#[ignore = "a service that a test above ends"]
fn leaves_a_blocking_function() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(health) = watched(CAP) else { return };
        tokio::task::spawn_blocking(|| block());
        let shutdown = health.shutdown_signal();
        println!("\nserving");
        let server = async {
            shutdown.await;
            pending::<()>().await;
        };
        assert_eq!(health.cap_drain(server).await, None);
        println!("\ncapped");
    });
    // The last handle is gone, and the runtime waits for the function.
}

#[test]
#[ignore = "a service that a test above ends"]
fn ends_before_the_cap() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(health) = watched(secs(3600)) else {
            return;
        };
        let shutdown = health.shutdown_signal();
        println!("\nserving");
        assert_eq!(health.cap_drain(shutdown).await, Some(()));
    });
}

#[test]
#[ignore = "a service that a test above ends"]
fn fills_stderr() {
    runtime(2).block_on(async {
        let Some(health) = watched(CAP) else { return };
        tokio::spawn(health.shutdown_signal());
        thread::spawn(|| {
            let mut stderr = io::stderr().lock();
            while stderr.write_all(&[b'x'; 4096]).is_ok() {}
        });
        println!("\nserving");
        pending::<()>().await;
    });
}

#[test]
#[ignore = "a service that a test above ends"]
fn fills_stdout() {
    runtime(2).block_on(async {
        let Some(health) = watched(CAP) else { return };
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        setrlimit(Resource::Core, none).unwrap();
        tokio::spawn(health.shutdown_signal());
        println!("\nserving");
        // Stays in the buffer, which the exit flushes.
        print!("no line");
        let stdout = io::stdout().as_fd().try_clone_to_owned().unwrap();
        thread::spawn(move || {
            // Not through the lock, which the flush at the exit would respect.
            let mut stdout = fs::File::from(stdout);
            while stdout.write_all(&[b'x'; 4096]).is_ok() {}
        });
        pending::<()>().await;
    });
}
