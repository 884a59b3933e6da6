//! Thresholds, from the results of a check to the answer of `/readyz`.
//!
//! Ports D1 to D6 and D8 of the peers' tables. The counting itself has a property test beside its
//! code.

use tower_health::{Probe, Status};

use super::support::{Script, fail, hang, panics, pass, probe, readiness, seen, warn};
use crate::support::{lapse, millis, secs, settle, steady};

/// Runs these results, one a second, and says what `/readyz` answers after each.
async fn codes(failure: u32, success: u32, results: &str) -> String {
    let step = |result| match result {
        'P' => pass(),
        'W' => warn("slow"),
        _ => fail("refused"),
    };
    let db = Script::new(results.chars().map(step));
    let check = db
        .check("db")
        .failure_threshold(failure)
        .success_threshold(success);
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    let mut codes = Vec::new();
    for run in 1..=results.len() {
        assert_eq!(db.runs(), run);
        codes.push(probe(&health, Probe::Readiness).await.0.to_string());
        lapse(secs(1)).await;
    }
    codes.join(" ")
}

// check:    pass  fail  fail  fail  pass  pass
// readyz:   200   200   200   503   503   200      failure_threshold = 3, success_threshold = 2
#[tokio::test(start_paused = true)]
async fn readiness_fails_on_the_third_failure_and_returns_on_the_second_pass() {
    assert_eq!(codes(3, 2, "PFFFPP").await, "200 200 200 503 503 200");
}

// check:    pass  fail  pass  fail  pass  fail  pass
// readyz:   200   200   200   200   200   200   200      failure_threshold = 3
#[tokio::test(start_paused = true)]
async fn failures_that_are_not_consecutive_never_add_up() {
    assert_eq!(codes(3, 1, "PFPFPFP").await, "200 200 200 200 200 200 200");
}

#[tokio::test(start_paused = true)]
async fn the_answer_follows_the_thresholds() {
    struct Case {
        name: &'static str,
        failure: u32,
        success: u32,
        results: &'static str,
        codes: &'static str,
    }
    let cases = [
        Case {
            name: "D1: one failure, three are needed",
            failure: 3,
            success: 1,
            results: "PF",
            codes: "200 200",
        },
        Case {
            name: "D2: one failure, one is needed",
            failure: 1,
            success: 1,
            results: "PF",
            codes: "200 503",
        },
        Case {
            name: "D3: one pass, two are needed",
            failure: 1,
            success: 2,
            results: "PFP",
            codes: "200 503 503",
        },
        Case {
            name: "D4: one pass, one is needed",
            failure: 1,
            success: 1,
            results: "PFP",
            codes: "200 503 200",
        },
        Case {
            name: "D5: fails, recovers, fails",
            failure: 2,
            success: 2,
            results: "PFFPPFF",
            codes: "200 200 503 503 200 200 503",
        },
        Case {
            name: "D6: passes, fails, passes",
            failure: 1,
            success: 1,
            results: "PFP",
            codes: "200 503 200",
        },
        Case {
            name: "passes that are not consecutive never add up",
            failure: 1,
            success: 2,
            results: "PFPFPFP",
            codes: "200 503 503 503 503 503 503",
        },
        Case {
            name: "a first failure is not damped",
            failure: 3,
            success: 1,
            results: "FFP",
            codes: "503 503 200",
        },
        Case {
            name: "the first pass is not damped",
            failure: 1,
            success: 3,
            results: "FP",
            codes: "503 200",
        },
        Case {
            name: "a warning counts as a pass",
            failure: 2,
            success: 2,
            results: "PFWFF",
            codes: "200 200 200 200 503",
        },
    ];
    for case in cases {
        let codes = codes(case.failure, case.success, case.results).await;
        assert_eq!(codes, case.codes, "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn timeouts_and_panics_count_as_failures_do() {
    for failure in [fail("refused"), panics("boom"), hang()] {
        let name = format!("{failure:?}");
        let db = Script::new([pass(), failure]);
        let check = db.check("db").failure_threshold(2).timeout(millis(100));
        let health = steady().readiness(check).start().unwrap();
        lapse(millis(1_150)).await;
        assert_eq!((db.runs(), readiness(&health)), (2, Status::Pass), "{name}");
        lapse(millis(1_150)).await;
        assert_eq!((db.runs(), readiness(&health)), (3, Status::Fail), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_does_not_count_yet_is_a_note_of_the_report() {
    let db = Script::new([pass(), fail("refused")]);
    let check = db.check("db").failure_threshold(3);
    let health = steady().readiness(check).start().unwrap();
    lapse(millis(1_050)).await;
    assert_eq!(seen(&health, "db"), (Status::Pass, None));
    let notes = |health: &tower_health::Health| {
        let snapshot = health.snapshot();
        snapshot.report(Probe::Readiness).notes()
    };
    assert_eq!(notes(&health), ["db: failed 1 of 3 times: refused"]);
    lapse(secs(1)).await;
    assert_eq!(notes(&health), ["db: failed 2 of 3 times: refused"]);
    lapse(secs(1)).await;
    assert_eq!(notes(&health), ["db fails"]);
}
