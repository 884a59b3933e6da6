//! The other built-in indicators, each of which fails and recovers on demand.
//!
//! ```sh
//! cargo run --example indicators          # settings: ADDR, DRAIN_MS, and what to check: HTTP_URL,
//! # GRPC_URL, TCP_ADDRESS, DNS_NAME, TLS_ADDRESS, CERTIFICATE (a file), DATA_DIR (for its disk),
//! # POSTGRES_URL (through deadpool)
//! watch "curl -s 'localhost:3000/readyz?verbose'"
//! curl -X POST localhost:3000/import      # the result that must be pushed every ten seconds
//! curl -X POST localhost:3000/maintenance # fails by hand; a second request passes again
//! curl -X POST localhost:3000/block       # blocks the runtime of the workers, 5 s
//! curl -X POST localhost:3000/burn        # keeps every core busy, 30 s
//! curl -X POST localhost:3000/memory      # holds 600 MB, 10 s
//! curl -X POST localhost:3000/files       # opens 85 % of `ulimit -n` (try 256), 10 s
//! for i in 1 2 3; do curl -s localhost:3000/slow & done   # more than two in flight, 10 s
//! ```

use std::env::VarError;
use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::hint::black_box;
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use deadpool_postgres::tokio_postgres::{Config, NoTls};
use deadpool_postgres::{Manager, Pool};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::time::sleep;
use tonic::transport::Endpoint;
use tower_health::indicators::{
    CertificateIndicator, CpuIndicator, DeadpoolPostgresIndicator, DiskIndicator, DnsIndicator,
    FileDescriptorsIndicator, GrpcIndicator, HttpIndicator, InFlightIndicator, MemoryIndicator,
    PushIndicator, RuntimeLagIndicator, SettableIndicator, TcpIndicator,
};
use tower_health::{Check, Details, Health, HealthBuilder, HealthIndicator, HealthLayer};

const TEN_SECONDS: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let data_dir: PathBuf = setting("DATA_DIR")?.unwrap_or_else(std::env::temp_dir);
    let addr = setting("ADDR")?.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&addr).await;
    let listener = listener.map_err(|error| format!("ADDR={addr}: {error}"))?;
    let addr = listener.local_addr()?;
    tracing::info!(%addr, data_dir = %data_dir.display(), "listening");

    let workers = workers()?;
    let lag = RuntimeLagIndicator::new("workers");
    lag.watch("workers", &workers);
    let in_flight = InFlightIndicator::new("in-flight")
        .warn_above(1)
        .fail_above(2);
    let maintenance = SettableIndicator::new("maintenance");
    let import = PushIndicator::new("import", TEN_SECONDS);

    let cpu = CpuIndicator::new("cpu")
        .warn_above_load_per_core(0.3)
        .fail_above_load_per_core(0.6);
    let memory = MemoryIndicator::new("memory").fail_above_rss(512 << 20);
    let drain_delay = Duration::from_millis(setting("DRAIN_MS")?.unwrap_or(5000));
    let health = Health::builder()
        .drain_delay(drain_delay)
        .readiness(lag)
        .readiness(in_flight.clone())
        .readiness(maintenance.clone())
        .readiness(import.clone())
        .readiness(often(DiskIndicator::new("disk", data_dir)))
        .readiness(often(memory))
        .readiness(often(cpu))
        .readiness(often(FileDescriptorsIndicator::new("files")));
    let health = dependencies(health)?.start()?;

    let app = Router::new()
        .route("/slow", get(async || sleep(TEN_SECONDS).await))
        .route("/import", post(async move || import.pass()))
        .route("/maintenance", post(async move || toggle(&maintenance)))
        .route("/block", post(async move || block(&workers)))
        .route("/burn", post(async || burn()))
        .route("/memory", post(async || hold(vec![1_u8; 600 << 20])))
        .route("/files", post(async || hold(open_files())))
        .layer(in_flight.layer());
    // Every caller sees every detail, which is right only on a port that operators alone reach.
    let layer = HealthLayer::builder(health.clone()).details(Details::always());
    let server = axum::serve(listener, app.layer(layer.build()?))
        .with_graceful_shutdown(health.shutdown_signal());
    match health.cap_drain(server).await {
        Some(served) => served?,
        None => tracing::warn!("connections were still open"),
    }
    Ok(())
}

/// Checks every second, so that you see a change soon. A fleet should keep the default of 5 s.
fn often(indicator: impl HealthIndicator) -> Check {
    Check::new(indicator).ttl(Duration::from_secs(1))
}

/// Adds a check for each dependency that is configured.
fn dependencies(health: HealthBuilder) -> Result<HealthBuilder, Box<dyn Error>> {
    let text = setting::<String>;
    let http = text("HTTP_URL")?.map(|url| HttpIndicator::new("http", &url));
    let tcp = text("TCP_ADDRESS")?.map(|address| TcpIndicator::new("tcp", &address));
    let dns = text("DNS_NAME")?.map(|name| DnsIndicator::new("dns", name));
    let grpc = text("GRPC_URL")?.map(Endpoint::from_shared).transpose()?;
    let grpc = grpc.map(|server| GrpcIndicator::new("grpc", server.connect_lazy()));
    let (file, server) = (text("CERTIFICATE")?, text("TLS_ADDRESS")?);
    let file = file.map(|file| CertificateIndicator::from_file("certificate", file));
    let server = server.map(|addr| CertificateIndicator::from_server("server-certificate", &addr));
    let db = text("POSTGRES_URL")?.as_deref().map(postgres).transpose()?;
    Ok(health
        .maybe_readiness(http.map(often))
        .maybe_readiness(tcp.map(often))
        .maybe_readiness(dns.map(often))
        .maybe_readiness(grpc.map(often))
        .maybe_readiness(file.map(often))
        .maybe_readiness(server.map(often))
        .maybe_readiness(db.map(often)))
}

fn postgres(url: &str) -> Result<impl HealthIndicator, Box<dyn Error>> {
    let config = url.parse::<Config>();
    // Leaves out the URL, which holds a password.
    let config = config.map_err(|error| format!("POSTGRES_URL: {error}"))?;
    let pool = Pool::builder(Manager::new(config.clone(), NoTls)).build()?;
    Ok(DeadpoolPostgresIndicator::new("db", pool, &config, NoTls).read_write())
}

/// Starts a second runtime, on its own thread.
fn workers() -> Result<Handle, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(handle)
}

fn toggle(maintenance: &SettableIndicator) {
    match maintenance.get() {
        Ok(_) => maintenance.fail("planned maintenance"),
        Err(_) => maintenance.pass(),
    }
}

/// Blocks a thread of a runtime, which no task should do.
fn block(workers: &Handle) {
    workers.spawn(async { thread::sleep(Duration::from_secs(5)) });
}

fn burn() {
    let until = Instant::now() + Duration::from_secs(30);
    for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
        thread::spawn(move || while Instant::now() < black_box(until) {});
    }
}

/// Opens as many files as the limit allows, then closes 15 % of them.
fn open_files() -> Vec<File> {
    let open = || File::open(std::env::current_exe().ok()?).ok();
    let mut files: Vec<File> = std::iter::from_fn(open).take(100_000).collect();
    files.truncate(files.len() * 85 / 100);
    files
}

fn hold<T: Send + 'static>(held: T) {
    tokio::spawn(async move {
        sleep(TEN_SECONDS).await;
        drop(held);
    });
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
