//! The checks of the service, each of which ends when its dependency answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tower_health::indicators::RuntimeLagIndicator;
use tower_health::{Check, CheckResult, Criticality, HealthIndicator, Observation, indicator_fn};

use super::setup::{CheckSetup, Kind};

/// A check that counts the runs it ended.
pub(super) fn to_check(
    setup: &CheckSetup,
    dependency: SocketAddr,
    count: &Arc<AtomicU64>,
) -> Check {
    let (kind, count) = (setup.kind.clone(), Arc::clone(count));
    let kept = Arc::new(Mutex::new(None));
    let lag = RuntimeLagIndicator::new(&setup.name);
    if let Kind::Lags = kind {
        lag.watch("service", &Handle::current());
    }
    let indicator = indicator_fn(&setup.name, move || {
        let (kind, count, kept) = (kind.clone(), Arc::clone(&count), Arc::clone(&kept));
        let lag = lag.clone();
        async move {
            let result = match kind {
                Kind::Lags => lag.check().await,
                kind => run(kind, dependency, count.load(Relaxed), &kept).await,
            };
            count.fetch_add(1, Relaxed);
            result
        }
    });
    Check::new(indicator)
        .ttl(Duration::from_millis(setup.ttl_ms))
        .criticality(if setup.is_critical {
            Criticality::Critical
        } else {
            Criticality::NonCritical
        })
}

async fn run(
    kind: Kind,
    dependency: SocketAddr,
    before: u64,
    kept: &Mutex<Option<TcpStream>>,
) -> CheckResult {
    match kind {
        Kind::Asks { questions } => ask(dependency, questions).await?,
        Kind::AsksWithin { questions, ms } => {
            let limit = Duration::from_millis(ms);
            tokio::time::timeout(limit, ask(dependency, questions)).await??;
        }
        Kind::Computes { ms } => {
            for _ in 0..ms * 5 {
                compute(Duration::from_micros(200));
                tokio::task::yield_now().await;
            }
        }
        Kind::AsksOnKept => {
            let mut kept = kept.lock().await;
            let mut stream = match kept.take() {
                Some(stream) => stream,
                None => TcpStream::connect(dependency).await?,
            };
            ask_on(&mut stream).await?;
            *kept = Some(stream);
        }
        Kind::Passes | Kind::Lags => {}
        Kind::Flaps { bytes } if before % 2 == 1 => return Err("x".repeat(bytes).into()),
        Kind::Flaps { .. } => {}
    }
    Ok(Observation::pass())
}

/// Takes this much of the processor, however long that lasts.
fn compute(time: Duration) {
    let used = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.try_into().unwrap())
    };
    let end = used() + time;
    while used() < end {
        std::hint::spin_loop();
    }
}

async fn ask(dependency: SocketAddr, questions: usize) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(dependency).await?;
    for _ in 0..questions {
        ask_on(&mut stream).await?;
    }
    Ok(())
}

async fn ask_on(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"?").await?;
    stream.read_u8().await.map(drop)
}
