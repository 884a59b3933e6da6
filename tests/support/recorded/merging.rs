//! Whatever is rolled up when, each run counts once.

use proptest::prelude::*;
use tower_health::RunBucket;
use tower_health::recorder::Resolution;

use super::{DAY, HOUR, MINUTE, START, Store, at, bucket, buckets, merged, recorded, tidy, write};

/// One step of a history: some minutes pass, one is written by one of the processes, perhaps twice,
/// and perhaps somebody tidies up.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    later: u64,
    process: usize,
    runs: Vec<(usize, u64)>,
    is_repeated: bool,
    /// After how many seconds, and with how many transactions for each pass.
    tidy: Option<(u64, usize)>,
}

/// Up to three months, with pauses from none to some weeks.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let later = prop_oneof![
        4 => 0..3_u64,
        4 => 0..90_u64,
        2 => 0..(3 * 24 * 60_u64),
        1 => 0..(20 * 24 * 60_u64),
    ];
    let runs = prop::collection::vec((0..6_usize, 0..20_000_000_u64), 1..5);
    let tidy = prop::option::weighted(0.4, (0..2 * DAY, 1..40_usize));
    let step = (later, 0..3_usize, runs, any::<bool>(), tidy);
    let step = step.prop_map(|(later, process, runs, is_repeated, tidy)| Step {
        later,
        process,
        runs,
        is_repeated,
        tidy,
    });
    prop::collection::vec(step, 1..30)
}

/// The days in SQL are those that summing up all minutes gives, and so are the hours and minutes as
/// far as they are kept.
pub(crate) async fn equals_direct_sums(store: &impl Store, steps: &[Step]) {
    // Two processes of one instance, and another instance.
    let mut processes = [
        store.process("one", at(START)).await,
        store.process("one", at(START)).await,
        store.process("two", at(START)).await,
    ];
    let mut written = Vec::<[Vec<RunBucket>; 3]>::new();
    let mut now = START;
    // The latest moment at which somebody tidied up.
    let mut horizon = START;
    for step in steps {
        now += step.later * MINUTE;
        let minute = bucket(now, &step.runs);
        let process = &mut processes[step.process];
        // A minute of this process that is there already grows.
        let mut known = written.iter_mut().flat_map(|all| &mut all[step.process]);
        let grown = match known.find(|known| known.start() == minute.start()) {
            Some(known) => {
                known.merge(&minute);
                *known
            }
            None => {
                let mut all = <[Vec<RunBucket>; 3]>::default();
                all[step.process].push(minute);
                written.push(all);
                minute
            }
        };
        for _ in 0..1 + usize::from(step.is_repeated) {
            if write(process, &[grown]).await.is_none() {
                // It was silent for so long that it counts as gone.
                let name = ["one", "one", "two"][step.process];
                *process = store.process(name, at(now)).await;
                assert_eq!(write(process, &[grown]).await, Some(0));
            }
        }
        if let Some((later, budget)) = step.tidy {
            // The others tidy, too.
            let tidying = &mut processes[(step.process + 1) % 3];
            tidying.tidy(at(now + later), budget).await.unwrap();
            horizon = horizon.max(now + later);
        }
    }
    let direct: Vec<_> = written.iter().flatten().flatten().collect();
    assert_kept(store, &direct, horizon).await;
    tidy(&mut processes[0], horizon + 2 * DAY).await;
    assert_kept(store, &direct, horizon + 2 * DAY).await;
}

async fn assert_kept(store: &impl Store, direct: &[&RunBucket], horizon: u64) {
    let days = recorded(store, Resolution::Day).await;
    assert_eq!(
        buckets(&days),
        merged(Resolution::Day, direct.iter().copied())
    );
    for (resolution, kept) in [
        (Resolution::Hour, 28 * DAY),
        (Resolution::Minute, 40 * HOUR),
    ] {
        let from = at(horizon - kept);
        let found = recorded(store, resolution).await;
        let found = found
            .into_iter()
            .filter(|found| found.bucket().start() >= from);
        let found: Vec<_> = found.collect();
        assert!(found.iter().all(|found| found.resolution() == resolution));
        let expected = merged(resolution, direct.iter().copied());
        let expected = expected.into_iter().filter(|bucket| bucket.start() >= from);
        assert_eq!(buckets(&found), expected.collect::<Vec<_>>());
    }
}
