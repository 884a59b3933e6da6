//! The state of a connection pool, independent of the crate that it is from.

use crate::{CheckResult, Failure, Observation};

/// Decides whether an exhausted pool warns or fails while the database itself answers.
///
/// A pool is exhausted while the application holds all of its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExhaustedPool {
    /// The check warns and the instance keeps its traffic, because otherwise fewer instances would
    /// receive the same load. This is the default.
    #[default]
    Warns,
    /// The check fails, so that other instances receive the traffic until a connection is free.
    Fails,
}

/// The number of connections of a pool at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolState {
    pub(crate) open: usize,
    pub(crate) idle: usize,
    pub(crate) most: usize,
}

impl PoolState {
    /// Adds the readings of the pool.
    pub(crate) fn readings(self, observation: Observation) -> Observation {
        observation
            .measurement("connections", self.open, "open")
            .measurement("idleConnections", self.idle, "idle")
            .measurement("utilization", self.utilization(), "percent")
    }

    /// The result of a run whose pool was exhausted, but whose own connection worked.
    pub(crate) fn exhausted(self, waited: f64, exhausted_pool: ExhaustedPool) -> CheckResult {
        let text = format!(
            "{} within {waited:.1} s; the database answers a new connection",
            self.refusal()
        );
        match exhausted_pool {
            ExhaustedPool::Warns => Ok(self.readings(Observation::warn(text))),
            ExhaustedPool::Fails => Err(Failure::new(text)
                .measurement("connections", self.open, "open")
                .measurement("idleConnections", self.idle, "idle")
                .measurement("utilization", self.utilization(), "percent")),
        }
    }

    /// The step in which a pool that is not exhausted gives no connection for the second time.
    /// `hooks` are the application's own, which may be the cause.
    pub(crate) fn retry_step(self, waited: f64, address: &str, hooks: &str) -> String {
        format!(
            "{} within {waited:.1} s, although {address} answers a new connection; its idle \
             connections may be dead, or its hooks ({hooks}) may fail: second attempt",
            self.refusal()
        )
    }

    /// The result of a run that got a connection at the second attempt; `now` is the pool after it.
    pub(crate) fn slow(self, waited: f64, now: Self) -> Observation {
        let text = format!(
            "{} within {waited:.1} s, but did at the second attempt",
            self.refusal()
        );
        now.readings(Observation::warn(text))
    }

    /// Whether the application holds all connections that the pool allows.
    pub(crate) fn is_exhausted(self) -> bool {
        self.idle == 0 && self.open >= self.most
    }

    /// Why the pool gave no connection, as far as its numbers show.
    pub(crate) fn refusal(self) -> String {
        let Self { open, idle, most } = self;
        if self.is_exhausted() {
            format!(
                "the pool is exhausted: {open} of {most} connections are in use, none became free"
            )
        } else {
            format!("the pool gave no connection ({open} of {most} are open, {idle} idle)")
        }
    }

    fn utilization(self) -> f64 {
        let in_use = self.open.saturating_sub(self.idle);
        let percent = in_use as f64 / self.most.max(1) as f64 * 100.0;
        (percent * 10.0).round() / 10.0
    }
}
