//! A result that no run renewed in time counts no longer: a frozen green light is the worst bug
//! that a health check can have.

use std::time::Duration;

use tower_health::{Criticality, Health, Probe, Status};

use super::support::{PASSED, Script, fail, failed, hang, pass, readiness, seen, state, told};
use crate::support::{lapse, millis, secs, settle, steady};

/// What the report of readiness says of a check at this moment.
fn reported(health: &Health, name: &str) -> (Status, Option<String>) {
    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Readiness);
    let mut entries = report.entries().iter();
    let entry = entries.find(|entry| entry.name() == name).unwrap();
    (entry.status(), entry.output().map(str::to_owned))
}

/// A check that passes at once, and from then on hangs for longer than its result may stand.
fn dying() -> Script {
    Script::new([pass(), hang()])
}

/// Whether the report calls a check stale, at the price of this status.
fn is_stale(health: &Health, name: &str, as_status: Status) -> bool {
    let (status, output) = reported(health, name);
    let is_stale = output.is_some_and(|output| output.starts_with("stale: the last run ended "));
    is_stale && status == as_status
}

// dead:     |pass  |hangs, for a minute
// others:   |pass  |pass  |pass  |pass
// time:     0      1s     2s     3s
// readyz:    200                 503
#[tokio::test(start_paused = true)]
async fn one_dead_check_among_many_that_publish_fails_readiness_and_is_named() {
    let dead = dying().check("dead").timeout(secs(60)).stale_after(secs(3));
    let mut builder = steady().readiness(dead);
    for index in 0..50 {
        builder = builder.readiness(Script::passing().check(format!("check-{index}")));
    }
    let health = builder.start().unwrap();
    lapse(millis(2_990)).await;
    assert_eq!(readiness(&health), Status::Pass);
    lapse(millis(10)).await;
    assert_eq!(readiness(&health), Status::Fail);

    lapse(secs(4)).await;
    assert_eq!(readiness(&health), Status::Fail);
    assert!(is_stale(&health, "dead", Status::Fail));
    assert_eq!(reported(&health, "check-7"), PASSED);
    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Readiness);
    assert_eq!(report.notes(), ["dead fails"]);
    let output = report.output().unwrap();
    assert!(output.starts_with("dead: stale: "), "{output}");
}

#[tokio::test(start_paused = true)]
async fn a_non_critical_check_that_is_stale_only_warns() {
    let dead = dying().check("dead").timeout(secs(60)).stale_after(secs(3));
    let health = steady()
        .readiness(dead.criticality(Criticality::NonCritical))
        .readiness(Script::passing().check("db"))
        .start()
        .unwrap();
    lapse(millis(2_990)).await;
    assert_eq!(readiness(&health), Status::Pass);
    lapse(millis(10)).await;
    assert_eq!(readiness(&health), Status::Warn);
    assert!(is_stale(&health, "dead", Status::Warn));
}

