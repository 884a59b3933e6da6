//! An axum service with a database, probed from its first moment to its last.
//!
//! ```sh
//! cargo run --example axum              # settings: ADDR, DATA_DIR, DRAIN_MS, and the stores
//! DATABASE_URL=postgres://app:secret@localhost/app REDIS_URL=redis://localhost \
//!     cargo run --example axum          # without: SQLite, in a file that it logs
//! curl -i localhost:3000/readyz         # 503 for two seconds, then 200; /startupz too
//! curl -i localhost:3000/livez          # 200
//! curl -i localhost:3000                # hello, all along
//! curl localhost:3001/readyz            # what each check says: ADMIN_ADDR, for operators only
//! mv DIR DIR.away                       # the data_dir that it logs: /readyz is 503, the log says why
//! mv DIR.away DIR                       # 200 again; likewise for the file of the database
//! pkill -x axum                         # /readyz is 503, all else is served for five more seconds
//! ```

mod shared;
#[path = "shared/stores.rs"]
mod stores;

use std::error::Error;
use std::time::Duration;

use axum::{Router, routing::get};
use tower_health::{Details, Gate, Health, HealthLayer};

use shared::{Settings, listen, setting, writable};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let settings = Settings::from_env()?;

    // It listens before it is ready, so that whoever probes gets an answer from the start.
    let listener = settings.listen().await?;
    let embedded = tempfile::TempDir::with_prefix("tower-health-db-")?;

    let mut health = Health::builder()
        .readiness(writable(&settings.data_dir))
        .readiness(stores::database(embedded.path())?)
        .gate("warm-up")
        .drain_delay(settings.drain_delay);
    if let Some(redis) = stores::redis()? {
        health = health.readiness(redis);
    }
    let health = health.start()?;
    tokio::spawn(warm_up(health.gate("warm-up")?));

    // The same health, with everything that it knows, for a port that only operators reach.
    let details = HealthLayer::builder(health.clone())
        .details(Details::always())
        .build()?;
    let admin = setting("ADMIN_ADDR")?.unwrap_or_else(|| "127.0.0.1:3001".to_owned());
    let admin = listen("ADMIN_ADDR", &admin).await?;
    tokio::spawn(async move { axum::serve(admin, Router::new().layer(details)).await });

    let app = Router::new()
        .route("/", get(|| async { "hello\n" }))
        .layer(HealthLayer::new(health.clone())); // the last call: outermost

    let server = axum::serve(listener, app).with_graceful_shutdown(health.shutdown_signal());
    match health.cap_drain(server).await {
        Some(served) => served?,
        None => tracing::warn!("connections were still open"),
    }
    Ok(())
}

/// Stands for what has to happen before requests can be served: migrations, filling a cache.
async fn warm_up(gate: Gate) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    gate.complete();
}
