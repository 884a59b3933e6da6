//! A service that gets a twentieth of a processor, by a limit of the kernel, or by signals where
//! there is none.

use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use super::cgroup::Throttle;
use super::dependency::{ANSWERS_AFTER, Dependency};
use super::process::Service;
use super::setup::{CheckSetup, Kind, Look, Setup};
use crate::servers::process::signal;
use crate::support::{millis, secs};

/// Each turn of the runtime takes twenty spins, which is two seconds where each gets a twentieth of
/// the processor.
fn setup(workers: Option<usize>) -> Setup {
    let kinds = [("one", 1), ("three", 3)];
    let check = |(name, questions)| CheckSetup::new(name, 200, Kind::Asks { questions });
    Setup {
        spinners: 20,
        spin_ms: 5,
        ..Setup::new(workers, kinds.map(check).into())
    }
}

#[test]
#[ignore = "needs root, for a control group: run .ci/test"]
fn no_dependency_is_blamed_while_the_processor_is_throttled() {
    thread::scope(|scope| {
        for (name, workers) in [("one", None), ("two", Some(2))] {
            scope.spawn(move || throttled(name, workers));
        }
    });
}

fn throttled(name: &str, workers: Option<usize>) {
    let throttle = match Throttle::new(name) {
        Ok(throttle) => throttle,
        Err(error) => {
            // Few containers may make control groups. The test below needs none.
            println!("\n!!!! no processor was throttled here: {error}\n");
            return;
        }
    };
    let dependency = Dependency::start(ANSWERS_AFTER);
    let mut service = Service::start(&setup(workers), &dependency);
    throttle.take(&service);
    thread::sleep(secs(10));
    throttle.lift();
    let look = recovers(&mut service);
    println!(
        "throttled in {} of 100 periods, workers {workers:?}: {}",
        throttle.throttled(),
        figures(&look)
    );
    assert!(throttle.throttled() > 50, "{}", throttle.throttled());
    assert!(look.blames().is_empty(), "{:?}", look.blames());
}

#[test]
fn no_dependency_is_blamed_while_the_process_stutters() {
    thread::scope(|scope| {
        for workers in [None, Some(2)] {
            scope.spawn(move || stutters(workers));
        }
    });
}

fn stutters(workers: Option<usize>) {
    let dependency = Dependency::start(ANSWERS_AFTER);
    let mut service = Service::start(&setup(workers), &dependency);
    let end = Instant::now() + secs(10);
    while Instant::now() < end {
        signal(service.child.id(), Signal::STOP);
        thread::sleep(millis(95));
        signal(service.child.id(), Signal::CONT);
        thread::sleep(millis(5));
    }
    let look = recovers(&mut service);
    println!("stuttered, workers {workers:?}: {}", figures(&look));
    assert!(look.blames().is_empty(), "{:?}", look.blames());
}

/// What was seen until all is well again.
fn recovers(service: &mut Service) -> Look {
    service.runs_each_check();
    service.becomes_ready();
    service.look()
}

fn figures(look: &Look) -> String {
    format!(
        "{} of {} looks red, for at most {} ms, {} blames, runs {:?}",
        look.red_looks,
        look.looks,
        look.longest_red_ms,
        look.blames().len(),
        look.checks
            .iter()
            .map(|check| check.runs)
            .collect::<Vec<_>>(),
    )
}
