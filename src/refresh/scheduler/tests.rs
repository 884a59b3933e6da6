//! A pause of the process in the midst of a turn.

use futures_util::FutureExt;
use tokio::time::sleep;

use super::*;
use crate::state::clock::SimulatedPause;
use crate::{Cause, Check, Health, Status, indicator_fn};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

// Wherever in its turns the scheduler is when the process is paused, the dependency is well.
#[test]
fn a_pause_at_any_reading_of_the_clock_blames_nobody() {
    let mut readings = 0;
    while has_come(SimulatedPause {
        after: readings,
        length: Duration::from_secs(30),
    }) {
        readings += 1;
    }
    // Readers look 170 times, and the scheduler some times each 23 ms while a run is in progress.
    assert!(readings > 300, "{readings}");
}

/// Runs a check whose dependency takes 0.9 s, and asserts that it is never blamed or red. Returns whether the
/// pause has come.
fn has_come(pause: SimulatedPause) -> bool {
    let after = pause.after;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let check = Check::new(indicator_fn("db", || async {
            sleep(millis(900)).await;
            Ok::<_, String>(())
        }));
        let check = check.timeout(millis(2_000)).ttl(millis(200));
        let health = Health::builder()
            .jitter(0.0)
            .readiness(check)
            .start()
            .unwrap();
        let mut transitions = health.subscribe();
        sleep(millis(950)).await;
        assert_eq!(health.status(Probe::Readiness), Status::Pass);
        pause.set();
        for _ in 0..170 {
            sleep(millis(7)).await;
            // Readers look at the clock as well.
            assert_ne!(
                health.status(Probe::Readiness),
                Status::Fail,
                "after {after}"
            );
        }
        let rest = SimulatedPause::take();
        sleep(millis(3_000)).await;
        assert_eq!(health.status(Probe::Readiness), Status::Pass);
        while let Some(Some(told)) = transitions.next().now_or_never() {
            assert_ne!(told.cause, Some(Cause::Failed), "after {after}: {told:?}");
        }
        rest.is_none()
    })
}
