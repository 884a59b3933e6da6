//! A service whose checks never change once they have run, and a runtime whose time is paused.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tower_health::{
    Check, CheckResult, Criticality, Failure, Health, HealthBuilder, HealthLayer, Observation,
    Probe, Status, indicator_fn,
};

/// Longer than any run of the fuzzer takes.
const LONG: Duration = Duration::from_secs(300 * 24 * 60 * 60);

/// Makes a runtime on which a wait is over at once.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// Returns a builder of a health whose checks run once.
pub(crate) fn builder() -> HealthBuilder {
    Health::builder().ttl(LONG).jitter(0.0)
}

pub(crate) fn check(name: &str, criticality: Criticality, result: CheckResult) -> Check {
    let indicator = indicator_fn(name, move || {
        let result = result.clone();
        async move { result }
    });
    Check::new(indicator).criticality(criticality)
}

/// Polls a future until it is done; panics if it waits for what never comes.
pub(crate) fn finish<F: Future>(runtime: &Runtime, what: &str, future: F) -> F::Output {
    let limited = async { tokio::time::timeout(Duration::from_secs(60), future).await };
    match runtime.block_on(limited) {
        Ok(output) => output,
        Err(_) => panic!("{what} waits for ever"),
    }
}

/// One entry of the report on readiness.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) status: Status,
    pub(crate) criticality: Criticality,
    pub(crate) output: &'static str,
}

/// The readiness checks of [`App`], in the order of the report.
pub(crate) const ENTRIES: [Entry; 4] = [
    Entry {
        name: "db",
        status: Status::Fail,
        criticality: Criticality::Critical,
        output: "connection refused",
    },
    Entry {
        name: "db:lag",
        status: Status::Warn,
        criticality: Criticality::NonCritical,
        output: "40 s behind",
    },
    Entry {
        name: "cache",
        status: Status::Pass,
        criticality: Criticality::Critical,
        output: "",
    },
    Entry {
        name: "a~b",
        status: Status::Warn,
        criticality: Criticality::Critical,
        output: "slow",
    },
];

/// A service that fails readiness, and passes liveness and startup.
pub(crate) struct App {
    pub(crate) runtime: Runtime,
    pub(crate) health: Health,
}

impl App {
    /// Returns the status of each probe of the app.
    pub(crate) fn status(probe: Probe) -> Status {
        match probe {
            Probe::Readiness => Status::Fail,
            _ => Status::Pass,
        }
    }

    /// Returns a layer of the app with the default paths.
    pub(crate) fn layer(&self, details: tower_health::Details) -> HealthLayer {
        let layer = HealthLayer::builder(self.health.clone()).details(details);
        layer.build().expect("a layer")
    }
}

/// Shared by all inputs of a process: starting one takes longer than most inputs.
pub(crate) static APP: LazyLock<App> = LazyLock::new(|| {
    let runtime = runtime();
    let health = runtime.block_on(async {
        let mut builder = builder();
        for entry in &ENTRIES {
            let result = match entry.status {
                Status::Pass => Ok(Observation::pass()),
                Status::Warn => Ok(Observation::warn(entry.output)),
                Status::Fail => Err(Failure::new(entry.output)),
            };
            builder = builder.readiness(check(entry.name, entry.criticality, result));
        }
        let health = builder
            .grpc_service("shop.Orders", ["db", "cache"])
            .grpc_service("shop.Stock", ["cache"])
            .start()
            .expect("a health");
        settle(&health).await;
        health
    });
    App { runtime, health }
});

/// Waits until every readiness check has run.
pub(crate) async fn settle(health: &Health) {
    for _ in 0..1000 {
        let snapshot = health.snapshot();
        if snapshot
            .checks(Probe::Readiness)
            .all(|check| check.time().is_some())
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("a check has not run after 5 s");
}
