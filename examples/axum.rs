//! An axum service that is probed from its first moment to its last.
//!
//! ```sh
//! cargo run --example axum              # settings: ADDR, DATA_DIR, DRAIN_MS
//! curl -i localhost:3000/readyz         # 503 for two seconds, then 200; /startupz too
//! curl -i localhost:3000/livez          # 200
//! curl -i localhost:3000                # hello, all along
//! mv DIR DIR.away                       # the data_dir that it logs: /readyz is 503, the log says why
//! mv DIR.away DIR                       # 200 again
//! pkill -x axum                         # /readyz is 503, all else is served for five more seconds
//! ```

mod shared;

use std::error::Error;
use std::time::Duration;

use axum::{Router, routing::get};
use tower_health::{Gate, Health, HealthLayer};

use shared::{Settings, writable};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let settings = Settings::from_env()?;

    // It listens before it is ready, so that whoever probes gets an answer from the start.
    let listener = settings.listen().await?;

    let health = Health::builder()
        .readiness(writable(&settings.data_dir))
        .gate("warm-up")
        .drain_delay(settings.drain_delay)
        .start()?;
    tokio::spawn(warm_up(health.gate("warm-up")?));

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
