//! What the process does in each role.

use std::cell::Cell;

use tower_health::HealthLayer;

use crate::Error;
use crate::cache::Cache;
use crate::cli::{Options, Role};
use crate::config::Config;
use crate::database::{Database, Target};
use crate::migrations::Way;
use crate::shutdown::{Stopper, channel};
use crate::{api, health, listeners, logs, migrations, monitoring, signals, web};

pub(crate) fn run(config: &Config, options: &Options) -> Result<(), Error> {
    // Of two providers in one binary, rustls wants to be told which.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Before the runtime, so that its threads inherit the client.
    let sentry = monitoring::init(config)?;
    let _lines = logs::init(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = match options.role {
        Role::Monolith => runtime.block_on(monolith(config)),
        Role::Maintenance => runtime.block_on(maintenance(config)),
    };
    // Tasks that are still there, such as a look-up of a name, hold up nothing.
    runtime.shutdown_background();
    monitoring::flush(sentry, options.role);
    result
}

/// Looks after the database, without a listener.
async fn maintenance(config: &Config) -> Result<(), Error> {
    // A migration that is broken off leaves nothing behind, and the work is not done.
    let applied = tokio::select! {
        biased;
        signal = signals::asked_to_end() => {
            return Err(format!("ended by {} before the work was done", signal?).into());
        }
        applied = migrate(config) => applied?,
    };
    tracing::info!(applied, "the database has the schema of this version");
    Ok(())
}

async fn migrate(config: &Config) -> Result<usize, Error> {
    let target = Target::new(&config.database)?;
    let way = if config.database.apply_migrations {
        Way::Apply
    } else {
        Way::Await
    };
    migrations::run(&target, way, config.database.migration_timeout).await
}

/// Serves the API and the website, with probes from the first moment.
async fn monolith(config: &Config) -> Result<(), Error> {
    let database = Database::open(&Target::new(&config.database)?, &config.database)?;
    let (cache, redis) = Cache::open(&config.redis.url)?;
    let health = health::start(config, &database, redis)?;
    health.exit_at_drain_cap()?;
    health.notify_systemd()?;
    let (stopper, stop) = channel();
    let signal = health.shutdown_signal();

    // Every listener is there before the migrations, so that probes are answered from the start.
    let api = listeners::bind("api", &config.api).await?;
    let web = listeners::bind("web", &config.web).await?;
    let management = health::serve_management(&health, &config.management)?;
    if let Some(address) = management.address() {
        tracing::info!(listener = "management", %address, "listening");
    }

    // Outermost, so that a probe meets nothing of the service.
    let probes = HealthLayer::builder(health.clone())
        .config(config.probes.clone())
        .build()?;
    let app = api::router(config, &database, cache, &health, stop.clone());
    let places = listeners::Places::new();
    let api = listeners::serve(api, app.layer(probes.clone()), places.clone(), stop.clone());
    let site = web::router().merge(api::summary(&health));
    let web = listeners::serve(web, site.layer(probes), places, stop);
    let servers = async {
        tokio::join!(api, web);
        stopper.ended().await; // connections
    };

    let gate = health.gate(health::MIGRATIONS)?;
    let is_migrated = Cell::new(false);
    let started = async {
        match migrate(config).await {
            Ok(applied) => {
                gate.complete();
                is_migrated.set(true);
                let database = database.kind();
                tracing::info!(applied, database, "started");
                // The other branches decide about the end.
                std::future::pending().await
            }
            Err(error) => {
                gate.fail(error.to_string());
                Err(error)
            }
        }
    };
    let served = serve_until(signal, &stopper, &health, servers);
    tokio::select! {
        result = started => return result,
        () = served => {}
    }
    if !is_migrated.get() {
        // Somebody wanted the end, so this is no error; the next start begins with them again.
        tracing::warn!("stopped before the database had the schema of this version");
    }
    database.close().await;
    management.stop();
    tracing::info!("stopped");
    Ok(())
}

/// Serves until the signal and the drain delay, and then at most until the drain cap.
async fn serve_until(
    signal: impl Future<Output = ()>,
    stopper: &Stopper,
    health: &tower_health::Health,
    servers: impl Future<Output = ()>,
) {
    let signalled = async {
        signal.await;
        tracing::info!("no further connections");
        stopper.begin();
        std::future::pending::<()>().await
    };
    let served = async {
        tokio::select! {
            () = servers => {}
            () = signalled => {}
        }
    };
    if health.cap_drain(served).await.is_none() {
        tracing::warn!("connections were still open at the drain cap");
    }
}
