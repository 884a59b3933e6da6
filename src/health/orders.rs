//! Checks that come and go at run time: names are taken and freed here, the refresher does the rest.

use std::sync::{MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::Health;
use crate::check::Check;
use crate::error::{BuildError, Named, Problem};
use crate::probe::Probe;
use crate::refresh::{Command, Slot, SlotKey};
use crate::registry::Registry;

const REFRESHER_ENDED: &str = "the tokio runtime of the refresher has ended";

impl Health {
    pub(super) async fn add(&self, probe: Probe, check: Check) -> Result<(), BuildError> {
        let mut problems = Vec::new();
        let resolved = check.resolve(probe, &self.inner.config, &mut problems);
        BuildError::check(problems)?;
        let Some((spec, indicator)) = resolved else {
            return Ok(());
        };
        self.require_refresher()?;
        published(self.order_add(Slot::new(probe, spec, indicator))?).await
    }

    pub(super) async fn remove(&self, probe: Probe, name: &str) -> Result<(), BuildError> {
        self.require_refresher()?;
        published(self.order_remove(probe, name)?).await
    }

    /// Takes the name and sends the check in one step: an order to remove it that finds the name
    /// taken must not overtake it.
    fn order_add(&self, slot: Slot) -> Result<Order, Problem> {
        // Dropped before a slot that is refused, whose drop runs a user's code.
        let mut registry = self.registry();
        let key = self.reserve(&mut registry, slot.probe, slot.state.name())?;
        Ok(self.send(|ack| Command::Add(key, slot, ack)))
    }

    fn order_remove(&self, probe: Probe, name: &str) -> Result<Order, Problem> {
        let mut registry = self.registry();
        let key = registry.release(probe, name).ok_or_else(|| {
            let of = match probe {
                Probe::Startup => "startup check",
                _ => "readiness check",
            };
            let name = name.to_owned();
            Problem::Unknown { of, name }
        })?;
        Ok(self.send(|ack| Command::Remove(key, ack)))
    }

    fn reserve(
        &self,
        registry: &mut Registry,
        probe: Probe,
        name: &str,
    ) -> Result<SlotKey, Problem> {
        let (of, startup) = (Named::Check(probe), &self.lifecycle().startup);
        let is_gate = probe == Probe::Startup && startup.has_gate(name);
        let key = (!is_gate).then(|| registry.reserve(probe, name)).flatten();
        let name = name.to_owned();
        let Some(key) = key else {
            return Err(Problem::DuplicateName { of, name });
        };
        if probe == Probe::Startup && !startup.expect_one_more() {
            registry.release(probe, &name);
            let fault = "startup is complete, and that is never taken back";
            return Err(Problem::TooLate { of, name, fault });
        }
        Ok(key)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        let registry = self.inner.registry.lock();
        registry.unwrap_or_else(PoisonError::into_inner)
    }

    /// An order that nobody will carry out must not take or free a name.
    fn require_refresher(&self) -> Result<(), Problem> {
        if self.inner.commands.is_closed() {
            return Err(Problem::Runtime(REFRESHER_ENDED));
        }
        Ok(())
    }

    fn send(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) -> Order {
        let (ack, published) = oneshot::channel();
        let sent = self.inner.commands.send(command(ack));
        Order {
            published,
            refused: sent.err(),
        }
    }
}

/// What was asked of the refresher.
struct Order {
    published: oneshot::Receiver<()>,
    /// `Some` when the refresher is gone; kept, since a check in it is dropped under no lock.
    refused: Option<mpsc::error::SendError<Command>>,
}

/// Waits until what was ordered is published.
async fn published(order: Order) -> Result<(), BuildError> {
    // If the refresher is gone, so is the sender in the command.
    drop(order.refused);
    let published = order.published.await;
    published.map_err(|_| Problem::Runtime(REFRESHER_ENDED).into())
}
