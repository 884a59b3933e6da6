//! One run: which connection is used, and which one is believed.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::select;
use tokio::time::timeout;

use super::attempt::{Fault, seconds};
use super::boxed::Sender;
use super::message::CurrentStep;
use super::own::{Kept, Line, OwnClient};
use super::target::Target;
use super::{Client, HttpIndicator};
use crate::indicators::shared::budget::{Budget, milliseconds};
use crate::indicators::shared::config;
use crate::indicators::shared::note::warned;
use crate::{CheckResult, Observation};

impl HttpIndicator {
    pub(super) async fn run(&self) -> CheckResult {
        config::validated(self)?;
        let endpoint = config::parsed(&self.endpoint)?;
        let target = &endpoint.target;
        let begun_at = Instant::now();
        let budget = Budget::start(self.timeout);
        let seen = match &endpoint.client {
            Client::Own(client) => self.run_own(&budget, target, client).await,
            Client::Foreign(client) => self.repeated(&budget, target, &**client).await,
        };
        let seen = seen.map_err(|fault| fault.failure)?;
        let time = milliseconds(begun_at.elapsed());
        Ok(seen.measurement("responseTime", time, "ms"))
    }

    async fn run_own(
        &self,
        budget: &Budget,
        target: &Target,
        client: &OwnClient,
    ) -> Result<Observation, Fault> {
        let (seen, keep) = match client.kept() {
            Kept::None => self.fresh_twice(budget, target, client).await,
            Kept::Young(line) => self.kept_first(budget, target, client, line).await,
            Kept::Old(line) => self.fresh_first(budget, target, client, line).await,
        };
        client.keep(seen.is_ok().then_some(&keep));
        seen
    }

    /// Sends the request once more if the connection was closed instead of an answer.
    async fn repeated(
        &self,
        budget: &Budget,
        target: &Target,
        sender: &dyn Sender,
    ) -> Result<Observation, Fault> {
        match self.attempt(budget, target, sender).await {
            Err(fault) if fault.is_closed => self.attempt(budget, target, sender).await,
            result => result,
        }
    }

    /// Tries a second new connection if the first fails as one sick backend of several does. A server
    /// that refuses, or lets wait for more than half of the time, is asked once.
    async fn fresh_twice(
        &self,
        budget: &Budget,
        target: &Target,
        client: &OwnClient,
    ) -> (Result<Observation, Fault>, Arc<Line>) {
        let first = client.fresh();
        let fault = match self.attempt(budget, target, &*first).await {
            Err(fault) if fault.is_closed => fault,
            Err(fault) if fault.is_of_backend && budget.spent() <= budget.left() => fault,
            result => return (result, first),
        };
        drop(first);
        let second = client.fresh();
        let seen = match self.attempt(budget, target, &*second).await {
            Ok(seen) if !fault.is_closed => {
                let text = fault.failure.output();
                let note = format!("{text} on a new connection; a second one passes");
                Ok(warned(&seen, &note))
            }
            result => result,
        };
        (seen, second)
    }

    /// Believes no failure of a kept connection: the server may have forgotten it, or a balancer
    /// may have pinned it to the one backend that is sick.
    async fn kept_first(
        &self,
        budget: &Budget,
        target: &Target,
        client: &OwnClient,
        line: Arc<Line>,
    ) -> (Result<Observation, Fault>, Arc<Line>) {
        let (age, dials) = (line.age(), line.dials());
        let fresh = client.fresh();
        let is_kept = || !line.has_dialed_since(&dials);
        match self.race(budget, target, &line, &fresh, is_kept).await {
            Raced::First(seen, None) => (Ok(seen), line),
            Raced::First(seen, Some(fault)) => {
                let text = fault.failure.output();
                let age = seconds(age);
                let note = format!("{text} on a new connection; the one kept for {age} passes");
                (Ok(warned(&seen, &note)), line)
            }
            // A server closes connections that were idle for too long. That is no sign of a fault.
            Raced::Second(seen, Some(fault)) if fault.is_closed => (Ok(seen), fresh),
            Raced::Second(seen, fault) => {
                let text = self.doubt(target, &line, budget, fault);
                let age = seconds(age);
                let note = format!("{text} on a connection kept for {age}; a new one passes");
                (Ok(warned(&seen, &note)), fresh)
            }
            Raced::Neither(first, second) => (Err(second.unwrap_or(first)), fresh),
        }
    }

    /// Replaces an old connection, and stays with it for once if the new one fails.
    async fn fresh_first(
        &self,
        budget: &Budget,
        target: &Target,
        client: &OwnClient,
        line: Arc<Line>,
    ) -> (Result<Observation, Fault>, Arc<Line>) {
        let age = line.age();
        let fresh = client.fresh();
        match self.race(budget, target, &fresh, &line, || true).await {
            Raced::First(seen, _) => (Ok(seen), fresh),
            Raced::Second(seen, fault) => {
                let text = self.doubt(target, &fresh, budget, fault);
                let age = seconds(age);
                let note = format!("{text} on a new connection; the one kept for {age} passes");
                (Ok(warned(&seen, &note)), line)
            }
            Raced::Neither(fault, _) => (Err(fault), fresh),
        }
    }

    /// What is wrong with a line that another one outdid.
    fn doubt(&self, target: &Target, line: &Line, budget: &Budget, fault: Option<Fault>) -> String {
        let Some(fault) = fault else {
            let step = CurrentStep {
                method: &self.method,
                target,
                sender: line,
            };
            return format!("{step}: no answer within {}", seconds(budget.spent()));
        };
        fault.failure.output().to_owned()
    }

    /// Sends the request over the first line, and also over the second once the first has failed or
    /// is silent for half of the time, unless the first is not in doubt: then it alone is believed.
    async fn race(
        &self,
        budget: &Budget,
        target: &Target,
        first_line: &Line,
        second_line: &Line,
        is_in_doubt: impl Fn() -> bool,
    ) -> Raced {
        let mut first = pin!(self.attempt(budget, target, first_line));
        let mut first_fault = match timeout(budget.left() / 2, first.as_mut()).await {
            Ok(Ok(seen)) => return Raced::First(seen, None),
            Ok(Err(fault)) => Some(fault),
            Err(_) => None,
        };
        if !is_in_doubt() {
            let result = match first_fault {
                Some(fault) if fault.is_closed => self.attempt(budget, target, first_line).await,
                Some(fault) => Err(fault),
                None => first.await,
            };
            return match result {
                Ok(seen) => Raced::First(seen, None),
                Err(fault) => Raced::Neither(fault, None),
            };
        }
        let mut second = pin!(self.attempt(budget, target, second_line));
        let mut second_fault = None;
        loop {
            select! {
                biased;
                result = first.as_mut(), if first_fault.is_none() => match result {
                    Ok(seen) => return Raced::First(seen, second_fault),
                    Err(fault) => first_fault = Some(fault),
                },
                result = second.as_mut(), if second_fault.is_none() => match result {
                    Ok(seen) => return Raced::Second(seen, first_fault),
                    Err(fault) => second_fault = Some(fault),
                },
            }
            match (first_fault, second_fault) {
                (Some(first), Some(second)) => return Raced::Neither(first, Some(second)),
                faults => (first_fault, second_fault) = faults,
            }
        }
    }
}

/// Which line passed, and the fault of the other one if it has failed by then.
enum Raced {
    First(Observation, Option<Fault>),
    Second(Observation, Option<Fault>),
    /// The fault of the second is missing if it was not tried.
    Neither(Fault, Option<Fault>),
}
