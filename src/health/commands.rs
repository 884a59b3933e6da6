//! Commands to the refresher: add, remove and run checks while the service runs.

use std::sync::{MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::names::NameTable;
use super::{Check, Health};
use crate::model::{BuildError, Named, Probe, Problem};
use crate::refresh::{Command, Slot, SlotKey};

impl Health {
    pub(super) async fn add(&self, probe: Probe, check: Check) -> Result<(), BuildError> {
        let mut problems = Vec::new();
        let resolved = check.resolve(
            probe,
            &self.inner.config,
            &self.lifecycle().redactor,
            &mut problems,
        );
        BuildError::check(problems)?;
        let Some((spec, indicator)) = resolved else {
            return Ok(());
        };
        self.require_refresher()?;
        let pending = self.send_add(Slot::new(probe, spec, indicator))?;
        pending.wait().await.map_err(|_| no_refresher())?;
        Ok(())
    }

    pub(super) async fn remove(&self, probe: Probe, name: &str) -> Result<(), BuildError> {
        self.require_refresher()?;
        let pending = self.send_remove(probe, name)?;
        pending.wait().await.map_err(|_| no_refresher())?;
        Ok(())
    }

    pub(super) async fn run(&self, name: &str) -> Result<(), BuildError> {
        self.require_refresher()?;
        let key = self.names().get(Probe::Readiness, name);
        let key = key.ok_or_else(|| unknown(Probe::Readiness, name))?;
        let pending = self.send(|ack| Command::RunNow(key, ack));
        pending.wait().await.map_err(|_| {
            if self.inner.commands.is_closed() {
                no_refresher()
            } else {
                unknown(Probe::Readiness, name)
            }
        })?;
        Ok(())
    }

    /// Reserves the name and sends the command under one lock, so that a command to remove the
    /// check cannot overtake this one.
    fn send_add(&self, slot: Slot) -> Result<Pending, Problem> {
        // Declared after `slot` and so dropped before it: dropping a slot runs user code, which
        // must not happen under the lock.
        let mut names = self.names();
        let key = self.reserve(&mut names, slot.probe, slot.state.name())?;
        Ok(self.send(|ack| Command::Add(key, Box::new(slot), ack)))
    }

    fn send_remove(&self, probe: Probe, name: &str) -> Result<Pending, Problem> {
        let mut names = self.names();
        let key = names
            .release(probe, name)
            .ok_or_else(|| unknown(probe, name))?;
        Ok(self.send(|ack| Command::Remove(key, ack)))
    }

    fn reserve(&self, names: &mut NameTable, probe: Probe, name: &str) -> Result<SlotKey, Problem> {
        let (of, startup) = (Named::Check(probe), &self.lifecycle().startup);
        let is_gate = probe == Probe::Startup && startup.gate(name).is_some();
        let key = (!is_gate).then(|| names.reserve(probe, name)).flatten();
        let name = name.to_owned();
        let Some(key) = key else {
            return Err(Problem::DuplicateName { of, name });
        };
        if probe == Probe::Startup && !startup.expect_one_more() {
            names.release(probe, &name);
            let fault = "startup is already complete";
            return Err(Problem::TooLate { of, name, fault });
        }
        Ok(key)
    }

    fn names(&self) -> MutexGuard<'_, NameTable> {
        let names = self.inner.names.lock();
        names.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an error if the refresher has ended: its commands must neither take nor free names.
    fn require_refresher(&self) -> Result<(), Problem> {
        if self.inner.commands.is_closed() {
            return Err(no_refresher());
        }
        Ok(())
    }

    fn send(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) -> Pending {
        let (sender, ack) = oneshot::channel();
        let sent = self.inner.commands.send(command(sender));
        Pending {
            ack,
            refused: sent.err(),
        }
    }
}

fn no_refresher() -> Problem {
    Problem::Runtime(
        "the refresher is not running: its tokio runtime has ended, or the health is fixed",
    )
}

fn unknown(probe: Probe, name: &str) -> Problem {
    let of = match probe {
        Probe::Startup => "startup check",
        _ => "readiness check",
    };
    let name = name.to_owned();
    Problem::Unknown { of, name }
}

/// A command that was sent to the refresher and is not acknowledged yet.
struct Pending {
    ack: oneshot::Receiver<()>,
    /// `Some` if the refresher has ended. The check inside is dropped outside every lock.
    refused: Option<mpsc::error::SendError<Command>>,
}

impl Pending {
    /// Waits until the effect of the command is published.
    async fn wait(self) -> Result<(), oneshot::error::RecvError> {
        // A refused command holds the sender; dropping it ends the wait.
        drop(self.refused);
        self.ack.await
    }
}
