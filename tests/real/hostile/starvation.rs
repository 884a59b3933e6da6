//! A runtime that has no time for its checks: tasks that spin, and tasks that block their workers.

use std::thread;
use std::time::{Duration, Instant};

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
    let end = Instant::now() + secs(20);
    while Instant::now() < end {
        thread::sleep(millis(100));
        let look = starved.look();
        assert!(look.is_ready, "{:?}", look.failures());
    }
    let look = starved.look();
    println!("{} looks, {} red", look.looks, look.red_looks);
    assert_eq!(look.red_looks, 0, "{:?}", look.failures());
    assert!(look.failures().is_empty(), "{:?}", look.failures());
    assert!(look.checks.iter().all(|check| check.runs > 1));
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
    let kinds = [("one", 1), ("three", 3)];
    let check = |(name, questions)| CheckSetup::new(name, 200, Kind::Asks { questions });
    let setup = Setup::new(workers, kinds.map(check).into());
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
        "{tasks} of {workers:?} workers blocked: {} red looks, red for at most {} ms, blames {:?}",
        look.red_looks,
        look.longest_red_ms,
        look.blames(),
    );
    assert!(look.blames().is_empty(), "{:?}", look.blames());
}
