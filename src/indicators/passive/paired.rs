//! A passive indicator that asks an active one while there is no traffic.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::PassiveIndicator;
use crate::indicators::shared::budget::TTL;
use crate::indicators::shared::config;
use crate::{CheckResult, ComponentType, Criticality, HealthIndicator, Observation, OnTimeout};

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
/// [`min_requests`](PassiveIndicator::min_requests), or warns because requests are stuck or were
/// given up. A pass or a warning counts for the TTL of that indicator, or for 5 s if it has none.
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
/// If the check is critical and fails by the requests, its instance leaves the traffic and the
/// window empties; then the active check decides whether it returns. If the active check passes
/// although requests fail, the instance returns, and leaves again with the next
/// [`min_requests`](PassiveIndicator::min_requests): about once in a window.
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
}

impl<A: HealthIndicator> PairedIndicator<A> {
    pub(super) fn new(passive: PassiveIndicator, active: A) -> Self {
        Self {
            passive,
            active,
            last: Mutex::new(None),
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
        let requests = seen.totals.requests();
        let passive = seen.verdict();
        if passive.is_err() || !(is_idle || is_in_doubt) {
            return passive;
        }
        match self.ask().await {
            // It says that the dependency is not to blame, and not that nothing is.
            Ok(_) if is_in_doubt => passive,
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
