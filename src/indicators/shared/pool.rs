//! What an indicator sees of a pool of connections, whichever crate the pool is of.

use crate::{CheckResult, Failure, Observation};

/// What it means that the application holds every connection of its pool while the database itself
/// answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExhaustedPool {
    /// It warns, and the instance keeps its traffic: without it, the same load would meet fewer
    /// instances.
    #[default]
    Warns,
    /// It fails: others take the traffic until a connection comes free.
    Fails,
}

/// How many connections a pool has at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolState {
    pub(crate) open: usize,
    pub(crate) idle: usize,
    pub(crate) most: usize,
}

impl PoolState {
    /// The readings of a run that had an answer.
    pub(crate) fn readings(self, observation: Observation) -> Observation {
        observation
            .measurement("connections", self.open, "open")
            .measurement("idleConnections", self.idle, "idle")
            .measurement("utilization", self.utilization(), "percent")
    }

    /// What a run found that got no connection of the pool, but one of its own.
    pub(crate) fn exhausted(self, waited: f64, means: ExhaustedPool) -> CheckResult {
        let text = format!(
            "{} within {waited:.1} s; the database answers a new connection",
            self.refusal()
        );
        match means {
            ExhaustedPool::Warns => Ok(self.readings(Observation::warn(text))),
            ExhaustedPool::Fails => Err(Failure::new(text)
                .measurement("connections", self.open, "open")
                .measurement("idleConnections", self.idle, "idle")
                .measurement("utilization", self.utilization(), "percent")),
        }
    }

    /// What has no answer when a pool with a place gives no connection for the second time; `hooks`
    /// are those of the application that may keep it from it.
    pub(crate) fn second_try(self, waited: f64, place: &str, hooks: &str) -> String {
        format!(
            "{} within {waited:.1} s, though {place} answers a new connection; its idle \
             connections may be dead, or what it runs on them ({hooks}) may fail: a second try",
            self.refusal()
        )
    }

    /// What a run found that got a connection at the second try, after which the pool is as `now`.
    pub(crate) fn gave_late(self, waited: f64, now: Self) -> Observation {
        let text = format!(
            "{} within {waited:.1} s, but did at the second try",
            self.refusal()
        );
        now.readings(Observation::warn(text))
    }

    /// Whether the application holds all that there may be.
    pub(crate) fn is_exhausted(self) -> bool {
        self.idle == 0 && self.open >= self.most
    }

    /// Why the pool gave no connection, as far as it can be seen.
    pub(crate) fn refusal(self) -> String {
        let Self { open, idle, most } = self;
        if self.is_exhausted() {
            format!(
                "the pool is exhausted: {open} of {most} connections are in use, none came free"
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
