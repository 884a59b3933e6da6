//! Which changes are told at all.

use super::*;

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
