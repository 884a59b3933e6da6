//! A service that gets a twentieth of a processor, by a limit of the kernel, or by signals where
//! there is none.

use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use super::cgroup::Throttle;
use super::dependency::{ANSWERS_AFTER, Dependency};
use super::process::Service;
use super::setup::{CheckSetup, Kind, Look, Setup, TIMEOUT_MS};
use crate::servers::process::signal;
use crate::support::{millis, secs};

/// Each turn of the runtime takes twenty spins, which is two seconds where each gets a twentieth of
/// the processor.
fn setup(workers: Option<usize>) -> Setup {
    Setup {
        spinners: 20,
        spin_ms: 5,
        ..Setup::new(workers, CheckSetup::in_flight())
    }
}

#[test]
#[ignore = "needs root, for a control group: run .ci/test"]
fn no_dependency_is_blamed_while_the_processor_is_throttled() {
    thread::scope(|scope| {
        for workers in [None, Some(2)] {
            scope.spawn(move || throttled("busy", &setup(workers)));
            scope.spawn(move || throttled("computing", &computing(workers)));
        }
    });
}

/// A check that takes a sixteenth of its timeout, of a whole processor. Nothing else runs, so that the
/// refresher has its turn at the start of each period.
fn computing(workers: Option<usize>) -> Setup {
    let check = CheckSetup::new(
        "computing",
        200,
        Kind::Computes {
            ms: TIMEOUT_MS / 16,
        },
    );
    Setup::new(workers, vec![check])
}

fn throttled(name: &str, setup: &Setup) {
    let name = format!("{name}-{}", setup.workers.unwrap_or(1));
    let throttle = Throttle::new(&name).expect("a control group");
    let dependency = Dependency::start(ANSWERS_AFTER);
    let mut service = Service::start(setup, &dependency);
    throttle.take(&service);
    thread::sleep(secs(10));
    throttle.lift();
    let look = recovers(&mut service);
    println!(
        "{name} throttled in {} of 100 periods: {}",
        throttle.throttled(),
        figures(&look)
    );
    // On a busy machine it seldom gets as much as it may have.
    assert!(throttle.throttled() > 5, "{}", throttle.throttled());
    look.assert_only_starved();
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
    look.assert_only_starved();
}

/// What was seen until all is well again.
fn recovers(service: &mut Service) -> Look {
    service.runs_each_check();
    service.becomes_ready();
    service.look()
}

fn figures(look: &Look) -> String {
    format!(
        "{} of {} looks red, for at most {} ms, {} blames, {} starved runs, {} ms late, runs {:?}",
        look.red_looks,
        look.looks,
        look.longest_red_ms,
        look.blames().len(),
        look.starved_runs,
        look.worst_lateness_ms,
        look.checks
            .iter()
            .map(|check| check.runs)
            .collect::<Vec<_>>(),
    )
}
