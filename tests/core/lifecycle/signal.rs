//! Real signals to a real process: a child that runs one test of this binary, which is a service.

use std::future::pending;
use std::process::Command;
use std::time::{Duration, Instant};

use tower_health::{Health, Probe, Status};

use super::service::Service;
use crate::support::child;

/// Set for the child: its drain delay in milliseconds.
const DELAY: &str = "TOWER_HEALTH_TEST_DRAIN_MS";

/// Longer than any test runs: a delay or a cap that only a signal can end.
const FOR_EVER: u64 = 3_600_000;

fn service(test: &str, delay: u64) -> Service {
    let mut command: Command = child::command(module_path!(), test);
    command.env(DELAY, delay.to_string());
    Service::start(command)
}

#[test]
fn a_signal_drains_and_the_process_ends_in_good_order_after_the_delay() {
    for signal in ["TERM", "INT"] {
        let mut service = service("child", 200);
        let sent = Instant::now();
        service.signal(signal);
        service.says("draining: readiness fail, liveness pass");
        service.says("stopped");
        assert!(service.end().success(), "{signal}");
        // It cannot have been shorter, however fast the machine.
        assert!(sent.elapsed() >= Duration::from_millis(200), "{signal}");
    }
}

#[test]
fn a_second_signal_ends_the_delay() {
    for (first, second) in [("TERM", "TERM"), ("TERM", "INT")] {
        let mut service = service("child", FOR_EVER);
        service.signal(first);
        service.says("draining: readiness fail, liveness pass");
        service.signal(second);
        service.says("stopped");
        assert!(service.end().success(), "{first}, {second}");
    }
}

#[test]
fn a_third_signal_ends_the_cap() {
    for signals in [["TERM", "TERM", "TERM"], ["TERM", "INT", "TERM"]] {
        let mut service = service("child_with_open_streams", FOR_EVER);
        let [first, second, third] = signals;
        service.signal(first);
        service.says("draining: readiness fail, liveness pass");
        service.signal(second);
        service.says("the servers end");
        service.signal(third);
        service.says("capped");
        assert!(service.end().success(), "{signals:?}");
    }
}

// The delay needs no signal to end.
#[test]
fn a_second_signal_after_the_delay_ends_the_cap() {
    let mut service = service("child_with_open_streams", 1);
    service.signal("INT");
    service.says("the servers end");
    service.signal("INT");
    service.says("capped");
    assert!(service.end().success());
}

fn in_child(test: impl AsyncFnOnce(Health)) {
    let Ok(delay) = std::env::var(DELAY) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let health = Health::builder()
            .drain_delay(Duration::from_millis(delay.parse().unwrap()))
            .drain_cap(Duration::from_millis(FOR_EVER))
            .start()
            .unwrap();
        test(health).await;
    });
}

/// Prints what probes say once the drain has begun.
async fn tell_of_drain(health: &Health) {
    let mut transitions = health.subscribe();
    println!("\nserving");
    transitions.next().await.unwrap();
    let of = |probe| health.status(probe);
    println!(
        "\ndraining: readiness {}, liveness {}",
        of(Probe::Readiness),
        of(Probe::Liveness)
    );
}

#[test]
#[ignore = "the service that the tests above send signals to"]
fn child() {
    in_child(async |health| {
        let shutdown = health.shutdown_signal();
        tokio::join!(shutdown, tell_of_drain(&health));
        assert_eq!(health.status(Probe::Readiness), Status::Fail);
        println!("\nstopped");
    });
}

#[test]
#[ignore = "the service that the tests above send signals to"]
fn child_with_open_streams() {
    in_child(async |health| {
        // Two servers, each with its own shutdown and cap: a signal counts once for each of them.
        let server = |shutdown| {
            health.cap_drain(async move {
                shutdown.await;
                pending::<()>().await;
            })
        };
        let (shutdown, other) = (health.shutdown_signal(), health.shutdown_signal());
        let servers = async { tokio::join!(server(shutdown), server(other)) };
        let ends = async {
            health.shutdown_signal().await;
            println!("\nthe servers end");
        };
        let (ended, (), ()) = tokio::join!(servers, tell_of_drain(&health), ends);
        assert_eq!(ended, (None, None));
        println!("\ncapped");
    });
}
