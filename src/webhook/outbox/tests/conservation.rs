//! Whatever happens, no change is lost in silence.

use proptest::prelude::*;

use super::*;

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
