//! A log that goes nowhere: its reader has left, its disk is full, its layer panics, or nobody reads
//! it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::dependency::{Dependency, Health};
use super::process::Service;
use super::setup::{CheckSetup, Kind, Log, Setup};
use crate::support::wait_until;

fn setup(workers: Option<usize>, log: Log) -> Setup {
    let check = CheckSetup::new("db", 100, Kind::Asks { questions: 1 });
    Setup {
        log,
        ..Setup::new(workers, vec![check])
    }
}

/// The dependency fails for a moment, and readiness follows it. Afterwards all is as it was.
fn blip(service: &mut Service, dependency: &Dependency) {
    for _ in 0..3 {
        dependency.is(Health::Dead);
        service.becomes_unready();
        dependency.is(Health::Well);
        service.becomes_ready();
    }
    service.runs_each_check();
    let look = service.look();
    assert!(look.is_ready && look.is_alive);
    assert_eq!(look.restarts, 0);
    assert_eq!(service.prober().get("/readyz"), 200);
}

#[test]
fn a_log_pipe_whose_reader_has_left_leaves_readiness_as_it_is() {
    for workers in [None, Some(2)] {
        for stderr in [Stdio::null(), Stdio::piped()] {
            let dependency = Dependency::start(Duration::ZERO);
            let setup = setup(workers, Log::Stdout);
            let mut service = Service::start_with(&setup, &dependency, [Stdio::piped(), stderr]);
            // As `head -n 1` does it.
            let mut log = BufReader::new(service.child.stdout.take().unwrap());
            log.read_line(&mut String::new()).unwrap();
            drop((log, service.child.stderr.take()));
            blip(&mut service, &dependency);
        }
    }
}

#[test]
fn a_log_on_a_full_disk_leaves_readiness_as_it_is() {
    for workers in [None, Some(2)] {
        let dependency = Dependency::start(Duration::ZERO);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let setup = setup(workers, Log::FullDisk);
        let output = [Stdio::null(), full.into()];
        let mut service = Service::start_with(&setup, &dependency, output);
        blip(&mut service, &dependency);
    }
}

#[test]
fn a_log_layer_that_panics_for_a_while_leaves_readiness_as_it_is() {
    for workers in [None, Some(2)] {
        let dependency = Dependency::start(Duration::ZERO);
        let setup = setup(workers, Log::Panics { events: 10 });
        let mut service = Service::start(&setup, &dependency);
        for _ in 0..2 {
            blip(&mut service, &dependency);
        }
        wait_until("log lines", || service.look().logged > 0);
    }
}

#[test]
fn a_log_pipe_that_nobody_reads_leaves_readiness_as_it_is() {
    let dependency = Dependency::start(Duration::ZERO);
    let mut setup = setup(Some(2), Log::Stdout);
    let flapping = |number| CheckSetup::flapping(format!("flapping-{number}"), 50, 4_000);
    setup.checks.extend((0..20).map(flapping));
    let output = [Stdio::piped(), Stdio::null()];
    let mut service = Service::start_with(&setup, &dependency, output);
    for _ in 0..2 {
        let missed = service.look().missed_by_log;
        wait_until("missed lines", || service.look().missed_by_log > missed);
        blip(&mut service, &dependency);
    }
    println!("{} lines missed", service.look().missed_by_log);
}

// A write that blocks its thread is all that such a runtime does. Its log should not block.
#[test]
fn a_log_pipe_that_nobody_reads_stops_a_runtime_of_one_thread_until_it_is_read() {
    let dependency = Dependency::start(Duration::ZERO);
    let mut setup = setup(None, Log::Stdout);
    let flapping = |number| CheckSetup::flapping(format!("flapping-{number}"), 300, 4_000);
    setup.checks.extend((0..20).map(flapping));
    let output = [Stdio::piped(), Stdio::null()];
    let mut service = Service::start_with(&setup, &dependency, output);
    service.becomes_unready();
    let mut log = service.child.stdout.take().unwrap();
    thread::spawn(move || io::copy(&mut log, &mut io::sink()));
    service.becomes_ready();
    blip(&mut service, &dependency);
    let failures = service.look();
    let failures = failures.failures().into_iter();
    let readiness = failures.filter(|told| told.subject == "readiness");
    let causes: Vec<_> = readiness.map(|told| told.cause.as_deref()).collect();
    // That of the pipe comes first, then those of the dependency.
    assert_eq!(causes[..2], [Some("starved"), Some("failed")]);
}