#[tokio::test(start_paused = true)]
async fn a_stale_check_is_announced_once_and_its_next_result_ends_it() {
    let db = Script::new([pass(), pass().after(secs(8)), pass()]);
    let check = db.check("db").timeout(secs(60)).stale_after(secs(3));
    let health = steady().readiness(check).start().unwrap();
    let mut transitions = health.subscribe();
    let first = ["readiness/db: new -> pass", "readiness: fail -> pass"];
    assert_eq!(told(&mut transitions).await, first);
    lapse(secs(8)).await;
    assert_eq!(told(&mut transitions).await, ["readiness: pass -> fail"]);
    lapse(secs(2)).await;
    assert_eq!(told(&mut transitions).await, ["readiness: fail -> pass"]);
    assert_eq!(readiness(&health), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn what_failed_before_it_became_stale_fails_still() {
    let db = Script::new([fail("refused"), hang()]);
    let check = db.check("db").timeout(secs(60)).stale_after(secs(3));
    let health = steady().readiness(check).start().unwrap();
    for _ in 0..100 {
        assert_eq!(readiness(&health), Status::Fail);
        lapse(millis(100)).await;
    }
    assert!(is_stale(&health, "db", Status::Fail));
}

// A check that sleeps while no prober calls is one whose results no run renews.
#[tokio::test(start_paused = true)]
async fn by_default_a_result_stands_for_three_intervals_or_one_slow_run() {
    struct Case {
        name: &'static str,
        ttl: Duration,
        timeout: Duration,
        stands: Duration,
    }
    let cases = [
        Case {
            name: "the defaults: 1.5 s + 5 s + 1 s",
            ttl: secs(1),
            timeout: secs(5),
            stands: millis(7_500),
        },
        Case {
            name: "three intervals are more",
            ttl: secs(60),
            timeout: secs(5),
            stands: secs(180),
        },
        Case {
            name: "a slow run is more",
            ttl: secs(10),
            timeout: secs(30),
            stands: secs(46),
        },
    ];
    for case in cases {
        let check = Script::passing().check("db").while_probed(secs(1));
        let health = steady()
            .readiness(check.ttl(case.ttl).timeout(case.timeout))
            .start()
            .unwrap();
        lapse(case.stands - millis(10)).await;
        assert_eq!(readiness(&health), Status::Pass, "{}", case.name);
        lapse(millis(20)).await;
        assert_eq!(readiness(&health), Status::Fail, "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn the_interval_in_use_is_what_counts() {
    let db = Script::new([fail("refused")]);
    let check = db.check("db").failing_ttl(secs(60)).while_probed(secs(1));
    let health = steady().readiness(check).start().unwrap();
    lapse(secs(179)).await;
    assert_eq!(reported(&health, "db"), failed("refused"));
    lapse(secs(2)).await;
    assert!(is_stale(&health, "db", Status::Fail));
}

// Sixty checks an hour, each with a jitter of its own, at several paces and speeds.
#[tokio::test(start_paused = true)]
async fn a_check_that_runs_as_it_should_never_expires_early() {
    struct Case {
        name: &'static str,
        ttl: Duration,
        takes: Duration,
        jitter: f64,
    }
    let cases = [
        Case {
            name: "a lone quick one",
            ttl: secs(60),
            takes: Duration::ZERO,
            jitter: 0.1,
        },
        Case {
            name: "a lone slow one",
            ttl: secs(60),
            takes: millis(4_990),
            jitter: 0.1,
        },
        Case {
            name: "quick, with much jitter",
            ttl: secs(1),
            takes: Duration::ZERO,
            jitter: 0.5,
        },
        Case {
            name: "slow, with much jitter",
            ttl: secs(1),
            takes: millis(4_990),
            jitter: 0.5,
        },
    ];
    for case in cases {
        for seed in 0..3 {
            let check = Script::new([pass(), pass().after(case.takes)]).check("db");
            let health = Health::builder()
                .jitter(case.jitter)
                .jitter_seed(seed)
                .readiness(check.ttl(case.ttl))
                .start()
                .unwrap();
            settle().await;
            for _ in 0..1_000 {
                assert_eq!(seen(&health, "db"), PASSED, "{}", case.name);
                assert_eq!(readiness(&health), Status::Pass, "{}", case.name);
                lapse(millis(611)).await;
            }
        }
    }
}

#[test]
fn a_result_that_would_expire_before_the_next_run_cannot_be_configured() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _context = runtime.enter();
    for (ttl, failing_ttl, stale_after, allowed) in [
        (secs(10), secs(1), secs(15), false),
        (secs(10), secs(1), millis(15_001), true),
        (secs(1), secs(10), secs(15), false),
        (secs(1), secs(10), millis(15_001), true),
    ] {
        let check = Script::passing().check("db");
        let check = check.ttl(ttl).failing_ttl(failing_ttl);
        let built = steady().readiness(check.stale_after(stale_after)).start();
        match built {
            Ok(_) => assert!(allowed),
            Err(error) => {
                assert!(!allowed && error.is_option(), "{error}");
                let text = error.to_string();
                assert!(
                    text.contains("\"db\"") && text.contains("stale_after"),
                    "{text}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_reader_sees_a_stale_check_pass() {
    use Criticality::{Critical, NonCritical};

    for (criticality, expected) in [(Critical, Status::Fail), (NonCritical, Status::Warn)] {
        let dead = dying().check("dead").timeout(secs(60)).stale_after(secs(3));
        let health = steady()
            .readiness(dead.criticality(criticality))
            .readiness(Script::passing().check("db"))
            .start()
            .unwrap();
        lapse(millis(2_990)).await;
        assert_eq!(seen(&health, "dead"), PASSED);
        assert!(!state(&health, "dead").is_stale());

        lapse(millis(10)).await;
        // At once, and when the refresher has published it.
        for _ in 0..2 {
            let dead = state(&health, "dead");
            assert_eq!((dead.status(), dead.is_stale()), (expected, true));
            let output = dead.output().unwrap();
            assert!(output.starts_with("stale: the last run ended "), "{output}");
            assert_eq!(seen(&health, "db"), PASSED);
            settle().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_kept_says_what_it_said() {
    let dead = dying().check("dead").timeout(secs(60)).stale_after(secs(3));
    let health = steady().readiness(dead).start().unwrap();
    settle().await;
    let kept = health.snapshot();
    lapse(secs(10)).await;
    let check = kept.checks(Probe::Readiness).next().unwrap();
    assert_eq!((check.status(), check.is_stale()), (Status::Pass, false));
    assert_eq!(kept.status(Probe::Readiness), Status::Pass);
    assert_eq!(seen(&health, "dead").0, Status::Fail);
}
