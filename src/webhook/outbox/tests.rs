//! What is held back, summed up, retried and dropped, on a clock that the test sets.

use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;
use crate::{Health, Probe};

const MINUTE: Duration = Duration::from_secs(60);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A change of a check. Only a health makes transitions, so this one varies the first of them.
fn change(name: &str, from: Status, to: Status) -> Transition {
    thread_local! {
        static FIRST: Transition = first();
    }
    let mut change = FIRST.with(Clone::clone);
    change.subject = Subject::Check {
        probe: Probe::Readiness,
        name: name.to_owned(),
    };
    (change.from, change.to, change.time) = (Some(from), to, UNIX_EPOCH);
    change.output = (to != Status::Pass).then(|| format!("{name} is {to}"));
    change
}

fn first() -> Transition {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let check = crate::indicator_fn("db", async || Err::<(), _>("refused"));
        let health = Health::builder().readiness(check).start().unwrap();
        health.subscribe().next().await.unwrap()
    })
}

fn fails(name: &str) -> Transition {
    change(name, Status::Pass, Status::Fail)
}

fn passes(name: &str) -> Transition {
    change(name, Status::Fail, Status::Pass)
}

fn outbox(throttle: Duration, capacity: usize) -> (Outbox, Instant) {
    let rules = Rules {
        min_status: Status::Warn,
        recoveries: true,
        throttle,
        capacity,
    };
    (Outbox::new(rules), Instant::now())
}

fn name(message: &Message) -> String {
    match &message.latest.subject {
        Subject::Check { name, .. } => name.clone(),
        subject => subject.to_string(),
    }
}

/// Takes everything that may be taken, and delivers it: the name, the status and the changes.
fn deliver(outbox: &mut Outbox, now: Instant) -> Vec<(String, Status, u64)> {
    let mut told = Vec::new();
    while let Some(message) = outbox.take(now) {
        outbox.delivered(&message);
        told.push((name(&message), message.latest.to, message.changes));
    }
    told
}

#[test]
fn the_first_change_goes_at_once_and_those_within_a_minute_are_summed_up() {
    let (mut outbox, start) = outbox(MINUTE, 8);
    outbox.add(fails("db"), start);
    assert_eq!(
        deliver(&mut outbox, start),
        [("db".to_owned(), Status::Fail, 1)]
    );
    for round in 0..999 {
        let change = if round % 2 == 0 {
            passes("db")
        } else {
            fails("db")
        };
        outbox.add(change, start + secs(10));
    }
    assert_eq!(deliver(&mut outbox, start + secs(59)), []);
    assert_eq!(outbox.next_at(start + secs(59)), Some(start + secs(60)));
    let message = outbox.take(start + secs(60)).unwrap();
    assert_eq!((message.changes, message.latest.to), (999, Status::Pass));
    assert_eq!(
        (message.from, message.worst.to),
        (Some(Status::Fail), Status::Fail)
    );
    assert!(message.is_recovery);
    assert_eq!(outbox.counts(), (0, 998));
    assert_eq!(outbox.next_at(start + secs(60)), None);
}

#[test]
fn one_that_flaps_holds_no_other_back() {
    let (mut outbox, start) = outbox(MINUTE, 8);
    outbox.add(fails("db"), start);
    deliver(&mut outbox, start);
    outbox.add(passes("db"), start);
    outbox.add(fails("cache"), start);
    assert_eq!(
        deliver(&mut outbox, start),
        [("cache".to_owned(), Status::Fail, 1)]
    );
}

#[test]
fn a_recovery_is_told_only_after_trouble() {
    let (mut outbox, start) = outbox(Duration::ZERO, 8);
    outbox.add(passes("db"), start);
    assert_eq!(deliver(&mut outbox, start), []);
    outbox.add(fails("db"), start);
    outbox.add(change("db", Status::Fail, Status::Warn), start);
    outbox.add(change("db", Status::Warn, Status::Pass), start);
    let statuses: Vec<_> = deliver(&mut outbox, start)
        .into_iter()
        .map(|told| told.1)
        .collect();
    assert_eq!(statuses, [Status::Fail, Status::Warn, Status::Pass]);
    outbox.add(passes("db"), start);
    assert_eq!(deliver(&mut outbox, start), []);
}

