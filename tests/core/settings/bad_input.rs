//! A health reports everything that can be wrong with it when it starts, all at once and by name.
//!
//! S16 of the peers' tables is among the cases: settings for a name that is not registered.

use std::time::Duration;

use tower_health::Health;

use super::support::{ALLOWED, OPTION, UNKNOWN, assert_told, error, health_config, kinds, ok};
use crate::support::{secs, steady};

#[tokio::test(start_paused = true)]
async fn a_duration_of_a_check_that_cannot_work_is_reported() {
    let year_and_a_day = secs(367 * 24 * 3600);
    type Set = fn(tower_health::Check, Duration) -> tower_health::Check;
    let options: [(&str, Set); 6] = [
        ("timeout", tower_health::Check::timeout),
        ("ttl", tower_health::Check::ttl),
        ("failing_ttl", tower_health::Check::failing_ttl),
        ("suspect_ttl", tower_health::Check::suspect_ttl),
        ("stale_after", tower_health::Check::stale_after),
        ("while_probed", tower_health::Check::while_probed),
    ];
    for (option, set) in options {
        for (duration, fault) in [
            (Duration::ZERO, "must not be zero"),
            (year_and_a_day, "must not be longer than a year"),
            (Duration::MAX, "must not be longer than a year"),
        ] {
            let error = error(steady().readiness(set(ok("db"), duration)));
            assert_eq!(kinds(&error), OPTION, "{option}, {duration:?}");
            let told = format!("\"db\": {option} {fault}");
            assert!(error.to_string().contains(&told), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_threshold_of_zero_is_reported() {
    assert_told(
        OPTION,
        vec![
            (
                steady().readiness(ok("db").failure_threshold(0)),
                r#""db": failure_threshold must not be zero"#.to_owned(),
            ),
            (
                steady().startup(ok("db").success_threshold(0)),
                r#""db": success_threshold must not be zero"#.to_owned(),
            ),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_result_that_would_expire_before_the_next_is_reported() {
    let check = || ok("db").ttl(secs(10));
    let told = |given: &str, needed: &str| {
        format!(
            "\"db\": stale_after is {given}, but must be more than {needed} (1.5 times the interval between runs)"
        )
    };
    assert_told(
        OPTION,
        vec![
            (
                steady().readiness(check().stale_after(secs(5))),
                told("5s", "15s"),
            ),
            (
                steady().readiness(check().stale_after(secs(10))),
                told("10s", "15s"),
            ),
            (
                steady().readiness(check().stale_after(secs(15))),
                told("15s", "15s"),
            ),
            // The longer of the two intervals counts.
            (
                steady().readiness(check().failing_ttl(secs(20)).stale_after(secs(30))),
                told("30s", "30s"),
            ),
            // A TTL that the check only inherits counts too.
            (
                steady()
                    .ttl(secs(10))
                    .readiness(ok("db").stale_after(secs(5))),
                told("5s", "15s"),
            ),
        ],
    );
    let long_enough = check().stale_after(secs(15) + Duration::from_millis(1));
    steady().readiness(long_enough).start().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_option_of_the_health_that_cannot_work_is_reported() {
    let year_and_a_day = secs(367 * 24 * 3600);
    let zero = Duration::ZERO;
    let jitter = "jitter must be from 0 to 0.5".to_owned();
    let mut cases = vec![
        (steady().ttl(zero), "ttl must not be zero".to_owned()),
        (
            steady().timeout(zero),
            "timeout must not be zero".to_owned(),
        ),
        (
            steady().ttl(year_and_a_day),
            "ttl must not be longer than a year".to_owned(),
        ),
        (
            steady().timeout(Duration::MAX),
            "timeout must not be longer than a year".to_owned(),
        ),
        (
            steady().drain_delay(year_and_a_day),
            "drain_delay must not be longer than a year".to_owned(),
        ),
        (
            steady().drain_cap(Duration::MAX),
            "drain_cap must not be longer than a year".to_owned(),
        ),
        (
            steady().format("text/plain\n", |_| String::new()),
            "\"text/plain\\n\": content type is not a valid header value".to_owned(),
        ),
    ];
    for fraction in [-0.1, 0.500_1, 1.0, f64::NAN, f64::INFINITY] {
        cases.push((steady().jitter(fraction), jitter.clone()));
    }
    assert_told(OPTION, cases);
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_a_check_inherits_is_reported_where_it_was_set() {
    let inheriting = || steady().readiness(ok("db")).readiness(ok("cache"));
    assert_told(
        OPTION,
        vec![
            (
                inheriting().ttl(Duration::ZERO),
                "ttl must not be zero".to_owned(),
            ),
            (
                inheriting().timeout(Duration::ZERO),
                "timeout must not be zero".to_owned(),
            ),
            (
                steady().readiness(ok("db").ttl(Duration::ZERO)),
                "\"db\": ttl must not be zero".to_owned(),
            ),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn what_stands_at_the_edge_of_what_works_works() {
    let year = secs(365 * 24 * 3600);
    for jitter in [0.0, 0.5] {
        Health::builder()
            .jitter(jitter)
            .ttl(year)
            .timeout(year)
            .drain_delay(Duration::ZERO)
            .drain_cap(Duration::ZERO)
            .readiness(ok(&"x".repeat(128)).failure_threshold(u32::MAX))
            .readiness(ok("tiny").ttl(Duration::from_nanos(1)).timeout(year))
            .start()
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn settings_of_a_check_that_is_not_registered_are_reported() {
    let config = || health_config("[checks.bd]\nttl = 1000");
    let told = r#"settings for "bd": no check of this name is registered"#;
    assert_told(
        UNKNOWN,
        vec![
            (Health::builder().config(config()), told.to_owned()),
            (
                Health::builder().config(config()).readiness(ok("db")),
                told.to_owned(),
            ),
            // A gate has no settings.
            (
                Health::builder().config(config()).gate("bd"),
                told.to_owned(),
            ),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn bad_settings_from_a_file_are_reported_like_those_of_the_code() {
    let config = health_config("jitter = 2.0\n[checks.db]\nfailure_threshold = 0\nttl = 0");
    let error = error(Health::builder().config(config).readiness(ok("db")));
    assert_eq!(kinds(&error), OPTION);
    assert_eq!(
        error.to_string(),
        "jitter must be from 0 to 0.5; \
         \"db\": ttl must not be zero; \
         \"db\": failure_threshold must not be zero"
    );
}

#[tokio::test(start_paused = true)]
async fn all_problems_are_reported_at_once() {
    let config = health_config("ttl = '2s'\n[checks.ghost]\nttl = 1");
    let error = error(
        Health::builder()
            .config(config)
            .jitter(-1.0)
            .gate("")
            .readiness(ok("db"))
            .readiness(ok("db").failure_threshold(0))
            .startup(ok("a/b").timeout(Duration::ZERO))
            .format("\0", |_| String::new()),
    );
    assert_eq!(kinds(&error), [true, true, false, true, false, false]);
    let text = error.to_string();
    let problems: Vec<_> = text.split("; ").collect();
    let expected = [
        "jitter must be from 0 to 0.5",
        "gate \"\": bad name: it is empty",
        "readiness check \"db\": the name is taken",
        "settings for \"ghost\": no check of this name is registered",
        "\"db\": failure_threshold must not be zero",
        "startup check \"a/b\": bad name: it contains '/'",
        ALLOWED,
        "\"a/b\": timeout must not be zero",
        "\"\\0\": content type is not a valid header value",
    ];
    assert_eq!(problems, expected);
}
