//! What is held back, and summed up.

use super::*;

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
