//! The service: a process of this binary with a runtime, checks, a layer that is served, and
//! threads of its own that look at it and obey the test.

use std::convert::Infallible;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Handle};
use tower::{Layer, service_fn};
use tower_health::{Health, HealthLayer};

use super::checks::to_check;
use super::logs;
use super::observer::Observer;
use super::setup::{Command, Setup, TIMEOUT_MS, now_ms};
use crate::support::server::serve;

pub(super) const PATH: &str = module_path!();

/// Set for the service: its [`Setup`], and the addresses of the test and of the dependency.
pub(super) const SETUP: &str = "TOWER_HEALTH_TEST_SETUP";
pub(super) const CONTROL: &str = "TOWER_HEALTH_TEST_CONTROL";
pub(super) const DEPENDENCY: &str = "TOWER_HEALTH_TEST_DEPENDENCY";

#[test]
#[ignore = "the service that the tests beside it treat badly"]
fn child() {
    let Ok(setup) = std::env::var(SETUP) else {
        return;
    };
    let setup: Setup = serde_json::from_str(&setup).unwrap();
    let address = |name| std::env::var(name).unwrap().parse().unwrap();
    let control = TcpStream::connect::<SocketAddr>(address(CONTROL)).unwrap();
    logs::init(setup.log);
    let mut runtime = setup
        .workers
        .map_or_else(Builder::new_current_thread, |workers| {
            let mut runtime = Builder::new_multi_thread();
            runtime.worker_threads(workers);
            runtime
        });
    let runtime = runtime.enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let observer = Observer::new();
        let (health, runs) = start(&setup, address(DEPENDENCY), &observer);
        let served = serve(HealthLayer::new(health.clone()).layer(service_fn(application))).await;
        observer.start(health, runs, served);
        for _ in 0..setup.spinners {
            tokio::spawn(spin(Duration::from_millis(setup.spin_ms)));
        }
        thread::spawn(move || obey(control, &observer, &handle));
        std::future::pending::<()>().await;
    });
}

async fn application(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::default()))
}

/// Counts the runs of a check that ended.
pub(super) type Runs = Vec<(String, Arc<AtomicU64>)>;

fn start(setup: &Setup, dependency: SocketAddr, observer: &Observer) -> (Health, Runs) {
    let mut builder = Health::builder().timeout(Duration::from_millis(TIMEOUT_MS));
    let mut runs = Runs::new();
    for check in &setup.checks {
        let count = Arc::new(AtomicU64::new(0));
        builder = builder.readiness(to_check(check, dependency, &count));
        runs.push((check.name.clone(), count));
    }
    let (observer, blocks) = (observer.clone(), setup.listener_blocks);
    let builder = builder.on_transition(move |transition| {
        if blocks {
            loop {
                thread::park();
            }
        }
        observer.heard(transition);
    });
    (builder.start().unwrap(), runs)
}

pub(super) static SPINS: AtomicU64 = AtomicU64::new(0);
pub(super) static LONGEST_TURN_MS: AtomicU64 = AtomicU64::new(0);

/// Takes the processor for this long in each turn.
async fn spin(turn: Duration) {
    let mut last = now_ms();
    loop {
        let started = now_ms();
        LONGEST_TURN_MS.fetch_max(started - last, Relaxed);
        last = started;
        let end = Instant::now() + turn;
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        SPINS.fetch_add(1, Relaxed);
        tokio::task::yield_now().await;
    }
}

/// Of descriptors, so that few files reach it.
fn lower_the_limit() {
    let limit = Rlimit {
        current: Some(256),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Does what the test says, until that has ended.
fn obey(mut control: TcpStream, observer: &Observer, runtime: &Handle) {
    let mut taken = Vec::new();
    let lines = BufReader::new(control.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        match serde_json::from_str(&line).unwrap() {
            Command::Look => {}
            Command::Forget => observer.forget(),
            Command::Block { tasks, ms } => {
                for _ in 0..tasks {
                    runtime.spawn(async move { thread::sleep(Duration::from_millis(ms)) });
                }
            }
            Command::TakeDescriptors => {
                lower_the_limit();
                while let Ok(file) = File::open("/dev/null") {
                    taken.push(file);
                }
            }
            Command::FreeDescriptors => taken.clear(),
        }
        let mut line = serde_json::to_string(&observer.look()).unwrap();
        line.push('\n');
        if control.write_all(line.as_bytes()).is_err() {
            break;
        }
    }
    exit(0);
}