#[test]
fn below_the_least_status_a_warning_is_a_recovery() {
    let (mut outbox, start) = outbox(Duration::ZERO, 8);
    outbox.rules.min_status = Status::Fail;
    outbox.add(change("db", Status::Pass, Status::Warn), start);
    assert_eq!(deliver(&mut outbox, start), []);
    outbox.add(fails("db"), start);
    outbox.add(change("db", Status::Fail, Status::Warn), start);
    outbox.add(change("db", Status::Warn, Status::Pass), start);
    let messages = [outbox.take(start), outbox.take(start), outbox.take(start)];
    let recoveries = messages.map(|message| message.map(|message| message.is_recovery));
    assert_eq!(recoveries, [Some(false), Some(true), None]);
}

#[test]
fn without_recoveries_only_trouble_is_told() {
    let (mut outbox, start) = outbox(Duration::ZERO, 8);
    outbox.rules.recoveries = false;
    for change in [fails("db"), passes("db"), fails("db")] {
        outbox.add(change, start);
    }
    let statuses: Vec<_> = deliver(&mut outbox, start)
        .into_iter()
        .map(|told| told.1)
        .collect();
    assert_eq!(statuses, [Status::Fail, Status::Fail]);
}

#[test]
fn a_message_that_comes_back_is_joined_by_later_changes_and_not_held_back() {
    let (mut outbox, start) = outbox(MINUTE, 8);
    outbox.add(fails("db"), start);
    let message = outbox.take(start).unwrap();
    outbox.add(passes("db"), start + secs(1));
    outbox.put_back(message.clone());
    let again = outbox.take(start + secs(2)).unwrap();
    assert_eq!((again.changes, again.latest.to), (2, Status::Pass));
    assert_eq!(
        (again.from, again.worst.to),
        (Some(Status::Pass), Status::Fail)
    );
    assert!(
        again.number != message.number,
        "a receiver that got the first would ignore it"
    );
    assert_eq!(again.tried_at, Some(start + secs(2)));
    // Alone, it stays the same message.
    outbox.put_back(again.clone());
    let third = outbox.take(start + secs(3)).unwrap();
    assert_eq!(
        (third.number, third.tried_at),
        (again.number, again.tried_at)
    );
}

#[test]
fn without_a_throttle_each_change_is_a_message_and_they_stay_in_order() {
    let (mut outbox, start) = outbox(Duration::ZERO, 8);
    for change in [fails("db"), fails("cache"), passes("db"), fails("db")] {
        outbox.add(change, start);
    }
    let first = outbox.take(start).unwrap();
    assert_eq!(
        (name(&first), first.latest.to),
        ("db".to_owned(), Status::Fail)
    );
    // The receiver fails. Another check has its turn, but no later message of this one.
    outbox.put_back(first);
    let expected = [
        ("cache".to_owned(), Status::Fail, 1),
        ("db".to_owned(), Status::Fail, 1),
        ("db".to_owned(), Status::Pass, 1),
        ("db".to_owned(), Status::Fail, 1),
    ];
    assert_eq!(deliver(&mut outbox, start), expected);
}

#[test]
fn a_full_outbox_sums_up_what_it_can_and_drops_the_oldest_else() {
    let (mut outbox, start) = outbox(Duration::ZERO, 2);
    for change in [fails("a"), fails("b"), passes("b"), fails("c")] {
        outbox.add(change, start);
    }
    assert_eq!((outbox.len(), outbox.counts()), (2, (1, 1)));
    let message = outbox.take(start).unwrap();
    assert_eq!(
        (name(&message), message.changes, message.dropped),
        ("b".to_owned(), 2, 1)
    );
    // Not delivered, so it is told again.
    outbox.put_back(message);
    let message = outbox.take(start).unwrap();
    assert_eq!((name(&message), message.dropped), ("c".to_owned(), 1));
    outbox.delivered(&message);
    assert_eq!(outbox.take(start).unwrap().dropped, 0);
}

#[test]
fn what_was_given_up_is_told_by_the_next_message() {
    let (mut outbox, start) = outbox(MINUTE, 8);
    outbox.add(fails("db"), start);
    let message = outbox.take(start).unwrap();
    outbox.give_up(&message);
    outbox.lose(7);
    outbox.add(passes("db"), start);
    let message = outbox.take(start + MINUTE).unwrap();
    assert_eq!((message.dropped, message.is_recovery), (8, true));
}

