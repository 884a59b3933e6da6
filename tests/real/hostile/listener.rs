//! A listener that never returns, beside checks that change all the time.

use std::thread;
use std::time::Duration;

use super::dependency::{Dependency, Health};
use super::process::Service;
use super::setup::{CheckSetup, Kind, Setup};
use crate::support::{millis, wait_until};

/// What the memory may grow by while this many transitions of 4 kB are missed.
const GROWTH_KB: u64 = 4_096;
const MISSED: u64 = 6_000;

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
    misses(&mut service, 4_000);
    let before = service.memory_kb();
    misses(&mut service, MISSED);
    let after = service.memory_kb();
    println!("{MISSED} missed: {before} kB before, {after} kB after");
    assert!(after < before + GROWTH_KB, "{before} kB grew to {after} kB");
    dependency.is(Health::Dead);
    service.becomes_unready();
    dependency.is(Health::Well);
    service.becomes_ready();
    service.runs_each_check();
}

/// Waits until the listener has missed so many more transitions.
fn misses(service: &mut Service, count: u64) {
    let end = service.look().missed_by_listeners + count;
    loop {
        let missed = service.look().missed_by_listeners;
        if missed >= end {
            break;
        }
        wait_until("more missed transitions", || {
            thread::sleep(millis(50));
            service.look().missed_by_listeners > missed
        });
    }
}
