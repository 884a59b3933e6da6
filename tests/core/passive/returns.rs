//! Failures that nothing has confirmed for a while: they are all that an instance without traffic has.

use std::sync::Arc;

use tokio::time::{Instant, advance, sleep};
use tower_health::Status::{Fail, Pass, Warn};
use tower_health::indicators::{PassiveLayer, SettableIndicator};
use tower_health::{Check, Criticality, HealthIndicator, Probe, indicator_fn};

use super::support::{fail, payments, status, told, work};
use crate::support::watched::Watched;
use crate::support::{millis, secs};

/// Requests that work, and 1.5 s of those that fail.
async fn blip(layer: &PassiveLayer) {
    work(layer, 1_000).await;
    for pause in [750, 750, 0] {
        fail(layer, 10).await;
        advance(millis(pause)).await;
    }
}

fn asking(by_hand: &Arc<SettableIndicator>) -> impl HealthIndicator + use<> {
    let by_hand = Arc::clone(by_hand);
    indicator_fn("by-hand", move || std::future::ready(by_hand.get()))
}

// time:      0 s          1.5 s     4.4 s   4.5 s
// requests:  1,000 work   30 fail   none
// check:     pass         fail      fail    pass
#[tokio::test(start_paused = true)]
async fn a_short_outage_is_over_once_it_has_been_silent_for_a_tenth_of_the_window() {
    let payments = payments();
    blip(&payments.layer()).await;
    assert_eq!(status(&payments).await, Fail);
    advance(millis(2_900)).await;
    assert_eq!(status(&payments).await, Fail);
    advance(millis(100)).await;
    assert_eq!(told(&payments).await, (Pass, String::new()));
}

// An instance that returns while the outage lasts fails at once, and stays out for longer each time.
#[tokio::test(start_paused = true)]
async fn an_outage_has_to_be_silent_for_as_long_as_it_went_on() {
    let payments = payments();
    let layer = payments.layer();
    work(&layer, 1_000).await;
    fail(&layer, 20).await;
    advance(secs(1)).await;
    for silence in [3, 4, 8] {
        fail(&layer, 1).await;
        assert_eq!(status(&payments).await, Fail, "{silence} s");
        advance(secs(silence) - millis(1)).await;
        assert_eq!(status(&payments).await, Fail, "{silence} s");
        advance(millis(1)).await;
        assert_eq!(status(&payments).await, Pass, "{silence} s");
    }
}

// requests:  1,000 work   30 fail   none
// active:    pass         fail              pass
// readyz:    200          503               200
#[tokio::test(start_paused = true)]
async fn in_a_pair_an_instance_returns_from_a_short_outage_when_the_active_check_passes() {
    let payments = payments();
    let layer = payments.layer();
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.fail("no route");
    let check = Check::new(payments.when_idle(asking(&by_hand)));
    let watched = Watched::start_check("payments", check.criticality(Criticality::Critical));
    blip(&layer).await;
    watched.turns_with(Fail, "no route").await;
    sleep(secs(10)).await;
    assert_eq!(watched.probe(Probe::Readiness).await, 503);
    by_hand.pass();
    let mended_at = Instant::now();
    watched.turns(Warn).await;
    assert!(mended_at.elapsed() < secs(3), "{:?}", mended_at.elapsed());
    assert_eq!(watched.probe(Probe::Readiness).await, 200);
}

#[tokio::test(start_paused = true)]
async fn in_a_pair_a_share_that_nothing_confirms_asks_the_active_check() {
    let payments = payments();
    let layer = payments.layer();
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.pass();
    let paired = payments.when_idle(asking(&by_hand));
    fail(&layer, 100).await;
    work(&layer, 20).await;
    assert_eq!(status(&paired).await, Fail);
    advance(millis(2_999)).await;
    assert_eq!(status(&paired).await, Fail);
    by_hand.fail("no route");
    advance(millis(1)).await;
    assert_eq!(told(&paired).await, (Fail, "no route".to_owned()));
    by_hand.pass();
    let (status, output) = told(&paired).await;
    assert_eq!(status, Warn);
    let wanted = "; none has failed for 3.0 s, and the active check passes";
    assert!(
        output.starts_with("100 of 120 requests failed") && output.ends_with(wanted),
        "{output}"
    );
}

// requests:  100 fail   none   99 work, 1 fails   20 fail
// pair:      fail       warn   warn               warn, then fail once most have failed since then
#[tokio::test(start_paused = true)]
async fn after_a_return_only_later_requests_fail_a_pair() {
    let payments = payments();
    let layer = payments.layer();
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.pass();
    let paired = payments.when_idle(asking(&by_hand));
    fail(&layer, 200).await;
    advance(secs(3)).await;
    assert_eq!(status(&paired).await, Warn);
    work(&layer, 99).await;
    fail(&layer, 1).await;
    let (now, output) = told(&paired).await;
    assert_eq!(now, Warn, "{output}");
    let wanted = "; since the active check passed, fewer fail";
    assert!(output.ends_with(wanted), "{output}");
    fail(&layer, 100).await;
    assert_eq!(status(&paired).await, Fail);
    // The second silence is twice as long.
    advance(millis(5_999)).await;
    assert_eq!(status(&paired).await, Fail);
    advance(millis(1)).await;
    assert_eq!(status(&paired).await, Warn);
}

// The service answers its health check and nothing else.
#[tokio::test(start_paused = true)]
async fn a_pair_whose_active_check_sees_no_fault_returns_more_and_more_rarely() {
    let payments = payments();
    let layer = payments.layer();
    let by_hand = Arc::new(SettableIndicator::new("by-hand"));
    by_hand.pass();
    let check = Check::new(payments.when_idle(asking(&by_hand)));
    let watched = Watched::start_check("payments", check.criticality(Criticality::Critical));
    watched.passes().await;
    work(&layer, 1_000).await;
    let (mut returns, mut was_out) = (0, false);
    for _ in 0..3_000 {
        let is_out = watched.probe(Probe::Readiness).await == 503;
        returns += usize::from(was_out && !is_out);
        was_out = is_out;
        if !is_out {
            fail(&layer, 5).await;
        }
        sleep(millis(100)).await;
    }
    assert!((9..=14).contains(&returns), "{returns} in 300 s");
}
