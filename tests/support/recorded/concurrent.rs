//! Several processes write and tidy up at the same time.

use std::time::Duration;

use tokio::task::JoinSet;
use tower_health::recorder::Resolution;

use super::{DAY, HOUR, MINUTE, START, Store, at, buckets, merged, passes, recorded, tidy, write};

/// Two instances with two processes each. All of them write what the others roll up meanwhile.
pub(crate) async fn writers_and_tidiers_count_each_run_once(store: &impl Store) {
    let minutes: Vec<_> = (0..40)
        .map(|number| passes(START + number * 5 * HOUR, 3))
        .collect();
    let mut tasks = JoinSet::new();
    for number in 0..4_usize {
        let (store, minutes) = (store.clone(), minutes.clone());
        tasks.spawn(async move {
            let instance = ["one", "two"][number % 2];
            let mut process = store.process(instance, at(START)).await;
            for minute in minutes {
                // One that is ahead by more than minutes are kept takes this one for gone.
                while write(&mut process, &[minute]).await.is_none() {
                    process = store.process(instance, minute.start()).await;
                }
                let now = minute.start() + Duration::from_secs(number as u64 * MINUTE);
                process.tidy(now, 3).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let fourfold: Vec<_> = minutes.iter().flat_map(|minute| [minute; 4]).collect();
    let expected = merged(Resolution::Day, fourfold);
    assert_eq!(buckets(&recorded(store, Resolution::Day).await), expected);
    let mut last = store.process("one", at(START)).await;
    tidy(&mut last, START + 60 * DAY).await;
    assert_eq!(buckets(&recorded(store, Resolution::Day).await), expected);
}
