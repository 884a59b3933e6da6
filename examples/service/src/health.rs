//! What the probes mean for this service.

use tower_health::indicators::SqlxIndicator;
use tower_health::management::{Management, ManagementServer};
use tower_health::{Check, Criticality, Health, Probe, Status};

use crate::Error;
use crate::config::{self, Config};
use crate::database::Database;
use crate::monitoring::Transitions;

/// The gate that stays closed until the database has the schema of this version.
pub(crate) const MIGRATIONS: &str = "migrations";

/// Starts the checks. Nothing waits for them.
pub(crate) fn start(
    config: &Config,
    database: &Database,
    redis: Option<Check>,
) -> Result<Health, Error> {
    let database = match database {
        Database::Sqlite(pool) => Check::new(SqlxIndicator::new("database", pool.clone())),
        Database::Postgres(pool) => Check::new(SqlxIndicator::new("database", pool.clone())),
    };
    let transitions = Transitions::new();
    let mut builder = Health::builder()
        .config(config.health.clone())
        .environment(config.mode.as_str())
        .gate(MIGRATIONS)
        .readiness(database)
        // The service answers without its cache, so Redis alone takes no traffic away.
        .maybe_readiness(redis.map(|check| check.criticality(Criticality::NonCritical)))
        .allow_config_for("redis")
        .on_transition(transitions.listener())
        .count_probe_requests();
    if config.health.version.is_none() {
        builder = builder.version(env!("CARGO_PKG_VERSION"));
    }
    if let Some(release) = &config.release {
        builder = builder.release_id(release);
    }
    let health = builder.start()?;
    transitions.follow(&health);
    Ok(health)
}

/// Opens the port for operators, on a thread of its own.
///
/// # Errors
///
/// Returns an error that names the address if it cannot be bound, and if other hosts could reach the
/// port without a token.
pub(crate) fn serve_management(
    health: &Health,
    settings: &config::Management,
) -> Result<ManagementServer, Error> {
    let mut management = Management::new(health);
    if let Some(token) = settings.token.expose() {
        management = management.bearer(token).allow_remote().allow_drain();
    }
    for host in settings.hosts() {
        management = management.allow_host(host);
    }
    let address = format!("{}:{}", bracketed(&settings.host), settings.port);
    let served = management.serve_on(address);
    Ok(served.map_err(|error| {
        if error.is_remote() {
            return format!("management.token is needed where other hosts reach the port: {error}");
        }
        format!("the management port: {error}")
    })?)
}

/// An IPv6 address needs brackets before a port.
pub(crate) fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// What `GET /health` says to everybody: whether the service takes traffic, and its version.
pub(crate) fn summary(health: &Health) -> (bool, String) {
    let healthy = health.status(Probe::Readiness) != Status::Fail;
    let version = health.config().version.as_deref();
    let summary = serde_json::json!({
        "healthy": healthy,
        "version": version.unwrap_or(env!("CARGO_PKG_VERSION")),
    });
    (healthy, summary.to_string())
}
