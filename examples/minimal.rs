//! The smallest service with probes. Run it with `cargo run --example minimal`.

use axum::{Router, routing::get};
use tower_health::{Health, HealthLayer, indicator_fn};

async fn ping() -> Result<(), std::io::Error> {
    Ok(()) // a query to your database, for example
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = indicator_fn("db", ping);
    let health = Health::builder().readiness(db).start()?;
    let app = Router::new()
        .route("/", get(async || "hello\n"))
        .layer(HealthLayer::new(health.clone())); // the last call: outermost

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    // SIGTERM fails readiness; five seconds later, when traffic has moved on, the server stops.
    axum::serve(listener, app)
        .with_graceful_shutdown(health.shutdown_signal())
        .await?;
    Ok(())
}
