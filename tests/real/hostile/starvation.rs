//! A runtime that has no time for its checks: tasks that spin, and tasks that block their workers.

use std::thread;
use std::time::Duration;

use super::dependency::{ANSWERS_AFTER, Dependency};
use super::process::Service;
use super::setup::{CheckSetup, Command, Kind, Setup};
use crate::support::{millis, secs};

#[test]
fn a_thousand_checks_stay_green_beside_tasks_that_spin() {
    let dependency = Dependency::start(Duration::ZERO);
    let check = |number| CheckSetup::new(format!("check-{number}"), 1_000, Kind::Passes);
    let mut setup = Setup::new(None, (0..1_000).map(check).collect());
    (setup.spinners, setup.spin_ms) = (50, 20);
    let mut starved = Service::start(&setup, &dependency);
    thread::sleep(secs(20));
    let look = starved.look();
    println!(
        "{} of {} looks red, turns of at most {} ms",
        look.red_looks, look.looks, look.longest_turn_ms
    );
    look.assert_only_starved();
    // A turn takes one second. If it takes twice as much, the machine has no time for this process.
    if look.longest_turn_ms < 2_000 {
        assert_eq!(look.red_looks, 0, "{:?}", look.failures());
    }
    // A check runs, is due again, and runs again: not only a few of them in each turn of the runtime.
    let turns = look.spins / setup.spinners as u64;
    let runs = look.checks.iter().map(|check| check.runs);
    let fewest = runs.min().unwrap();
    println!("at least {fewest} runs of each check in {turns} turns");
    assert!(fewest >= turns / 5);
}

#[test]
fn no_dependency_is_blamed_while_every_worker_is_blocked() {
    is_not_blamed(None, 1);
    is_not_blamed(Some(2), 2);
}

#[test]
fn no_dependency_is_blamed_while_one_worker_of_two_is_blocked() {
    is_not_blamed(Some(2), 1);
}

fn is_not_blamed(workers: Option<usize>, tasks: usize) {
    let dependency = Dependency::start(ANSWERS_AFTER);
    let setup = Setup::new(workers, CheckSetup::in_flight());
    let mut blocked = Service::start(&setup, &dependency);
    for round in 0..3 {
        dependency.is_asked();
        thread::sleep(millis(round * 70));
        blocked.tell(Command::Block { tasks, ms: 5_000 });
        thread::sleep(secs(5));
        blocked.runs_each_check();
        blocked.becomes_ready();
    }
    let look = blocked.look();
    println!(
        "{tasks} of {workers:?} workers blocked: {} of {} looks red, for at most {} ms, {} starved runs, {} failures",
        look.red_looks,
        look.looks,
        look.longest_red_ms,
        look.starved_runs,
        look.failures().len(),
    );
    look.assert_only_starved();
    // A red is told once for each round in which it was seen.
    assert!(look.failures().len() <= 3, "{:?}", look.failures());
}
