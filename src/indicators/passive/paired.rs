//! A passive indicator that asks an active one while there is no traffic.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::PassiveIndicator;
use super::returns::Returns;
use super::verdict::Seen;
use crate::indicators::shared::budget::TTL;
use crate::indicators::shared::config;
use crate::indicators::shared::note::excused;
use crate::{
    CheckResult, ComponentType, Criticality, Failure, HealthIndicator, Observation, OnTimeout,
};

/// Judges a dependency by the requests of the application, and asks it where there are too few; made
/// by [`PassiveIndicator::when_idle`].
///
/// ```no_run
/// # #[cfg(feature = "http-client")] {
/// use tower_health::indicators::{HttpIndicator, PassiveIndicator};
/// use tower_health::{Check, Criticality, Health};
///
/// let payments = PassiveIndicator::new("payments");
/// let layer = payments.layer(); // goes around the client of the application
/// let paired = payments.when_idle(HttpIndicator::new("payments", "http://payments/healthz"));
/// let check = Check::new(paired).criticality(Criticality::Critical);
/// let health = Health::builder().readiness(check).start();
/// # }
/// ```
///
/// # What it sends
///
/// What the active indicator sends, but only while the window has less than
/// [`min_requests`](PassiveIndicator::min_requests), warns because requests are stuck or were given
/// up, or fails although none has failed for a tenth of it, at least 1 s. A pass or a warning counts for the TTL of that indicator, or for 5 s if it has none.
/// After a failure each run asks again, since a threshold must not count one failure twice: once in
/// a TTL of the check, or once in a TTL and a timeout if nothing answers.
///
/// 500 instances that all have traffic send nothing. 500 idle ones send 100 requests a second at a TTL
/// of 5 s; while the dependency refuses them 500, and while it hangs 170 at a timeout of 2 s. Give the
/// check a longer [`ttl`](crate::Check::ttl) where that is too much: it is the least time between two
/// requests after a failure.
///
/// # Verdicts
///
/// With enough requests those of [`PassiveIndicator`]; with fewer those of the active indicator, and
/// the reading `requests`. While requests are stuck or were given up it fails if the active indicator
/// does, and warns otherwise.
///
/// If the check is critical and fails by the requests, its instance leaves the traffic. Once no
/// request has failed for a tenth of the window, at least 1 s, the active check decides whether it
/// returns: if it passes, the check warns, and only [`min_requests`](PassiveIndicator::min_requests)
/// from then on fail it again. If they do, the active check sees less than they: it is asked after
/// twice the time, and so on up to a window. That starts again once requests work.
///
/// # What it cannot see
///
/// While there is traffic, nothing that only the active check would see. While there is none,
/// nothing that only requests would see.
///
/// # Defaults
///
/// Name and criticality are those of the passive indicator: a failure is a warning unless
/// [`Check::criticality`](crate::Check::criticality) makes it critical. Timeout, component type and
/// component id are those of the active one, and its name does not matter. The TTL is that of the
/// [`HealthConfig`](crate::HealthConfig), 1 s, since a run with enough requests costs the dependency
/// nothing.
#[must_use = "an indicator does nothing until it is registered"]
pub struct PairedIndicator<A> {
    passive: PassiveIndicator,
    active: A,
    /// The last result of the active indicator, and when it came. `None` if that was a failure: a
    /// threshold counts failures, and an excuse repeats one, so each has to be asked for.
    last: Mutex<Option<(Instant, Observation)>>,
    returns: Mutex<Returns>,
}

impl<A: HealthIndicator> PairedIndicator<A> {
    pub(super) fn new(passive: PassiveIndicator, active: A) -> Self {
        Self {
            passive,
            active,
            last: Mutex::new(None),
            returns: Mutex::default(),
        }
    }

    async fn ask(&self) -> CheckResult {
        let ttl = self.active.ttl().unwrap_or(TTL);
        if let Some(observation) = self.last_within(ttl) {
            return Ok(observation);
        }
        let result = self.active.check().await;
        let last = result.as_ref().ok();
        *self.last() = last.map(|observation| (Instant::now(), observation.clone()));
        result
    }

    fn last_within(&self, ttl: Duration) -> Option<Observation> {
        let last = self.last();
        let (at, observation) = last.as_ref()?;
        (at.elapsed() < ttl).then(|| observation.clone())
    }

    /// Believes that requests failed for as long as they do. Those of an instance that is out of
    /// traffic end, and then only the active check can tell that the dependency is well again.
    async fn failing(&self, seen: &Seen<'_>, failure: Failure) -> CheckResult {
        let mut returns = *self.returns();
        if let Some(since) = returns.last_at.map(|at| self.passive.seen_since(at)) {
            if !since.is_idle() {
                if since.verdict().is_ok() {
                    let note = "since the active check passed, fewer fail";
                    return Ok(excused(&failure, note));
                }
                returns.fail();
                *self.returns() = returns;
            }
        }
        let silence = seen.totals.silence;
        let is_quiet = silence >= returns.silence(seen.quiet_after);
        if !is_quiet && returns.last_at.is_none() {
            return Err(failure);
        }
        match self.ask().await {
            Ok(_) => {
                self.returns().overrule();
                let silence = silence.as_secs_f64();
                let note = match is_quiet {
                    true => {
                        format!("none has failed for {silence:.1} s, and the active check passes")
                    }
                    false => "the active check has passed, and few were sent since".to_owned(),
                };
                Ok(excused(&failure, &note))
            }
            Err(failure) => {
                let requests = seen.totals.requests();
                Err(failure.measurement("requests", requests, "requests"))
            }
        }
    }

    fn returns(&self) -> MutexGuard<'_, Returns> {
        self.returns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> MutexGuard<'_, Option<(Instant, Observation)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: HealthIndicator> HealthIndicator for PairedIndicator<A> {
    fn name(&self) -> &str {
        self.passive.name()
    }

    async fn check(&self) -> CheckResult {
        config::validated(self)?;
        let seen = self.passive.seen();
        let (is_idle, is_in_doubt) = (seen.is_idle(), seen.is_in_doubt());
        let passive = match seen.verdict() {
            Ok(passive) => passive,
            Err(failure) => return self.failing(&seen, failure).await,
        };
        if !is_idle {
            *self.returns() = Returns::default();
        }
        if !(is_idle || is_in_doubt) {
            return Ok(passive);
        }
        let requests = seen.totals.requests();
        match self.ask().await {
            // It says that the dependency is not to blame, and not that nothing is.
            Ok(_) if is_in_doubt => Ok(passive),
            Ok(observation) => Ok(observation.measurement("requests", requests, "requests")),
            Err(failure) => Err(failure.measurement("requests", requests, "requests")),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        self.active.timeout()
    }

    fn criticality(&self) -> Criticality {
        self.passive.criticality()
    }

    fn on_timeout(&self) -> OnTimeout {
        self.active.on_timeout()
    }

    fn config_error(&self) -> Option<String> {
        config::join([self.passive.config_error(), self.active.config_error()])
    }

    fn component_type(&self) -> Option<ComponentType> {
        self.active.component_type()
    }

    fn component_id(&self) -> Option<String> {
        self.active.component_id()
    }
}

impl<A> fmt::Debug for PairedIndicator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairedIndicator")
            .field("passive", &self.passive)
            .finish_non_exhaustive()
    }
}
