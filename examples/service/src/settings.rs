//! `service settings`: what probes have to fit, as TOML without secrets.

use std::fmt::Write;
use std::time::Duration;

use humantime::format_duration;
use tower_health::{CheckConfig, Criticality};

use crate::config::Config;

/// The defaults of the indicators, which the settings of a check change.
const INDICATOR_TTL: Duration = Duration::from_secs(5);
const INDICATOR_TIMEOUT: Duration = Duration::from_secs(2);

/// Durations are texts such as `5s`, of the crate humantime.
pub(crate) fn toml(config: &Config) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, config);
    text
}

fn write(text: &mut String, config: &Config) -> std::fmt::Result {
    let (health, probes) = (&config.health, &config.probes);
    writeln!(text, "mode = \"{}\"", config.mode)?;
    writeln!(text, "\n[health]")?;
    for (key, duration) in [
        ("ttl", health.ttl),
        ("timeout", health.timeout),
        ("drain_delay", health.drain_delay),
        ("drain_cap", health.drain_cap),
    ] {
        writeln!(text, "{key} = \"{}\"", format_duration(duration))?;
    }
    writeln!(text, "jitter = {:?}", health.jitter)?;

    let gate = format_duration(config.database.migration_timeout);
    writeln!(text, "\n[gates]\nmigrations = \"{gate}\"")?;

    writeln!(text, "\n[paths]")?;
    for (probe, paths) in [
        ("liveness", &probes.liveness),
        ("readiness", &probes.readiness),
        ("startup", &probes.startup),
    ] {
        let paths: Vec<_> = paths
            .iter()
            .map(|path| format!("{}{path}", probes.prefix))
            .collect();
        writeln!(text, "{probe} = {paths:?}")?;
    }
    writeln!(text, "summary = [\"/health\"]")?;

    writeln!(text, "\n[ports]")?;
    writeln!(text, "api = {}", config.api.port)?;
    writeln!(text, "management = {}", config.management.port)?;
    writeln!(text, "web = {}", config.web.port)?;

    let unset = CheckConfig::default();
    for (name, default) in [
        ("database", Criticality::Critical),
        ("redis", Criticality::NonCritical),
    ] {
        let check = health.checks.get(name).unwrap_or(&unset);
        let criticality = match check.criticality.unwrap_or(default) {
            Criticality::NonCritical => "non_critical",
            _ => "critical",
        };
        let ttl = format_duration(check.ttl.unwrap_or(INDICATOR_TTL));
        let timeout = format_duration(check.timeout.unwrap_or(INDICATOR_TIMEOUT));
        let failures = check.failure_threshold.unwrap_or(1);
        writeln!(text, "\n[checks.{name}]\nprobe = \"readiness\"")?;
        writeln!(text, "criticality = \"{criticality}\"")?;
        writeln!(text, "ttl = \"{ttl}\"\ntimeout = \"{timeout}\"")?;
        writeln!(text, "failure_threshold = {failures}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgPoolOptions;
    use sqlx::sqlite::SqlitePoolOptions;
    use tower_health::HealthIndicator;
    use tower_health::indicators::{RedisIndicator, SqlxIndicator};

    use super::*;

    #[tokio::test]
    async fn what_is_printed_without_settings_is_what_the_indicators_do() {
        fn defaults(indicator: &impl HealthIndicator) -> (Option<Duration>, Option<Duration>) {
            (indicator.ttl(), indicator.timeout())
        }

        let sqlite = SqlitePoolOptions::new().connect_lazy("sqlite::memory:");
        let postgres = PgPoolOptions::new().connect_lazy("postgres://localhost");
        let client = redis::Client::open("redis://localhost").unwrap();
        let redis = redis::aio::ConnectionManager::new_lazy_with_config(
            client,
            redis::aio::ConnectionManagerConfig::new(),
        );
        let redis = RedisIndicator::new("redis", redis.unwrap()).round_trip();
        for of_indicator in [
            defaults(&SqlxIndicator::new("database", sqlite.unwrap())),
            defaults(&SqlxIndicator::new("database", postgres.unwrap())),
            defaults(&redis),
        ] {
            assert_eq!(of_indicator, (Some(INDICATOR_TTL), Some(INDICATOR_TIMEOUT)));
        }
    }
}
