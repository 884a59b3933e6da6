//! Settings that cannot work are refused by `start()`, which names the check and the setting.

use std::time::Duration;

use tower_health::indicators::{
    CpuIndicator, DiskIndicator, FileDescriptorsIndicator, InFlightIndicator, MemoryIndicator,
    RuntimeLagIndicator,
};
use tower_health::{Health, HealthIndicator};

use crate::support::watched::refused;

#[test]
fn of_requests_in_flight() {
    let limits = |warn, fail| {
        let load = InFlightIndicator::new("load").warn_above(warn);
        load.fail_above(fail)
    };
    assert_eq!(
        refused(limits(0, 10)),
        r#""load": warn_above must be above 0, not 0"#
    );
    assert_eq!(
        refused(limits(1, 0)),
        r#""load": fail_above must be above 0, not 0"#
    );
    assert_eq!(
        refused(limits(11, 10)),
        r#""load": warn_above is 11, which is beyond fail_above at 10: the check would never warn"#
    );
    assert_eq!(limits(10, 10).config_error(), None);
}

#[test]
fn of_the_lag_of_runtimes() {
    let lag = || RuntimeLagIndicator::new("lag");
    let share = r#""lag": fail_above must be from 0 up to but not including 1, not "#;
    for (fail_above, said) in [(1.0, "1"), (-0.1, "-0.1"), (f64::NAN, "NaN"), (50.0, "50")] {
        assert_eq!(
            refused(lag().fail_above(fail_above)),
            format!("{share}{said}")
        );
    }
    assert_eq!(
        refused(lag().busy_above(Duration::ZERO)),
        r#""lag": busy_above must be longer than zero"#
    );
    for (interval, said) in [
        (Duration::from_micros(999), "999us"),
        (Duration::from_millis(1_001), "1s 1ms"),
        (Duration::from_secs(86_400), "1day"),
    ] {
        assert_eq!(
            refused(lag().interval(interval)),
            format!(r#""lag": interval must be from 1ms to 1s, not {said}"#)
        );
    }
    assert!(refused(lag().interval(Duration::MAX)).contains("from 1ms to 1s"));
    assert_eq!(
        refused(
            lag()
                .interval(Duration::from_secs(1))
                .window(Duration::from_millis(999))
        ),
        "\"lag\": interval is 1s, which is longer than window at 999ms: no two late timers would \
         lie within it"
    );
    assert_eq!(
        refused(lag().window(Duration::ZERO)),
        r#""lag": window must be longer than zero"#
    );
    let second = Duration::from_secs(1);
    let lag = lag().busy_above(second).fail_above(0.0);
    assert_eq!(lag.config_error(), None);
    assert_eq!(lag.interval(second).window(second).config_error(), None);
}

#[test]
fn of_the_host() {
    let disk = || DiskIndicator::new("disk", "/");
    let percent = "must be above 0 and at most 100, not";
    let never = "the check would never warn";
    assert_eq!(
        refused(disk().warn_below_percent(5.0).fail_below_percent(10.0)),
        format!(
            r#""disk": warn_below_percent is 5, which is beyond fail_below_percent at 10: {never}"#
        )
    );
    assert_eq!(
        refused(disk().warn_below_percent(101.0)),
        format!(r#""disk": warn_below_percent {percent} 101"#)
    );
    assert_eq!(
        refused(disk().warn_below_bytes(1).fail_below_bytes(2)),
        format!(r#""disk": warn_below_bytes is 1, which is beyond fail_below_bytes at 2: {never}"#)
    );
    assert_eq!(
        refused(disk().fail_below_bytes(0)),
        r#""disk": fail_below_bytes must be above 0, not 0"#
    );
    assert_eq!(
        refused(disk().warn_below_inodes_percent(0.0)),
        format!(r#""disk": warn_below_inodes_percent {percent} 0"#)
    );
    let memory = || MemoryIndicator::new("mem");
    assert_eq!(
        refused(memory().warn_above_rss(0)),
        r#""mem": warn_above_rss must be above 0, not 0"#
    );
    assert_eq!(
        refused(memory().warn_above_percent(f64::NAN)),
        format!(r#""mem": warn_above_percent {percent} NaN"#)
    );
    assert_eq!(
        refused(memory().warn_above_pressure_percent(101.0)),
        format!(r#""mem": warn_above_pressure_percent {percent} 101"#)
    );
    let cpu = || CpuIndicator::new("cpu");
    assert_eq!(
        refused(cpu().warn_above_load_per_core(f64::NAN)),
        r#""cpu": warn_above_load_per_core must be above 0, not NaN"#
    );
    assert_eq!(
        refused(
            cpu()
                .warn_above_load_per_core(5.0)
                .fail_above_load_per_core(4.0)
        ),
        format!(
            r#""cpu": warn_above_load_per_core is 5, which is beyond fail_above_load_per_core at 4: {never}"#
        )
    );
    assert_eq!(
        refused(
            cpu()
                .warn_above_throttled_percent(0.0)
                .fail_above_pressure_percent(120.0)
        ),
        format!(
            r#""cpu": warn_above_throttled_percent {percent} 0; fail_above_pressure_percent {percent} 120"#
        )
    );
    assert_eq!(
        refused(cpu().fail_above_quota_percent(120.0)),
        format!(r#""cpu": fail_above_quota_percent {percent} 120"#)
    );
    let descriptors = FileDescriptorsIndicator::new("fds").warn_above_percent(90.0);
    assert_eq!(
        refused(descriptors.fail_above_percent(80.0)),
        format!(
            r#""fds": warn_above_percent is 90, which is beyond fail_above_percent at 80: {never}"#
        )
    );
}

#[test]
fn a_limit_in_bytes_replaces_the_default_in_percent_of_its_severity_only() {
    let disk = || DiskIndicator::new("disk", "/");
    assert_eq!(
        refused(disk().warn_below_bytes(1).fail_below_percent(101.0)),
        r#""disk": fail_below_percent must be above 0 and at most 100, not 101"#
    );
    // The default of 10 % that warns would be in the way.
    assert!(
        refused(disk().fail_below_percent(20.0)).contains("warn_below_percent is 10, which is")
    );
    let disk = disk().warn_below_bytes(1).fail_below_percent(20.0);
    assert_eq!(disk.config_error(), None);
}

#[test]
fn of_a_path() {
    assert_eq!(
        refused(DiskIndicator::new("disk", "")),
        r#""disk": path is empty"#
    );
    assert_eq!(
        refused(DiskIndicator::new("disk", "/does/not/exist")),
        "\"disk\": path /does/not/exist cannot be read: \
         No such file or directory (os error 2)"
    );
}

#[tokio::test]
async fn every_fault_of_every_check_is_in_one_error() {
    let error = Health::builder()
        .readiness(DiskIndicator::new("disk", "").fail_below_bytes(0))
        .readiness(InFlightIndicator::new("load").warn_above(0))
        .start()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"disk\": path is empty; fail_below_bytes must be above 0, not 0; \
         \"load\": warn_above must be above 0, not 0"
    );
}

#[tokio::test]
async fn a_check_that_is_added_later_is_refused_likewise() {
    let health = Health::builder().start().unwrap();
    let added = health.add_readiness(DiskIndicator::new("disk", ""));
    let error = added.await.unwrap_err();
    assert_eq!(error.to_string(), r#""disk": path is empty"#);
}
