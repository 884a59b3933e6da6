//! An axum service with a database and Redis, probed from its first moment to its last.
//!
//! ```sh
//! cargo run --example axum              # settings: ADDR, ADMIN_ADDR, DATA_DIR, DRAIN_MS
//! DATABASE_URL=postgres://app:secret@localhost/app REDIS_URL=redis://localhost \
//!     cargo run --example axum          # without them: SQLite in a file that the log names
//! curl -i localhost:3000/readyz         # 503 for two seconds, then 200; /startupz too
//! curl -i localhost:3000/livez          # 200
//! curl -i localhost:3000                # hello, at any time
//! open http://localhost:3001            # the status page, on the port for operators
//! curl localhost:3001/readyz            # what each check reports
//! curl 'localhost:3001/history?check=db' # its runs and transitions; /info has the facts
//! mv DIR DIR.away                       # the data_dir in the log: /readyz is 503, the log says why
//! mv DIR.away DIR                       # 200 again; likewise for the file of the database
//! pkill -x axum                         # /readyz is 503, requests are served for five more seconds
//! ```

use std::env::VarError;
use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use axum::{Router, routing::get};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sqlx::{MySqlPool, PgPool, Pool, SqlitePool};
use tokio::net::TcpListener;
use tower_health::indicators::{RedisIndicator, SqlxDatabase, SqlxIndicator};
use tower_health::management::Management;
use tower_health::{Check, Health, HealthIndicator, HealthLayer, blocking_indicator_fn};

/// Short, so that you see a change soon. A fleet should keep the default of 5 s.
const TTL: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let temporary = tempfile::TempDir::with_prefix("tower-health-db-")?; // removed at the end
    let data_dir = setting("DATA_DIR")?.unwrap_or_else(|| temporary.path().to_owned());
    let embedded = format!(
        "sqlite:{}?mode=rwc",
        temporary.path().join("app.db").display()
    );

    // It listens before it is ready, so that probes are answered from the start.
    let listener = listen("ADDR", "127.0.0.1:3000").await?;
    let addr = listener.local_addr()?;
    tracing::info!(%addr, data_dir = %data_dir.display(), embedded, "listening");

    let drain_delay = Duration::from_millis(setting("DRAIN_MS")?.unwrap_or(5000));
    let health = Health::builder()
        .service_id("axum-example")
        .environment("development")
        .readiness(writable(data_dir))
        .readiness(database(&setting("DATABASE_URL")?.unwrap_or(embedded))?)
        .maybe_readiness(setting("REDIS_URL")?.map(redis).transpose()?)
        .gate("warm-up")
        .drain_delay(drain_delay)
        .start()?;

    // Startup, and with it readiness, waits until the gate is completed.
    let warm_up = health.gate("warm-up")?;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await; // migrations, filling a cache
        warm_up.complete();
    });

    // The port for operators shows everything. It answers even if this runtime is blocked.
    let admin = setting("ADMIN_ADDR")?.unwrap_or_else(|| "127.0.0.1:3001".to_owned());
    Management::new(&health).serve_on(admin)?;

    let app = Router::new()
        .route("/", get(async || "hello\n"))
        .layer(HealthLayer::new(health.clone())); // the last call: outermost
    let server = axum::serve(listener, app).with_graceful_shutdown(health.shutdown_signal());
    // Without the cap, one open stream could hold up the end of the process forever.
    match health.cap_drain(server).await {
        Some(served) => served?,
        None => tracing::warn!("connections were still open"),
    }
    Ok(())
}

/// The pools are lazy: the service starts, and reports what is wrong, while its database is down.
fn database(url: &str) -> Result<Check, String> {
    let invalid = |error| format!("DATABASE_URL: {error}"); // never the URL: it holds a password
    match url.split(':').next() {
        Some("postgres" | "postgresql") => PgPool::connect_lazy(url).map(db).map_err(invalid),
        Some("mysql" | "mariadb") => MySqlPool::connect_lazy(url).map(db).map_err(invalid),
        Some("sqlite") => SqlitePool::connect_lazy(url).map(db).map_err(invalid),
        _ => Err("DATABASE_URL must start with postgres:, mysql: or sqlite:".into()),
    }
}

fn db<DB: SqlxDatabase>(pool: Pool<DB>) -> Check {
    Check::new(SqlxIndicator::new("db", pool).read_write()).ttl(TTL)
}

fn redis(url: String) -> Result<Check, String> {
    let invalid = |error| format!("REDIS_URL: {error}");
    let client = redis::Client::open(url).map_err(invalid)?;
    let address = client.get_connection_info().addr().clone();
    let config = ConnectionManagerConfig::new().set_max_delay(TTL);
    let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(invalid)?;
    Ok(Check::new(RedisIndicator::new("redis", connection).address(&address)).ttl(TTL))
}

fn writable(dir: PathBuf) -> impl HealthIndicator {
    blocking_indicator_fn("data-dir", move || {
        let written = tempfile::tempfile_in(&dir).and_then(|mut file| file.write_all(b"probe"));
        written.map_err(|error| format!("cannot write to {}: {error}", dir.display()))
    })
}

async fn listen(name: &str, default: &str) -> Result<TcpListener, String> {
    let addr = setting(name)?.unwrap_or_else(|| default.to_owned());
    let listener = TcpListener::bind(&addr).await;
    listener.map_err(|error| format!("{name}={addr}: {error}"))
}

/// Reads a setting from the environment. An error names it.
fn setting<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, String> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Err(format!("{name} is set, but empty")),
        Ok(value) => {
            let parsed = value.parse().map(Some);
            parsed.map_err(|error| format!("{name}={value}: {error}"))
        }
        Err(VarError::NotPresent) => Ok(None),
        Err(error) => Err(format!("{name}: {error}")),
    }
}
