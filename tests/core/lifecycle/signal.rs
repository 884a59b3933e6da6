//! Real signals to a real process: a child that runs one test of this binary, which is a service.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tower_health::{Health, Probe, Status};

use crate::support::{PATIENCE, child};

/// Set for the child: its drain delay in milliseconds.
const CHILD: &str = "TOWER_HEALTH_TEST_DRAIN_MS";

/// Longer than any test runs: a delay that only a second signal can end.
const FOR_EVER: u64 = 3_600_000;

#[test]
fn a_signal_drains_and_the_process_ends_in_good_order_after_the_delay() {
    for signal in ["TERM", "INT"] {
        let mut service = Service::start(200);
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
        let mut service = Service::start(FOR_EVER);
        service.signal(first);
        service.says("draining: readiness fail, liveness pass");
        service.signal(second);
        service.says("stopped");
        assert!(service.end().success(), "{first}, {second}");
    }
}

#[test]
#[ignore = "the service that the tests above send signals to"]
fn child() {
    let Ok(delay) = std::env::var(CHILD) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let health = Health::builder()
            .drain_delay(Duration::from_millis(delay.parse().unwrap()))
            .start()
            .unwrap();
        let shutdown = health.shutdown_signal();
        let mut transitions = health.subscribe();
        println!("\nserving");
        let told = async {
            transitions.next().await.unwrap();
            let of = |probe| health.status(probe);
            println!(
                "\ndraining: readiness {}, liveness {}",
                of(Probe::Readiness),
                of(Probe::Liveness)
            );
        };
        tokio::join!(shutdown, told);
        assert_eq!(health.status(Probe::Readiness), Status::Fail);
        println!("\nstopped");
    });
}

struct Service {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Service {
    fn start(delay: u64) -> Self {
        let mut child = child::command(module_path!(), "child")
            .env(CHILD, delay.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut service = Self { child, output };
        service.says("serving");
        service
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(kill.unwrap().success());
    }

    /// Reads until this line. A child that ends without it closes its output, and that fails.
    fn says(&mut self, wanted: &str) {
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

    fn end(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the child does not end");
            std::thread::yield_now();
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
