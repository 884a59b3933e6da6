//! The commands of a run against one server: PING, and optionally HELLO, or SET and GET.

use std::any::TypeId;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, RedisError, RedisResult, Value, cmd};

use super::RedisIndicator;
use super::message;
use super::pending::PendingCommand;
use super::round_trip::RoundTrip;
use crate::Failure;
use crate::indicators::shared::budget::Budget;

impl<C> RedisIndicator<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    /// A connection that the server closed since the last run says nothing about the server now. A
    /// client that reconnects does so when it meets the error, so the first one is not believed.
    pub(super) async fn ping(&self, budget: &Budget) -> Result<(), Failure> {
        let mut answer = self.request(budget, "PING", cmd("PING")).await?;
        if answer.as_ref().is_err_and(is_stale::<C>) {
            answer = self.request(budget, "PING", cmd("PING")).await?;
        }
        match self.explained("PING", answer)? {
            Value::SimpleString(pong) if pong == "PONG" => Ok(()),
            other => Err(self.failure("PING", &message::unexpected("PONG", &other))),
        }
    }

    pub(super) async fn write_and_read(&self, budget: &Budget) -> Result<(), Failure> {
        let key = self.key();
        let trip = RoundTrip::new(&key, self.timeout);
        let (set, command) = trip.set();
        let answer = self.send(budget, &set, command).await?;
        trip.was_set(&answer)
            .map_err(|fault| self.failure(&set, &fault))?;
        let (get, command) = trip.get();
        let answer = self.send(budget, &get, command).await?;
        trip.was_read(&answer)
            .map_err(|fault| self.failure(&get, &fault))
    }

    /// Waits for the answer to the command that the last run left pending.
    pub(super) async fn finish_pending(&self, budget: &Budget) -> Result<(), Failure> {
        let Some(command) = self.slot.take() else {
            return Ok(());
        };
        // The answer itself belongs to an earlier run.
        self.wait(budget, command).await.map(drop)
    }

    /// Sends one command and waits for its answer.
    pub(super) async fn send(
        &self,
        budget: &Budget,
        step: &str,
        command: Cmd,
    ) -> Result<Value, Failure> {
        let answer = self.request(budget, step, command).await?;
        self.explained(step, answer)
    }

    /// Sends one command and waits for its answer, which may be an error.
    pub(super) async fn request(
        &self,
        budget: &Budget,
        step: &str,
        command: Cmd,
    ) -> Result<RedisResult<Value>, Failure> {
        let mut connection = self.connection.clone();
        let answer = async move { connection.req_packed_command(&command).await };
        let command = PendingCommand::new(step, Box::pin(answer));
        // The connection returns errors of the server as values.
        let answer = self.wait(budget, command).await?;
        Ok(answer.and_then(Value::extract_error))
    }

    async fn wait(
        &self,
        budget: &Budget,
        command: PendingCommand,
    ) -> Result<RedisResult<Value>, Failure> {
        let name = command.step.clone();
        let step = self.located(&name);
        let untried = self.server.as_ref().filter(|server| !server.is_tried());
        // A tenth of the timeout is for connecting. The budget is nine tenths.
        let share = self.timeout / 10 * if untried.is_some() { 8 } else { 9 };
        let waiting = budget.within_share(share, step, self.slot.wait(command));
        let timed_out = match waiting.await {
            Ok(answer) => {
                let error = answer.as_ref().err();
                let fault = error.map(|error| describe::<C>(error, &name));
                self.slot.remember(fault);
                if let (Some(server), None) = (&self.server, error) {
                    server.has_answered();
                }
                return Ok(answer);
            }
            Err(timed_out) => timed_out,
        };
        let fault = match untried {
            Some(server) => server.fault(budget.left()).await,
            None => None,
        };
        let text = match (fault, self.slot.last_error()) {
            (Some(fault), _) => {
                self.slot.remember(Some(fault.clone()));
                format!("{timed_out}; {fault}")
            }
            // For example while the connection is reconnecting.
            (None, Some(error)) => format!("{timed_out}; the last error was: {error}"),
            (None, None) => return Err(timed_out),
        };
        Err(Failure::new(text))
    }

    fn explained(&self, step: &str, answer: RedisResult<Value>) -> Result<Value, Failure> {
        answer.map_err(|error| self.failure(step, &describe::<C>(&error, step)))
    }

    pub(super) fn failure(&self, step: &str, fault: &str) -> Failure {
        Failure::new(format!("{}: {fault}", self.located(step)))
    }

    fn located(&self, step: &str) -> String {
        match &self.address {
            Some(address) => format!("Redis at {address}: {step}"),
            None => format!("Redis: {step}"),
        }
    }
}

/// A `MultiplexedConnection` never reconnects. Other types are taken to.
pub(super) fn reconnects<C: 'static>() -> bool {
    TypeId::of::<C>() != TypeId::of::<MultiplexedConnection>()
}

/// Whether the next command may be answered over a new connection: this one was closed, or is the
/// memory of an earlier attempt to connect.
fn is_stale<C: 'static>(error: &RedisError) -> bool {
    reconnects::<C>() && error.is_io_error() && !error.is_timeout()
}

/// `command` starts with the name of the command.
pub(super) fn describe<C: 'static>(error: &RedisError, command: &str) -> String {
    message::describe(error, command, reconnects::<C>())
}
