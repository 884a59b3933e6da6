//! The handle that does not keep a health alive.

use std::sync::{Arc, Weak};

use tokio::sync::watch;

use super::{Health, Inner};

/// Handle to a [`Health`] that does not keep its refresher running.
///
/// The refresher ends when the last [`Health`] is dropped. It owns the indicators, the
/// [listeners](crate::HealthBuilder::on_transition), the
/// [format](crate::HealthBuilder::format) and the
/// [redaction hook](crate::HealthBuilder::redact): if one of these captured a [`Health`], each would
/// keep the other alive, and the checks would run for as long as their runtime. Let it capture a
/// `WeakHealth`, made by [`Health::downgrade`].
///
/// ```
/// use tower_health::{Check, Health, Observation, Probe, indicator_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().start()?;
/// let weak = health.downgrade();
/// let startup = indicator_fn("startup-is-done", move || {
///     let status = weak.upgrade().map(|health| health.status(Probe::Startup));
///     async move {
///         let status = status.ok_or("the health has ended")?;
///         Ok::<_, &str>(Observation::pass().value(status.as_str(), ""))
///     }
/// });
/// health.add_readiness(Check::new(startup)).await?;
///
/// let weak = health.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(health);
/// # tokio::time::sleep(std::time::Duration::from_millis(50)).await;
/// assert!(weak.upgrade().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WeakHealth {
    inner: Weak<Inner>,
    lifetime: watch::Receiver<()>,
}

impl WeakHealth {
    /// Returns a [`Health`], which keeps the refresher running until it is dropped; `None` if the
    /// last other [`Health`] is gone already.
    ///
    /// Drop it soon: while it exists, it is a handle like every other.
    pub fn upgrade(&self) -> Option<Health> {
        let inner = self.inner.upgrade()?;
        Some(Health { inner })
    }

    /// Waits until the last [`Health`] is dropped, so that what accompanies it can end too.
    ///
    /// The wait ends even if the runtime of the refresher is blocked or has ended.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: it changes nothing.
    pub async fn ended(&self) {
        let mut lifetime = self.lifetime.clone();
        // Nothing is ever sent: an error means that the sender is gone.
        while lifetime.changed().await.is_ok() {}
    }
}

impl Health {
    /// Returns a handle that does not keep the refresher running.
    ///
    /// An indicator, a listener or another function that is handed to the health has to capture
    /// this one; see [`WeakHealth`].
    pub fn downgrade(&self) -> WeakHealth {
        WeakHealth {
            inner: Arc::downgrade(&self.inner),
            lifetime: self.inner.lifetime.subscribe(),
        }
    }
}
