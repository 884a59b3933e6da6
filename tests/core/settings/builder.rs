//! Everything that a settings file sets, the code sets too.
//!
//! What a builder holds shows in its `Debug` text only, which is how the two are compared.

use tower_health::{
    Check, ComponentType, Criticality, Health, HealthBuilder, HealthLayer, HealthLayerBuilder,
    OnTimeout, Probe, Status,
};

use super::support::{Settings, from_toml, ok};
use crate::support::{millis, secs};

fn sample() -> Settings {
    from_toml(include_str!("sample.toml")).unwrap()
}

#[test]
fn the_builder_sets_what_the_file_sets() {
    let mut config = sample().health;
    // Settings by name are for files: in code they stand at the check.
    config.checks.clear();
    let built = Health::builder()
        .ttl(secs(2))
        .timeout(millis(500))
        .slow_at(0.75)
        .jitter(0.25)
        .jitter_seed(42)
        .drain_delay(secs(65))
        .drain_cap(secs(90))
        .limits(config.limits)
        .version("1")
        .release_id("1.4.0+77")
        .service_id("billing-7")
        .description("the billing service")
        .environment("production")
        .note("one replica")
        .note("no backups")
        .link("about", "https://example.org/about")
        .link(
            "https://example.org/rel/runbook",
            "https://example.org/runbook",
        );
    let configured = Health::builder().config(config);
    assert_eq!(format!("{built:?}"), format!("{configured:?}"));
}

#[test]
fn a_check_sets_what_the_file_sets() {
    let built = ok("db")
        .timeout(millis(250))
        .slow_at(0.25)
        .ttl(secs(5))
        .failing_ttl(secs(1))
        .suspect_ttl(millis(100))
        .stale_after(secs(60))
        .criticality(Criticality::Critical)
        .failure_threshold(3)
        .success_threshold(2)
        .while_probed(secs(90))
        .on_timeout(OnTimeout::Detach)
        .component_id("primary-db")
        .component_type(ComponentType::Datastore)
        .affected_endpoint("/orders/{id}")
        .affected_endpoint("/carts")
        .link("runbook", "https://example.org/runbooks/db");
    let config = &sample().health.checks["db"];
    assert_eq!(
        format!("{built:?}"),
        format!("Check {{ name: Ok(\"db\"), config: {config:?}, .. }}")
    );
}

#[test]
fn the_layer_builder_sets_what_the_file_sets() {
    let start = || HealthLayer::builder(Health::fixed(Status::Pass));
    let built = start()
        .prefix("/internal")
        .alias("/healthz", Probe::Liveness)
        .alias("/ready", Probe::Readiness)
        .path("/started", Probe::Startup);
    let configured = start().config(sample().layer);
    assert_eq!(format!("{built:?}"), format!("{configured:?}"));
}

#[test]
fn a_setting_of_the_builder_wins_over_the_config_wherever_the_config_stands() {
    let config = || sample().health;
    let mut expected = config();
    expected.ttl = secs(9);
    expected.version = Some("2".to_owned());
    expected.notes.push("added".to_owned());
    let expected = format!("{:?}", Health::builder().config(expected));

    let set = |builder: HealthBuilder| builder.ttl(secs(9)).version("2").note("added");
    let before = set(Health::builder()).config(config());
    assert_eq!(format!("{before:?}"), expected);
    let after = set(Health::builder().config(config()));
    assert_eq!(format!("{after:?}"), expected);
}

#[test]
fn a_path_of_the_layer_builder_wins_over_the_config_wherever_the_config_stands() {
    let start = || HealthLayer::builder(Health::fixed(Status::Pass));
    let set = |builder: HealthLayerBuilder| {
        let builder = builder.path("/alive", Probe::Liveness).prefix("/ops");
        builder.alias("/health", Probe::Readiness)
    };
    let before = set(start()).config(sample().layer);
    let after = set(start().config(sample().layer));
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    let layer = before.build().unwrap();
    for (path, is_probe) in [
        ("/ops/alive", true),
        ("/ops/health", true),
        ("/livez", false),
    ] {
        let request = http::Request::get(path).body(()).unwrap();
        assert_eq!(layer.is_probe(&request), is_probe, "{path}");
    }
}

#[test]
fn an_indicator_is_a_check_without_settings() {
    let indicator = tower_health::indicator_fn("db", || async { Ok::<_, String>(()) });
    let check = Check::from(indicator.clone());
    assert_eq!(format!("{check:?}"), format!("{:?}", Check::new(indicator)));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_absent_is_not_registered() {
    let health = Health::builder()
        .maybe_readiness(Some(ok("db")))
        .maybe_readiness(None)
        .start()
        .unwrap();
    let snapshot = health.snapshot();
    let names: Vec<_> = snapshot
        .checks(Probe::Readiness)
        .map(|check| check.name())
        .collect();
    assert_eq!(names, ["db"]);
}
