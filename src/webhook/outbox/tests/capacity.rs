//! What is dropped and forgotten, and how the next message tells it.

use super::*;

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
