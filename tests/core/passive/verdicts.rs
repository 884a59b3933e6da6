//! What the counts say.

use std::time::Duration;

use tokio::time::advance;
use tower_health::Status::{Fail, Pass, Warn};

use super::support::{
    answers, counted, fail, give_up, hang, payments, reading, status, told, work,
};
use crate::support::{millis, secs};

fn passed() -> (tower_health::Status, String) {
    (Pass, String::new())
}

#[tokio::test(start_paused = true)]
async fn without_requests_it_passes_and_says_so() {
    let payments = payments();
    assert_eq!(told(&payments).await, passed());
    assert_eq!(reading(&payments, "requests").await, Some(0.0));
    assert_eq!(reading(&payments, "failureRate").await, None);
    assert_eq!(reading(&payments, "p95").await, None);
}

#[tokio::test(start_paused = true)]
async fn the_share_of_failures_decides() {
    for (failed, expected) in [
        (0, Pass),
        (10, Pass),
        (11, Warn),
        (50, Warn),
        (51, Fail),
        (100, Fail),
    ] {
        let payments = payments();
        let layer = payments.layer();
        work(&layer, 100 - failed).await;
        fail(&layer, failed).await;
        assert_eq!(status(&payments).await, expected, "{failed} %");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_how_many_failed_and_how() {
    let payments = payments();
    let layer = payments.layer();
    work(&layer, 8).await;
    fail(&layer, 12).await;
    answers(&layer, 5, 503, Duration::ZERO).await;
    let hanging = hang(&layer, 25);
    advance(secs(4)).await;
    let output = "42 of 50 requests failed within 30s, more than 50 %: \
                  25 without an answer, 17 with an error, the last one with HTTP 503";
    assert_eq!(told(&payments).await, (Fail, output.to_owned()));
    assert_eq!(reading(&payments, "failureRate").await, Some(84.0));
    drop(hanging);
}

// requests:  19 failed  20 failed
// check:     warn       fail
#[tokio::test(start_paused = true)]
async fn few_requests_never_fail_it() {
    let payments = payments();
    let layer = payments.layer();
    work(&layer, 1).await;
    fail(&layer, 1).await;
    assert_eq!(told(&payments).await, passed(), "half of them");
    fail(&layer, 17).await;
    let output = "18 of 19 requests failed within 30s, of 20 that it takes to fail the check: \
                  0 without an answer, 18 with an error, the last one with HTTP 500";
    assert_eq!(told(&payments).await, (Warn, output.to_owned()));
    fail(&layer, 1).await;
    assert_eq!(status(&payments).await, Fail);
}

#[tokio::test(start_paused = true)]
async fn slow_answers_warn_and_never_fail_it() {
    let payments = payments();
    answers(&payments.layer(), 40, 200, millis(1_000)).await;
    assert_eq!(told(&payments).await, passed(), "not above the limit");
    answers(&payments.layer(), 60, 200, millis(1_001)).await;
    let output = "60 of 100 requests were slow within 30s, more than 10 %";
    assert_eq!(told(&payments).await, (Warn, output.to_owned()));
}

// A client without a timeout: nothing ever ends, and so nothing is counted when it ends.
#[tokio::test(start_paused = true)]
async fn requests_that_hang_fail_it_while_they_hang() {
    let payments = payments();
    let layer = payments.layer();
    let hanging = hang(&layer, 20);
    advance(secs(1)).await;
    assert_eq!(told(&payments).await, passed());
    // A slot of time lasts 3 s, and is judged as a whole.
    advance(secs(3)).await;
    assert_eq!(status(&payments).await, Fail);
    drop(hanging);
    assert_eq!(
        counted(&payments).await.requests,
        20,
        "now as ended without an answer"
    );
}

// time:      0 s      29 s   30 s                      3,600 s
// requests:  20 hang                50 work            they end
// check:     pass     fail   warn   warn               fail
#[tokio::test(start_paused = true)]
async fn requests_that_hang_for_longer_than_the_window_are_a_warning_until_they_end() {
    let payments = payments();
    let layer = payments.layer();
    let hanging = hang(&layer, 20);
    advance(secs(29)).await;
    assert_eq!(status(&payments).await, Fail);
    advance(secs(1)).await;
    let stuck = "20 requests have waited for an answer for 27s or longer";
    assert_eq!(told(&payments).await, (Warn, stuck.to_owned()));
    advance(secs(3_570)).await;
    work(&layer, 50).await;
    assert_eq!(told(&payments).await, (Warn, stuck.to_owned()));
    assert_eq!(reading(&payments, "inFlight").await, Some(20.0));
    work(&layer, 150).await;
    assert_eq!(told(&payments).await, passed(), "less than a tenth of them");
    advance(secs(30)).await;
    drop(hanging);
    assert_eq!(reading(&payments, "inFlight").await, Some(0.0));
    assert_eq!(counted(&payments).await.failed, 20);
    assert_eq!(status(&payments).await, Fail);
}

// A timeout of 500 ms outside the layer, and a dependency that hangs.
// requests:  100 answered after 16 ms   12 given up   8 more
// check:     pass                       warn          warn
#[tokio::test(start_paused = true)]
async fn requests_that_a_short_timeout_gives_up_are_a_warning_and_not_nothing() {
    let payments = payments();
    let layer = payments.layer();
    answers(&layer, 100, 200, millis(16)).await;
    give_up(&layer, 11, millis(500)).await;
    assert_eq!(told(&payments).await, passed(), "a tenth of them");
    give_up(&layer, 1, millis(500)).await;
    let output = "12 of 112 requests were given up without an answer within 30s, more than 10 %: \
                  if a timeout ends them, set slow_above below it";
    assert_eq!(told(&payments).await, (Warn, output.to_owned()));
    assert_eq!(counted(&payments).await.requests, 100);
    give_up(&layer, 1_000, millis(500)).await;
    assert_eq!(status(&payments).await, Warn, "it never fails by them");
}

#[tokio::test(start_paused = true)]
async fn a_total_outage_behind_a_short_timeout_is_not_green() {
    let payments = payments();
    let layer = payments.layer();
    give_up(&layer, 19, millis(500)).await;
    assert_eq!(told(&payments).await, passed(), "so few may be chance");
    give_up(&layer, 1, millis(500)).await;
    assert_eq!(status(&payments).await, Warn);
}

// As when requests race, or a user goes away: the dependency had no time to answer.
#[tokio::test(start_paused = true)]
async fn requests_that_are_cancelled_sooner_than_answers_come_say_nothing() {
    let payments = payments();
    let layer = payments.layer();
    answers(&layer, 100, 200, millis(16)).await;
    give_up(&layer, 1_000, millis(15)).await;
    assert_eq!(told(&payments).await, passed());
    assert_eq!(reading(&payments, "givenUp").await, Some(0.0));
}

// time:      0 s          3 s       3.999 s   4 s
// requests:  1,000 work   20 fail   1 fails   1 fails   1 works
// check:     pass         pass      pass      fail      pass
#[tokio::test(start_paused = true)]
async fn an_outage_of_a_second_fails_it_before_it_fills_half_of_the_window() {
    let payments = payments();
    let layer = payments.layer();
    work(&layer, 1_000).await;
    advance(secs(3)).await;
    fail(&layer, 20).await;
    assert_eq!(told(&payments).await, passed(), "a moment");
    advance(millis(999)).await;
    fail(&layer, 1).await;
    assert_eq!(told(&payments).await, passed(), "less than a second");
    advance(millis(1)).await;
    fail(&layer, 1).await;
    let output = "all of the latest 22 requests failed; 22 of 1022 requests failed within 30s: \
                  0 without an answer, 22 with an error, the last one with HTTP 500";
    assert_eq!(told(&payments).await, (Fail, output.to_owned()));
    work(&layer, 1).await;
    assert_eq!(told(&payments).await, passed());
}

// One connection breaks and takes its requests with it, at whatever time. The next ones work.
#[tokio::test(start_paused = true)]
async fn many_failures_at_one_moment_are_no_outage() {
    for after in [0, 1, 1_500, 2_999, 3_000, 3_001] {
        let payments = payments();
        let layer = payments.layer();
        work(&layer, 1_000).await;
        advance(millis(after)).await;
        fail(&layer, 90).await;
        assert_eq!(told(&payments).await, passed(), "{after} ms");
        advance(secs(10)).await;
        assert_eq!(
            told(&payments).await,
            passed(),
            "{after} ms, without traffic"
        );
    }
}

// time:      0 s          3 s       7 s
// requests:  1,000 work   20 hang
// check:     pass         pass      fail
#[tokio::test(start_paused = true)]
async fn an_outage_that_hangs_fails_it_before_it_fills_half_of_the_window() {
    let payments = payments();
    let layer = payments.layer();
    work(&layer, 1_000).await;
    advance(secs(3)).await;
    let hanging = hang(&layer, 20);
    advance(secs(3)).await;
    assert_eq!(told(&payments).await, passed(), "their slot has just ended");
    advance(secs(1)).await;
    let output = "all of the latest 20 requests failed; 20 of 1020 requests failed within 30s: \
                  20 without an answer, 0 with an error";
    assert_eq!(told(&payments).await, (Fail, output.to_owned()));
    work(&layer, 1).await;
    assert_eq!(told(&payments).await, passed());
    drop(hanging);
}

#[tokio::test(start_paused = true)]
async fn at_100_percent_it_never_fails() {
    let payments = payments().fail_above(100.0);
    let layer = payments.layer();
    work(&layer, 100).await;
    advance(secs(3)).await;
    fail(&layer, 500).await;
    advance(secs(3)).await;
    fail(&layer, 500).await;
    assert_eq!(status(&payments).await, Warn);
}

#[tokio::test(start_paused = true)]
async fn failures_count_for_a_window_and_not_longer() {
    let payments = payments();
    fail(&payments.layer(), 100).await;
    advance(millis(29_900)).await;
    assert_eq!(status(&payments).await, Fail);
    advance(millis(100)).await;
    assert_eq!(told(&payments).await, passed());
    assert_eq!(counted(&payments).await.requests, 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_of_the_process_old_requests_do_not_count() {
    for pause in [secs(31), secs(45), secs(3_600)] {
        let payments = payments();
        let layer = payments.layer();
        for _ in 0..30 {
            fail(&layer, 10).await;
            advance(secs(1)).await;
        }
        assert_eq!(status(&payments).await, Fail);
        advance(pause).await;
        work(&layer, 20).await;
        assert_eq!(counted(&payments).await.requests, 20, "{pause:?}");
        assert_eq!(told(&payments).await, passed(), "{pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shorter_window_forgets_sooner_and_a_higher_floor_needs_more() {
    let payments = payments()
        .window(secs(5))
        .min_requests(50)
        .warn_above(1.0)
        .fail_above(2.0);
    let layer = payments.layer();
    work(&layer, 46).await;
    fail(&layer, 2).await;
    assert_eq!(status(&payments).await, Warn);
    work(&layer, 2).await;
    assert_eq!(status(&payments).await, Fail);
    work(&layer, 50).await;
    assert_eq!(status(&payments).await, Warn, "2 %");
    advance(secs(5)).await;
    assert_eq!(told(&payments).await, passed());
}

#[tokio::test(start_paused = true)]
async fn all_layers_and_clones_count_together() {
    let payments = payments();
    work(&payments.layer(), 5).await;
    work(&payments.clone().layer(), 5).await;
    assert_eq!(counted(&payments).await.requests, 10);
}
