//! Messages that come back.

use super::*;

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
