//! A service that is paused for longer than its timeouts, as by SIGSTOP, a live migration or a
//! snapshot of its machine.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::dependency::{ANSWERS_AFTER, Dependency, Health};
use super::process::Service;
use super::setup::{CheckSetup, Command, Look, Setup, TIMEOUT_MS};
use crate::support::{millis, secs, wait_until};

const RUNTIMES: [Option<usize>; 2] = [None, Some(2)];

/// How often each is paused, in all.
const PAUSES: usize = 20;

fn setup(workers: Option<usize>) -> Setup {
    Setup::new(workers, CheckSetup::in_flight())
}

#[derive(Default)]
struct Figures {
    pauses: usize,
    /// Pauses after which a dependency was blamed.
    blamed: usize,
    /// How often each text was heard.
    texts: BTreeMap<String, usize>,
    longest_red_ms: u64,
}

impl Figures {
    fn add(&mut self, look: &Look) {
        let blames = look.blames();
        self.pauses += 1;
        self.blamed += usize::from(!blames.is_empty());
        for told in blames {
            let text = format!(
                "{}: {:?} after {:?}, {:?} late",
                told.subject, told.output, told.duration, told.lateness
            );
            *self.texts.entry(text).or_default() += 1;
        }
        self.longest_red_ms = self.longest_red_ms.max(look.longest_red_ms);
    }

    fn merge(&mut self, other: Self) {
        self.pauses += other.pauses;
        self.blamed += other.blamed;
        for (text, count) in other.texts {
            *self.texts.entry(text).or_default() += count;
        }
        self.longest_red_ms = self.longest_red_ms.max(other.longest_red_ms);
    }
}

/// Pauses so many services beside each other.
fn pause(workers: Option<usize>, services: usize, length: Duration) -> Figures {
    let mut all = Figures::default();
    thread::scope(|scope| {
        let one =
            |service| scope.spawn(move || pause_one(workers, service, PAUSES / services, length));
        let threads: Vec<_> = (0..services).map(one).collect();
        for figures in threads {
            all.merge(figures.join().unwrap());
        }
    });
    all
}

fn pause_one(workers: Option<usize>, service: usize, pauses: usize, length: Duration) -> Figures {
    let dependency = Dependency::start(ANSWERS_AFTER);
    let mut paused = Service::start(&setup(workers), &dependency);
    let mut figures = Figures::default();
    for pause in 0..pauses {
        paused.tell(Command::Forget);
        dependency.is_asked();
        // At another point of the runs each time.
        thread::sleep(millis((service * 67 + pause * 41) as u64 % 200));
        paused.pause(length, || {});
        paused.runs_each_check();
        paused.becomes_ready();
        figures.add(&paused.look());
    }
    figures
}

fn assert_nobody_is_blamed(services: usize, length: Duration) {
    let all = thread::scope(|scope| {
        let each = RUNTIMES.map(|workers| scope.spawn(move || pause(workers, services, length)));
        each.map(|figures| figures.join().unwrap())
    });
    for (workers, figures) in RUNTIMES.into_iter().zip(&all) {
        println!(
            "{length:?}, workers {workers:?}: blamed after {} of {} pauses, red for at most {} ms, {:?}",
            figures.blamed, figures.pauses, figures.longest_red_ms, figures.texts,
        );
    }
    for figures in all {
        assert_eq!(figures.pauses, PAUSES);
        assert_eq!(figures.blamed, 0, "{:?}", figures.texts);
        // What each check needs for a run, and time for a busy machine: it takes some milliseconds.
        assert!(figures.longest_red_ms < TIMEOUT_MS);
    }
}

#[test]
fn no_dependency_is_blamed_for_a_pause_of_three_seconds() {
    assert_nobody_is_blamed(5, secs(3));
}

#[test]
fn no_dependency_is_blamed_for_a_pause_of_thirty_seconds() {
    assert_nobody_is_blamed(PAUSES, secs(30));
}

#[test]
fn a_dependency_that_dies_or_hangs_during_a_pause_is_red_within_its_timeout() {
    thread::scope(|scope| {
        for workers in RUNTIMES {
            for length in [3, 30] {
                for fate in [Health::Dead, Health::Hung] {
                    scope.spawn(move || dies_during_a_pause(workers, secs(length), fate));
                }
            }
        }
    });
}

fn dies_during_a_pause(workers: Option<usize>, length: Duration, fate: Health) {
    let dependency = Dependency::start(ANSWERS_AFTER);
    let mut paused = Service::start(&setup(workers), &dependency);
    dependency.is_asked();
    let went_on_at = paused.pause(length, || dependency.is(fate));
    for check in ["one", "three"] {
        let mut red_at = None;
        wait_until("blamed", || {
            let look = paused.look();
            let mut blames = look.blames().into_iter();
            let blame = blames.find(|told| told.subject.ends_with(&format!("/{check}")));
            red_at = blame.map(|told| told.at_ms);
            red_at.is_some()
        });
        let after = red_at.unwrap() - went_on_at;
        println!("{length:?}, workers {workers:?}: {check} {fate:?} is red after {after} ms");
        // The timeout, and as much again for a busy machine.
        assert!(after < 2 * TIMEOUT_MS, "{check}: {after} ms");
    }
    paused.becomes_unready();
    dependency.is(Health::Well);
    paused.becomes_ready();
}
