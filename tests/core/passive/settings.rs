//! Settings that cannot work, and the defaults.

use tower_health::indicators::{PassiveIndicator, SettableIndicator};
use tower_health::{ComponentType, Criticality, HealthIndicator};

use super::support::payments;
use crate::support::watched::refused;
use crate::support::{millis, secs};

#[test]
fn settings_that_cannot_work_are_reported_at_the_start() {
    type Set = fn(PassiveIndicator) -> PassiveIndicator;
    let cases: [(Set, &str); 8] = [
        (
            |payments| payments.window(millis(900)).slow_above(millis(100)),
            "window must be from 1 s to 3600 s, not 900ms",
        ),
        (
            |payments| payments.window(secs(3_601)),
            "window must be from 1 s to 3600 s, not 3601s",
        ),
        (
            |payments| payments.slow_above(secs(0)),
            "slow_above must be above 0 and at most half of the window, not 0ns",
        ),
        (
            |payments| payments.slow_above(secs(16)),
            "slow_above must be above 0 and at most half of the window, not 16s",
        ),
        (
            |payments| payments.min_requests(0),
            "min_requests must be above 0, not 0",
        ),
        (
            |payments| payments.fail_above(100.5),
            "fail_above must be above 0 and at most 100, not 100.5",
        ),
        (
            |payments| payments.warn_above(60.0),
            "warn_above is 60, which is beyond fail_above at 50: the check would never warn",
        ),
        (
            |payments| {
                drop(payments.layer());
                payments.window(secs(10)).http_failure(|_| false)
            },
            "window was set after layer() or call(), which has the old setting; \
             http_failure was set after layer() or call(), which has the old setting",
        ),
    ];
    for (set, fault) in cases {
        assert_eq!(refused(set(payments())), format!(r#""payments": {fault}"#));
    }
}

#[test]
fn clones_that_count_together_cannot_have_windows_of_their_own() {
    let fault = r#""payments": window was set after clone(): clones count in one window"#;
    let first = payments().window(secs(10));
    let second = first.clone();
    assert_eq!(refused(second.clone().window(secs(5))), fault);
    // Whichever of them is set, and although another setting was changed before.
    assert_eq!(refused(first.slow_above(secs(2)).window(secs(5))), fault);
    // What is judged may differ.
    let lenient = second.clone().min_requests(50).fail_above(90.0);
    assert_eq!(lenient.config_error(), None);
    drop((second, lenient));
    let alone = payments();
    drop(alone.clone());
    assert_eq!(alone.window(secs(5)).config_error(), None);
}

#[test]
fn a_pair_reports_the_faults_of_both() {
    let active = payments().min_requests(0);
    let paired = payments().window(secs(1)).when_idle(active);
    let fault = "slow_above must be above 0 and at most half of the window, not 1s; \
                 min_requests must be above 0, not 0";
    assert_eq!(refused(paired), format!(r#""payments": {fault}"#));
}

#[test]
fn it_is_not_critical_alone_or_in_a_pair() {
    let alone = payments();
    assert_eq!(alone.criticality(), Criticality::NonCritical);
    assert_eq!(alone.component_type(), Some(ComponentType::Component));
    assert_eq!((alone.timeout(), alone.ttl()), (None, None));
    let paired = alone.when_idle(SettableIndicator::new("by-hand"));
    assert_eq!(paired.name(), "payments");
    assert_eq!(paired.criticality(), Criticality::NonCritical);
}
