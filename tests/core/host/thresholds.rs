//! Settings that cannot be meant are refused, with a text that names the indicator and the setting.

use std::time::Duration;

use tower_health::indicators::{
    CpuIndicator, DiskIndicator, FileDescriptorsIndicator, InFlightIndicator, IndicatorError,
    MemoryIndicator, RuntimeLagIndicator,
};

fn refused<T>(result: Result<T, IndicatorError>, expected: &str) {
    match result {
        Ok(_) => panic!("not refused: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn of_requests_in_flight() {
    let limits = |warn, fail| InFlightIndicator::new("load").limits(warn, fail);
    refused(
        limits(0, 10),
        r#"indicator "load": limits must be above 0, not 0"#,
    );
    refused(
        limits(1, 0),
        r#"indicator "load": limits must be above 0, not 0"#,
    );
    refused(
        limits(11, 10),
        r#"indicator "load": limits warns at 11, which is beyond its failure at 10"#,
    );
    assert!(limits(10, 10).is_ok());
}

#[test]
fn of_the_lag_of_runtimes() {
    let lag = || RuntimeLagIndicator::new("lag");
    let second = Duration::from_secs(1);
    let share = r#"indicator "lag": most_busy must be from 0 up to but without 1, not "#;
    for (most_busy, said) in [(1.0, "1"), (-0.1, "-0.1"), (f64::NAN, "NaN"), (50.0, "50")] {
        refused(lag().limits(second, most_busy), &format!("{share}{said}"));
    }
    refused(
        lag().limits(Duration::ZERO, 0.5),
        r#"indicator "lag": busy_above must be longer than zero"#,
    );
    refused(
        lag().interval(Duration::from_micros(999)),
        r#"indicator "lag": interval must be at least 1ms, by which tokio's timers go"#,
    );
    assert!(lag().limits(second, 0.0).is_ok());
}

#[test]
fn of_the_host() {
    let disk = || DiskIndicator::new("disk", "/").unwrap();
    let percent = "must be above 0 and at most 100, not";
    refused(
        disk().free_percent(5.0, 10.0),
        r#"indicator "disk": free_percent warns at 5, which is beyond its failure at 10"#,
    );
    refused(
        disk().free_percent(101.0, 10.0),
        &format!(r#"indicator "disk": free_percent {percent} 101"#),
    );
    refused(
        disk().free_bytes(1, 2),
        r#"indicator "disk": free_bytes warns at 1, which is beyond its failure at 2"#,
    );
    refused(
        disk().free_bytes(1, 0),
        r#"indicator "disk": free_bytes must be above 0, not 0"#,
    );
    refused(
        MemoryIndicator::new("mem").rss(0, 1),
        r#"indicator "mem": rss must be above 0, not 0"#,
    );
    refused(
        MemoryIndicator::new("mem").cgroup_percent(f64::NAN, 90.0),
        &format!(r#"indicator "mem": cgroup_percent {percent} NaN"#),
    );
    refused(
        CpuIndicator::new("cpu").load_per_core(f64::NAN, 1.0),
        r#"indicator "cpu": load_per_core must be above 0, not NaN"#,
    );
    refused(
        CpuIndicator::new("cpu").load_per_core(f64::INFINITY, 1.0),
        r#"indicator "cpu": load_per_core warns at inf, which is beyond its failure at 1"#,
    );
    refused(
        CpuIndicator::new("cpu").quota_percent(90.0, 120.0),
        &format!(r#"indicator "cpu": quota_percent {percent} 120"#),
    );
    refused(
        FileDescriptorsIndicator::new("fds").percent(90.0, 80.0),
        r#"indicator "fds": percent warns at 90, which is beyond its failure at 80"#,
    );
}

#[test]
fn of_a_path() {
    refused(
        DiskIndicator::new("disk", ""),
        r#"indicator "disk": path is empty"#,
    );
    refused(
        DiskIndicator::new("disk", "/does/not/exist"),
        "indicator \"disk\": path /does/not/exist cannot be looked at: \
         No such file or directory (os error 2)",
    );
}
