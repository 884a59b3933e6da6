//! The commands of a run: PING, and optionally SET and GET.

use std::any::TypeId;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, RedisError, RedisResult, Value, cmd};

use super::message;
use super::pending::PendingCommand;
use super::{RedisIndicator, RoundTrip};
use crate::Failure;
use crate::indicators::shared::budget::Budget;

impl<C> RedisIndicator<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    pub(super) async fn ping(&self, budget: &Budget) -> Result<(), Failure> {
        match self.send(budget, "PING", cmd("PING")).await? {
            Value::SimpleString(pong) if pong == "PONG" => Ok(()),
            other => Err(self.unexpected("PING", "PONG", &other)),
        }
    }

    pub(super) async fn write_and_read(
        &self,
        budget: &Budget,
        trip: &RoundTrip,
    ) -> Result<(), Failure> {
        let key = format!("{}{:016x}", self.key_prefix, trip.id);
        // A new value in each run, so that the value of an earlier run cannot pass.
        let value = format!("{:016x}", RandomState::new().hash_one(trip.id));
        let lifetime = (self.timeout * 2).max(Duration::from_secs(10)).as_millis();

        let set = format!("SET {key}");
        let mut command = cmd("SET");
        command.arg(&key).arg(&value).arg("PX");
        command.arg(u64::try_from(lifetime).unwrap_or(u64::MAX));
        match self.send(budget, &set, command).await? {
            Value::Okay => {}
            other => return Err(self.unexpected(&set, "OK", &other)),
        }

        let get = format!("GET {key}");
        let mut command = cmd("GET");
        command.arg(&key);
        let fault = match self.send(budget, &get, command).await? {
            Value::BulkString(bytes) if bytes == value.as_bytes() => return Ok(()),
            Value::BulkString(_) => "GET returned another value than SET wrote",
            Value::Nil => "the key that SET wrote does not exist",
            other => return Err(self.unexpected(&get, "the value that SET wrote", &other)),
        };
        Err(self.failure(&get, &format!("value mismatch: {fault}")))
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
    async fn send(&self, budget: &Budget, step: &str, command: Cmd) -> Result<Value, Failure> {
        let mut connection = self.connection.clone();
        let answer = async move { connection.req_packed_command(&command).await };
        let command = PendingCommand::new(step, Box::pin(answer));
        // The connection returns errors of the server as values.
        let answer = self.wait(budget, command).await?;
        let answer = answer.and_then(Value::extract_error);
        answer.map_err(|error| self.failure(step, &describe::<C>(&error)))
    }

    async fn wait(
        &self,
        budget: &Budget,
        command: PendingCommand,
    ) -> Result<RedisResult<Value>, Failure> {
        let step = self.located(&command.step);
        let untried = self.server.as_ref().filter(|server| !server.is_tried());
        let untried = untried.filter(|_| self.slot.last_error().is_none());
        // A tenth of the timeout is for connecting. The budget is nine tenths.
        let share = self.timeout / 10 * if untried.is_some() { 8 } else { 9 };
        let waiting = budget.within_share(share, step, self.slot.wait(command));
        let timed_out = match waiting.await {
            Ok(answer) => {
                self.slot.remember(answer.as_ref().err().map(describe::<C>));
                if let Some(server) = &self.server {
                    server.has_answered();
                }
                return Ok(answer);
            }
            Err(timed_out) => timed_out,
        };
        // For example while the connection is reconnecting.
        if let Some(error) = self.slot.last_error() {
            let text = format!("{timed_out}; the last error was: {error}");
            return Err(Failure::new(text));
        }
        let fault = match untried {
            Some(server) => server.fault(budget.left()).await,
            None => None,
        };
        let Some(fault) = fault else {
            return Err(timed_out);
        };
        self.slot.remember(Some(fault.clone()));
        Err(Failure::new(format!("{timed_out}; {fault}")))
    }

    fn unexpected(&self, step: &str, expected: &str, answer: &Value) -> Failure {
        let kind = message::kind_of(answer);
        let fault =
            format!("unexpected answer: {kind} instead of {expected}; is this a Redis server?");
        self.failure(step, &fault)
    }

    fn failure(&self, step: &str, fault: &str) -> Failure {
        Failure::new(format!("{}: {fault}", self.located(step)))
    }

    fn located(&self, step: &str) -> String {
        match &self.address {
            Some(address) => format!("Redis at {address}: {step}"),
            None => format!("Redis: {step}"),
        }
    }
}

fn describe<C: 'static>(error: &RedisError) -> String {
    let reconnects = TypeId::of::<C>() != TypeId::of::<MultiplexedConnection>();
    message::describe(error, reconnects)
}
