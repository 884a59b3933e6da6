//! Instances of an application, each with a check of each kind, over the link that loses packets.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use redis::Client;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sqlx::postgres::PgPoolOptions;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_health::HealthIndicator;
use tower_health::indicators::{HttpIndicator, RedisIndicator, SqlxIndicator, TcpIndicator};

use crate::servers::postgres::Postgres;
use crate::servers::redis::RedisServer;

const NAMES: [&str; 5] = [
    "HTTP, connection that stays open",
    "HTTP, new connection",
    "Redis PING",
    "Postgres SELECT 1",
    "TCP",
];

/// The default of indicators that use the network.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How often each instance does what.
#[derive(Clone, Copy)]
struct Effort {
    runs: u64,
    pause: Duration,
}

/// What all instances of a kind of check saw.
#[derive(Clone, Copy, Default)]
struct Count {
    runs: u64,
    /// Failures after a pass.
    first: u64,
    /// Of these, failures whose next run failed too, of the instances that do not confirm.
    second: u64,
    /// Failures that were confirmed at once, and those that passed then, of those that do.
    confirmed: u64,
    refuted: u64,
}

pub(crate) fn measure([share, outage, period, runs, pause, instances]: [f64; 6]) {
    let mut link = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/loss/link.py"))
        .args([share, outage, period].map(|number| number.to_string()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut ready = String::new();
    let mut said = BufReader::new(link.stdout.take().expect("a pipe"));
    said.read_line(&mut ready).expect("the link is up");
    let effort = Effort {
        runs: runs as u64,
        pause: Duration::from_secs_f64(pause),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let counts = runtime.block_on(all(instances as usize, effort));
    link.kill().expect("it is our child");
    link.wait().expect("it is our child");
    println!("check: runs; failures at threshold 1; at 2 and the TTL; at 2, confirmed at once");
    for (name, count) in NAMES.iter().zip(counts) {
        let both = count.confirmed + count.refuted;
        println!(
            "{name}: {}; {}; {} of {}; {} of {both}",
            count.runs,
            count.first,
            count.second,
            count.first - both,
            count.confirmed,
        );
    }
}

async fn all(instances: usize, effort: Effort) -> [Count; 5] {
    let redis = RedisServer::start().await;
    let redis_at = relay(redis.address()).await;
    let connections = format!("max_connections={}", 2 * instances + 10);
    let postgres = Postgres::start_with(&[connections.as_str()]).await;
    let postgres_at = relay(SocketAddr::from(([127, 0, 0, 1], postgres.port()))).await;
    let http = format!("10.77.0.2:{}", serve().await);
    let url = format!("http://{http}/healthz");
    let counts: [Arc<Mutex<Count>>; 5] = Default::default();
    let mut running = JoinSet::new();
    for number in 0..instances {
        let instance = |kind: usize| Instance {
            effort,
            confirms: number % 2 == 0,
            is_new_each_run: kind == 1,
            count: Arc::clone(&counts[kind]),
        };
        for kind in [0, 1] {
            let url = url.clone();
            running.spawn(instance(kind).run(move || HttpIndicator::new("http", &url)));
        }
        running.spawn(instance(2).run(move || {
            let client = Client::open(format!("redis://{redis_at}")).unwrap();
            let config = ConnectionManagerConfig::new();
            let manager = ConnectionManager::new_lazy_with_config(client, config);
            RedisIndicator::new("redis", manager.unwrap())
        }));
        let options = postgres
            .options()
            .host("10.77.0.2")
            .port(postgres_at.port());
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_lazy_with(options);
        running.spawn(instance(3).run(move || SqlxIndicator::new("db", pool.clone())));
        let http = http.clone();
        running.spawn(instance(4).run(move || TcpIndicator::new("tcp", &http)));
    }
    running.join_all().await;
    counts.map(|count| *count.lock().unwrap())
}

struct Instance {
    effort: Effort,
    confirms: bool,
    is_new_each_run: bool,
    count: Arc<Mutex<Count>>,
}

impl Instance {
    async fn run<I: HealthIndicator>(self, make: impl Fn() -> I) {
        // A fleet does not run its checks together.
        sleep(self.effort.pause.mul_f64(unit())).await;
        let mut indicator = make();
        // The first run connects.
        while indicator.check().await.is_err() {}
        let mut passes = async || {
            if self.is_new_each_run {
                indicator = make();
            }
            matches!(timeout(TIMEOUT, indicator.check()).await, Ok(Ok(_)))
        };
        let mut failures = 0_u64;
        for _ in 0..self.effort.runs {
            let passed = passes().await;
            failures = if passed { 0 } else { failures + 1 };
            let is_confirmed = match failures == 1 && self.confirms {
                true => Some(!passes().await),
                false => None,
            };
            {
                let mut count = self.count.lock().unwrap();
                count.runs += 1;
                count.first += u64::from(failures == 1);
                count.second += u64::from(failures == 2 && !self.confirms);
                count.confirmed += u64::from(is_confirmed == Some(true));
                count.refuted += u64::from(is_confirmed == Some(false));
            }
            if is_confirmed == Some(false) {
                failures = 0;
            }
            sleep(self.effort.pause.mul_f64(0.9 + 0.2 * unit())).await;
        }
    }
}

/// Returns a random number from 0 to below 1.
fn unit() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(0) >> 11) as f64 / (1_u64 << 53) as f64
}

async fn serve() -> u16 {
    let listener = TcpListener::bind("10.77.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    let app = Router::new().route("/healthz", get(async || "ok"));
    tokio::spawn(async { axum::serve(listener, app).await });
    port
}

/// Makes a server of this host reachable over the link, at the address that is returned.
async fn relay(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("10.77.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(server).await?;
                client.set_nodelay(true)?;
                server.set_nodelay(true)?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    SocketAddr::from(([10, 77, 0, 2], port))
}
