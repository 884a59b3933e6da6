//! How long it takes until readiness tells of a fault, and of its end.

mod fake;
pub(crate) mod postgres;
mod process;
mod redis;
mod watch;

use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use tower_health::Check;

use crate::effort::Effort;
use crate::table::{Row, Section};
use crate::timing::Spread;

pub use watch::Detected;

/// What a server is made to do. It is done when the future is.
type Act = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

/// A way to break a server, and to mend it.
struct Fault {
    name: &'static str,
    inflict: Act,
    mend: Act,
}

impl Fault {
    fn new<I, M>(
        name: &'static str,
        inflict: impl Fn() -> I + 'static,
        mend: impl Fn() -> M + 'static,
    ) -> Self
    where
        I: Future<Output = ()> + 'static,
        M: Future<Output = ()> + 'static,
    {
        Self {
            name,
            inflict: Box::new(move || inflict().boxed_local()),
            mend: Box::new(move || mend().boxed_local()),
        }
    }
}

/// A server with the check that watches it. Its faults keep it running.
struct Dependency {
    name: &'static str,
    check: Check,
    faults: Vec<Fault>,
}

const TTL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(1);

/// In milliseconds: `ttl × 1.1 + timeout + 100 ms`.
pub const LIMIT: f64 = 1000.0 * 1.1 + 1000.0 + 100.0;

/// Every fault of every server that can be had here.
pub fn detection(effort: &Effort) -> (Section, Vec<Detected>) {
    block_on(async {
        let mut section = Section::new("Detection at TTL 1 s and timeout 1 s");
        let mut all = Vec::new();
        for (name, dependency) in [
            ("fake server", fake::start().await),
            ("Redis", redis::start().await),
            ("Postgres", postgres::start().await),
        ] {
            match dependency {
                Some(dependency) => all.extend(watch::faults(dependency, effort.detections).await),
                None => section.rows.push(Row::note(name, "not installed")),
            }
        }
        section.rows.extend(all.iter().flat_map(rows));
        (section, all)
    })
}

/// Those of a server that can always be had.
pub fn fake_detection(effort: &Effort) -> Section {
    block_on(async {
        let mut section = Section::new("Detection at TTL 1 s and timeout 1 s, of a fake server");
        match fake::start().await {
            Some(dependency) => {
                let all = watch::faults(dependency, effort.detections).await;
                section.rows.extend(all.iter().flat_map(rows));
            }
            None => section.rows.push(Row::note("fake server", "has no port")),
        }
        section
    })
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

fn rows(detected: &Detected) -> [Row; 2] {
    [
        row(&detected.fault, "503", &detected.to_503),
        row(&detected.fault, "200 once mended", &detected.to_200),
    ]
}

fn row(fault: &str, to: &str, millis: &[f64]) -> Row {
    let most = millis.iter().copied().fold(0.0, f64::max);
    let median = Spread::of(millis.to_vec()).median;
    Row::worst(format!("{fault}: to {to}"), "ms", median, most, LIMIT)
}
