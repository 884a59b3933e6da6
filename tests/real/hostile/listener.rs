//! A listener that never returns, beside checks that change all the time.

use std::thread;
use std::time::{Duration, Instant};

use super::dependency::{Dependency, Health};
use super::process::Service;
use super::setup::{CheckSetup, Kind, Setup};
use crate::support::{secs, wait_until};

/// What the memory may grow by in ten seconds in which 10,000 transitions of 4 kB were missed.
const GROWTH_KB: u64 = 4_096;

#[test]
fn a_listener_that_blocks_for_ever_costs_no_memory_and_readiness_goes_on() {
    let dependency = Dependency::start(Duration::ZERO);
    let flapping = |number| CheckSetup::flapping(format!("flapping-{number}"), 100, 4_000);
    let mut checks: Vec<_> = (0..100).map(flapping).collect();
    checks.push(CheckSetup::new("db", 100, Kind::Asks { questions: 1 }));
    let mut setup = Setup::new(Some(2), checks);
    setup.listener_blocks = true;
    let mut service = Service::start(&setup, &dependency);
    // Until each queue and each history is full.
    runs(&mut service, 160);
    let before = service.memory_kb();
    let mut most = before;
    let end = Instant::now() + secs(10);
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(100));
        most = most.max(service.memory_kb());
    }
    let look = service.look();
    let missed = look.missed_by_listeners;
    println!("{before} kB before, at most {most} kB, {missed} missed");
    assert!(most - before < GROWTH_KB, "{before} kB grew to {most} kB");
    dependency.is(Health::Dead);
    service.becomes_unready();
    dependency.is(Health::Well);
    service.becomes_ready();
    runs(&mut service, look.check("flapping-99").runs + 2);
}

/// Waits until a flapping check has run this often.
fn runs(service: &mut Service, count: u64) {
    wait_until("many runs", || {
        service.look().check("flapping-99").runs >= count
    });
}
