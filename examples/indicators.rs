//! Every built-in indicator beside those of databases and Redis, to see each fail and recover.
//!
//! ```sh
//! cargo run --example indicators            # settings: ADDR, DATA_DIR, and what to look at:
//! # HTTP_URL, GRPC_URL, TCP_ADDRESS, DNS_NAME, CERTIFICATE (a file), TLS_ADDRESS, DISK (a path),
//! # POSTGRES_URL (by deadpool)
//! watch curl -s localhost:3000/readyz?verbose
//! curl -X POST localhost:3000/import        # the push that is expected every ten seconds
//! curl -X POST localhost:3000/maintenance   # and again: set by hand, and taken back
//! curl -X POST localhost:3000/block         # the runtime of the workers stands still, 5 s
//! curl -X POST localhost:3000/burn          # all processors are busy, 30 s
//! curl -X POST localhost:3000/memory        # 600 MB more, 10 s
//! curl -X POST localhost:3000/files         # 85 % of `ulimit -n` (256, say), 10 s
//! for i in 1 2 3; do curl -s localhost:3000/slow & done   # more in flight than two, 10 s
//! ```

mod shared;

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use deadpool_postgres::tokio_postgres::{Config, NoTls};
use deadpool_postgres::{Manager, Pool};
use tokio::runtime::{Builder, Handle};
use tokio::time::sleep;
use tower_health::indicators::{
    CertificateIndicator, CpuIndicator, DeadpoolPostgresIndicator, DiskIndicator, DnsIndicator,
    FileDescriptorsIndicator, GrpcIndicator, HttpIndicator, InFlightIndicator, MemoryIndicator,
    PushIndicator, RuntimeLagIndicator, SettableIndicator, TcpIndicator,
};
use tower_health::{Check, Details, Health, HealthBuilder, HealthIndicator, HealthLayer};

use shared::{Settings, setting, writable};

const A_WHILE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let settings = Settings::from_env()?;
    let listener = settings.listen().await?;

    let workers = workers()?;
    let lag = RuntimeLagIndicator::new("workers");
    lag.watch("workers", &workers);
    let in_flight = InFlightIndicator::new("in-flight")
        .warn_above(1)
        .fail_above(2);
    let maintenance = SettableIndicator::new("maintenance");
    let import = PushIndicator::new("import", A_WHILE);

    let disk = setting("DISK")?.unwrap_or_else(|| settings.data_dir.clone());
    let cpu = CpuIndicator::new("cpu")
        .warn_above_load_per_core(0.3)
        .fail_above_load_per_core(0.6);
    let health = Health::builder()
        .drain_delay(settings.drain_delay)
        .readiness(often(writable(&settings.data_dir)))
        .readiness(lag)
        .readiness(in_flight.clone())
        .readiness(maintenance.clone())
        .readiness(import.clone())
        .readiness(often(DiskIndicator::new("disk", disk)))
        .readiness(often(MemoryIndicator::new("memory")))
        .readiness(often(cpu))
        .readiness(often(FileDescriptorsIndicator::new("files")));
    let health = elsewhere(health)?.start()?;

    let app = Router::new()
        .route("/slow", get(async || sleep(A_WHILE).await))
        .route("/import", post(async move || import.pass()))
        .route("/maintenance", post(async move || toggle(&maintenance)))
        .route("/block", post(async move || block(&workers)))
        .route("/burn", post(async || burn()))
        .route("/memory", post(async || hold(vec![1_u8; 600 << 20])))
        .route("/files", post(async || hold(open_files())))
        .layer(in_flight.layer());
    // On a port that only operators reach; here that is everybody.
    let layer = HealthLayer::builder(health.clone()).details(Details::always());
    let server = axum::serve(listener, app.layer(layer.build()?))
        .with_graceful_shutdown(health.shutdown_signal());
    match health.cap_drain(server).await {
        Some(served) => served?,
        None => tracing::warn!("connections were still open"),
    }
    Ok(())
}

/// So that a change is seen soon.
fn often(indicator: impl HealthIndicator) -> Check {
    Check::new(indicator).ttl(Duration::from_secs(1))
}

/// Adds what the settings name.
fn elsewhere(mut health: HealthBuilder) -> Result<HealthBuilder, Box<dyn Error>> {
    if let Some(url) = setting::<String>("HTTP_URL")? {
        health = health.readiness(often(HttpIndicator::new("http", &url)));
    }
    if let Some(url) = setting::<String>("GRPC_URL")? {
        let channel = tonic::transport::Endpoint::from_shared(url)?.connect_lazy();
        health = health.readiness(often(GrpcIndicator::new("grpc", channel)));
    }
    if let Some(address) = setting::<String>("TCP_ADDRESS")? {
        health = health.readiness(often(TcpIndicator::new("tcp", &address)));
    }
    if let Some(name) = setting::<String>("DNS_NAME")? {
        health = health.readiness(often(DnsIndicator::new("dns", name)));
    }
    if let Some(file) = setting::<String>("CERTIFICATE")? {
        let file = CertificateIndicator::from_file("certificate", file);
        health = health.readiness(often(file));
    }
    if let Some(address) = setting::<String>("TLS_ADDRESS")? {
        let server = CertificateIndicator::from_server("server-certificate", &address);
        health = health.readiness(often(server));
    }
    if let Some(url) = setting::<String>("POSTGRES_URL")? {
        // It has a password: no error may show it.
        let config: Config = url
            .parse()
            .map_err(|error| format!("POSTGRES_URL: {error}"))?;
        let pool = Pool::builder(Manager::new(config.clone(), NoTls)).build()?;
        let db = DeadpoolPostgresIndicator::new("db", pool, &config, NoTls);
        health = health.readiness(often(db.read_write()));
    }
    Ok(health)
}

/// A second runtime, on a thread of its own.
fn workers() -> Result<Handle, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(handle)
}

fn toggle(maintenance: &SettableIndicator) {
    match maintenance.get() {
        Ok(_) => maintenance.fail("until somebody asks again"),
        Err(_) => maintenance.pass(),
    }
}

/// What nobody should do on a runtime.
fn block(workers: &Handle) {
    workers.spawn(async { thread::sleep(Duration::from_secs(5)) });
}

fn burn() {
    let until = Instant::now() + Duration::from_secs(30);
    for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
        thread::spawn(move || while Instant::now() < black_box(until) {});
    }
}

/// All that may be open, and then some are closed again.
fn open_files() -> Vec<File> {
    let open = || File::open(std::env::current_exe().ok()?).ok();
    let mut files: Vec<File> = std::iter::from_fn(open).take(100_000).collect();
    files.truncate(files.len() * 85 / 100);
    files
}

fn hold<T: Send + 'static>(held: T) {
    tokio::spawn(async move {
        sleep(A_WHILE).await;
        drop(held);
    });
}
