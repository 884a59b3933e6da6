//! The stores behind the axum example: a database, embedded unless another is given, and a Redis.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{MySqlPool, PgPool};
use tower_health::indicators::{RedisIndicator, SqlxDatabase, SqlxIndicator};
use tower_health::{Check, HealthIndicator};

use super::shared::setting;

/// Often, so that a change is seen soon. Behind a fleet, the default of 5 s is kinder.
const TTL: Duration = Duration::from_secs(1);

/// The database at `DATABASE_URL` (`postgres:`, `mysql:` or `sqlite:`), or one in a file of this
/// directory.
///
/// Nothing is connected yet: the service starts, and says what is wrong, while its database is down.
pub(crate) fn database(dir: &Path) -> Result<Check, Box<dyn Error>> {
    let Some(url) = setting::<String>("DATABASE_URL")? else {
        let file = dir.join("app.db");
        tracing::info!(file = %file.display(), "no DATABASE_URL: the database is SQLite");
        let options = SqliteConnectOptions::new().filename(file);
        let pool = SqlitePool::connect_lazy_with(options.create_if_missing(true));
        return Ok(check(database_indicator(pool)));
    };
    // The URL has a password: no error may show it.
    let invalid = |error| format!("DATABASE_URL: {error}");
    match url.split(':').next() {
        Some("postgres" | "postgresql") => Ok(check(database_indicator(
            PgPool::connect_lazy(&url).map_err(invalid)?,
        ))),
        Some("mysql" | "mariadb") => Ok(check(database_indicator(
            MySqlPool::connect_lazy(&url).map_err(invalid)?,
        ))),
        Some("sqlite") => Ok(check(database_indicator(
            SqlitePool::connect_lazy(&url).map_err(invalid)?,
        ))),
        _ => Err("DATABASE_URL must start with postgres:, mysql: or sqlite:".into()),
    }
}

fn database_indicator<DB: SqlxDatabase>(pool: sqlx::Pool<DB>) -> SqlxIndicator<DB> {
    SqlxIndicator::new("db", pool).read_write()
}

/// The Redis at `REDIS_URL`, if one is given.
pub(crate) fn redis() -> Result<Option<Check>, Box<dyn Error>> {
    let Some(url) = setting::<String>("REDIS_URL")? else {
        return Ok(None);
    };
    let client = redis::Client::open(url).map_err(|error| format!("REDIS_URL: {error}"))?;
    let address = client.get_connection_info().addr().clone();
    let config = ConnectionManagerConfig::new().set_max_delay(TTL);
    let connection = ConnectionManager::new_lazy_with_config(client, config)?;
    let indicator = RedisIndicator::new("redis", connection).address(&address);
    Ok(Some(check(indicator)))
}

fn check(indicator: impl HealthIndicator) -> Check {
    Check::new(indicator).ttl(TTL)
}