#[test]
fn in_a_hurry_nothing_is_held_back() {
    let (mut outbox, start) = outbox(MINUTE, 8);
    outbox.add(fails("db"), start);
    deliver(&mut outbox, start);
    outbox.add(passes("db"), start);
    assert_eq!(deliver(&mut outbox, start), []);
    outbox.hurry(true);
    assert_eq!(outbox.next_at(start), Some(start));
    assert_eq!(
        deliver(&mut outbox, start),
        [("db".to_owned(), Status::Pass, 1)]
    );
}

#[test]
fn checks_that_come_and_go_are_forgotten() {
    let (mut outbox, start) = outbox(MINUTE, 8);
    for number in 0..10_000 {
        let now = start + secs(number);
        outbox.add(fails(&format!("check-{number}")), now);
        deliver(&mut outbox, now);
        outbox.add(passes(&format!("check-{number}")), now);
        outbox.hurry(true);
        deliver(&mut outbox, now);
        outbox.hurry(false);
    }
    assert!(
        outbox.subjects.len() <= 2 * MANY_SUBJECTS,
        "{}",
        outbox.subjects.len()
    );
    // Those that were removed while they failed.
    for number in 0..40_000 {
        outbox.add(fails(&format!("gone-{number}")), start);
        deliver(&mut outbox, start);
    }
    assert!(outbox.subjects.len() <= MOST_SUBJECTS);
}

/// What can happen to an outbox.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Change(u8),
    Deliver,
    Fail,
    GiveUp,
    Rest(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..4_u8).prop_map(Deed::Change),
        2 => Just(Deed::Deliver),
        1 => Just(Deed::Fail),
        1 => Just(Deed::GiveUp),
        1 => (0..90_u64).prop_map(Deed::Rest),
    ]
}

proptest! {
    // A case that fails is printed; it belongs into a test with a name, not into a file of seeds.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // Every change is told in a message, dropped and counted, or waits.
    #[test]
    fn no_change_is_lost_in_silence_and_the_last_one_told_is_the_latest(
        deeds in prop::collection::vec(deed(), 0..200),
        throttle in prop_oneof![Just(0_u64), Just(60)],
        capacity in 1..6_usize,
    ) {
        let (mut outbox, start) = outbox(secs(throttle), capacity);
        let (mut now, mut is_down) = (start, [false; 4]);
        let (mut changes, mut told) = (0, 0);
        let mut last_told: HashMap<Subject, Transition> = HashMap::new();
        let mut tell = |message: Message, outbox: &mut Outbox| {
            outbox.delivered(&message);
            told += message.changes;
            // In the order of the changes: each message begins where the one before it ended, unless
            // one in between was dropped.
            if let Some(before) = last_told.get(&message.latest.subject) {
                if outbox.counts().0 == 0 && message.from != Some(before.to) {
                    return false;
                }
            }
            last_told.insert(message.latest.subject.clone(), message.latest);
            true
        };
        for deed in deeds {
            match deed {
                Deed::Change(which) => {
                    let is_down = &mut is_down[usize::from(which)];
                    *is_down = !*is_down;
                    let name = format!("check-{which}");
                    let change = if *is_down { fails(&name) } else { passes(&name) };
                    outbox.add(change, now);
                    changes += 1;
                }
                Deed::Deliver => {
                    if let Some(message) = outbox.take(now) {
                        prop_assert!(tell(message, &mut outbox));
                    }
                }
                Deed::Fail => {
                    if let Some(message) = outbox.take(now) {
                        outbox.put_back(message);
                    }
                }
                Deed::GiveUp => {
                    if let Some(message) = outbox.take(now) {
                        outbox.give_up(&message);
                    }
                }
                Deed::Rest(seconds) => now += secs(seconds),
            }
            prop_assert!(outbox.len() <= capacity);
            let queued: usize = outbox.subjects.values().map(|known| known.messages.len()).sum();
            prop_assert_eq!(queued, outbox.len());
            // Somebody has to wake up for what waits.
            prop_assert_eq!(outbox.next_at(now).is_some(), outbox.len() > 0);
        }
        outbox.hurry(true);
        while let Some(message) = outbox.take(now) {
            prop_assert!(tell(message, &mut outbox));
        }
        prop_assert_eq!(outbox.len(), 0);
        prop_assert_eq!(told + outbox.counts().0, changes);
    }
}
