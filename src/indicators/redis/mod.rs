//! Redis over the application's own connection: a PING, and a round trip when that is asked for.

mod message;
mod pending;

use std::any::TypeId;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, ConnectionAddr, RedisError, RedisResult, Value, cmd};

use self::pending::{CommandSlot, PendingCommand};
use crate::indicators::shared::budget::{self, Budget};
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

/// Checks a Redis server with a PING over the application's own connection.
///
/// It takes a clone of any connection of the `redis` crate that can be shared: a
/// `redis::aio::ConnectionManager`, a [`MultiplexedConnection`], a
/// `redis::cluster_async::ClusterConnection`. Take the `ConnectionManager`: **a
/// `MultiplexedConnection` never connects again**, so that after a restart of the server the check
/// fails, as the application's own commands do, until the process restarts too. The failure says
/// so.
///
/// ```no_run
/// use redis::aio::{ConnectionManager, ConnectionManagerConfig};
/// use tower_health::Health;
/// use tower_health::indicators::RedisIndicator;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let client = redis::Client::open("redis://cache.internal:6379")?;
/// let address = client.get_connection_info().addr().clone();
/// // Lazy, so that the service starts, and says what is wrong, while Redis is down.
/// let config = ConnectionManagerConfig::new();
/// let connection = ConnectionManager::new_lazy_with_config(client, config)?;
///
/// let redis = RedisIndicator::new("redis", connection.clone()).address(&address);
/// let health = Health::builder().readiness(redis).start()?;
/// # let _ = health;
/// # Ok(())
/// # }
/// ```
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` `datastore`. A run costs one PING, or a PING, a
/// SET and a GET with [`round_trip`](Self::round_trip). Readings: `responseTime` of the PING, and
/// `roundTrip` of SET and GET together, both in `ms`.
///
/// # What a failure says
///
/// The command, the server's words, and what they mean: that it still loads its data, that it is
/// a replica without its master, that it wants a password, that its connections or its memory are
/// used up.
///
/// # Settings of the connection that matter
///
/// - The response timeout of the connection counts before that of the check: 500 ms unless the
///   application sets it (`set_response_timeout`). A slower answer is a failure, as it is for the
///   application's own commands.
/// - A `ConnectionManager` connects again when a command meets a broken connection, in the
///   background, with up to 6 retries whose delays double from 100 ms. Runs that fall into that
///   time have no answer; the failure then tells the last error that came back.
///   `set_max_delay(Duration::from_secs(1))` makes it find a server that is back within about 1 s.
/// - When the server refuses the password while a `ConnectionManager` connects, and its retries
///   are used up, it never tries again. Check and commands fail until the process restarts.
/// - A connection whose peer vanished without a word (a host that lost power, a gateway that
///   forgot it) is broken only when TCP gives up, which takes Linux about 15 minutes.
///   `redis::io::tcp::TcpSettings::set_user_timeout` shortens that.
///
/// # A server that is silent
///
/// The `redis` crate keeps a place for the answer to each command that was sent (about 270 bytes),
/// even when nobody waits for it any more, until the answer comes or the connection breaks. So
/// this indicator keeps waiting for a command without an answer instead of sending the next, and
/// repeats it after a minute. That cannot help where the response timeout of the connection ends
/// the waiting, as it does by default: there each run leaves one such place behind while the
/// server is silent, about 4 MB a day at the default TTL. The application's own commands do the
/// same.
#[must_use = "an indicator does nothing until it is registered"]
pub struct RedisIndicator<C> {
    name: String,
    connection: C,
    /// `Some` when failures should name the server.
    address: Option<String>,
    timeout: Duration,
    /// `Some` when a run also writes and reads.
    round_trip: Option<RoundTrip>,
    key_prefix: String,
    slot: CommandSlot,
}

impl<C> RedisIndicator<C> {
    /// Checks the server behind this connection, which is a clone of the application's.
    pub fn new(name: impl Into<String>, connection: C) -> Self {
        Self {
            name: name.into(),
            connection,
            address: None,
            timeout: budget::TIMEOUT,
            round_trip: None,
            key_prefix: "tower-health:".to_owned(),
            slot: CommandSlot::default(),
        }
    }

    /// Names the server in failures and as `componentId`; a connection does not tell where it
    /// leads.
    ///
    /// An address holds no credentials: it is what
    /// `client.get_connection_info().addr()` returns.
    pub fn address(mut self, address: &ConnectionAddr) -> Self {
        self.address = Some(address.to_string());
        self
    }

    /// Also writes a value and reads it back, which a replica, a full or a read-only server
    /// refuses.
    ///
    /// The key is [`key_prefix`](Self::key_prefix) and a random number of this indicator, so that
    /// instances do not disturb each other; it expires by itself after twice the timeout and at
    /// least 10 s. Needs the permission to SET and GET below the prefix. Where reads go to
    /// replicas, one that lags gives another value than was written, and the check fails.
    pub fn round_trip(mut self) -> Self {
        self.round_trip = Some(RoundTrip {
            run: RandomState::new().hash_one(&self.name),
        });
        self
    }

    /// What the key of the round trip starts with; by default `tower-health:`.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// How long a run may take; by default 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<C> RedisIndicator<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    async fn ping(&self, budget: &Budget) -> Result<(), Failure> {
        match self.ask(budget, "PING", cmd("PING")).await? {
            Value::SimpleString(pong) if pong == "PONG" => Ok(()),
            other => Err(self.unexpected("PING", "PONG", &other)),
        }
    }

    async fn write_and_read(&self, budget: &Budget, trip: &RoundTrip) -> Result<(), Failure> {
        let key = format!("{}{:016x}", self.key_prefix, trip.run);
        // Another value in each run: what an earlier one left behind must not pass for an answer.
        let value = format!("{:016x}", RandomState::new().hash_one(trip.run));
        let lifetime = (self.timeout * 2).max(Duration::from_secs(10)).as_millis();

        let set = format!("SET {key}");
        let mut command = cmd("SET");
        command.arg(&key).arg(&value).arg("PX");
        command.arg(u64::try_from(lifetime).unwrap_or(u64::MAX));
        match self.ask(budget, &set, command).await? {
            Value::Okay => {}
            other => return Err(self.unexpected(&set, "OK", &other)),
        }

        let get = format!("GET {key}");
        let mut command = cmd("GET");
        command.arg(&key);
        let fault = match self.ask(budget, &get, command).await? {
            Value::BulkString(bytes) if bytes == value.as_bytes() => return Ok(()),
            Value::BulkString(_) => "another value came back than the one just written",
            Value::Nil => "the value just written is gone",
            other => return Err(self.unexpected(&get, "the value just written", &other)),
        };
        Err(self.failure(&get, &format!("value mismatch: {fault}")))
    }

    /// Waits for what the last run has left behind.
    async fn settle(&self, budget: &Budget) -> Result<(), Failure> {
        let Some(asked) = self.slot.unanswered() else {
            return Ok(());
        };
        // What it brings is not of this run.
        self.answer(budget, asked).await.map(drop)
    }

    /// Sends one command and waits for its answer as long as there is time.
    async fn ask(&self, budget: &Budget, step: &str, command: Cmd) -> Result<Value, Failure> {
        let mut connection = self.connection.clone();
        let answer = async move { connection.req_packed_command(&command).await };
        let asked = PendingCommand::new(step, Box::pin(answer));
        // The connection gives the server's refusals as values.
        let answer = self.answer(budget, asked).await?;
        let answer = answer.and_then(Value::extract_error);
        answer.map_err(|error| self.failure(step, &describe::<C>(&error)))
    }

    async fn answer(
        &self,
        budget: &Budget,
        asked: PendingCommand,
    ) -> Result<RedisResult<Value>, Failure> {
        let step = self.located(&asked.step);
        match budget.within(step, self.slot.answer(asked)).await {
            Ok(answer) => {
                self.slot.remember(answer.as_ref().err().map(describe::<C>));
                Ok(answer)
            }
            // As while the connection is opened anew, attempt by attempt.
            Err(silence) => Err(match self.slot.last_error() {
                Some(error) => {
                    Failure::new(format!("{silence}; the last error that came back: {error}"))
                }
                None => silence,
            }),
        }
    }

    fn unexpected(&self, step: &str, expected: &str, answer: &Value) -> Failure {
        let kind = message::kind_of(answer);
        let fault = format!("unexpected answer: {kind} instead of {expected}; is this a Redis?");
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

impl<C> HealthIndicator for RedisIndicator<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let budget = Budget::start(self.timeout);
        self.settle(&budget).await?;
        let asked_at = Instant::now();
        self.ping(&budget).await?;
        let observation = budget::answered_after(asked_at.elapsed());
        let Some(trip) = &self.round_trip else {
            return Ok(observation);
        };
        let asked_at = Instant::now();
        self.write_and_read(&budget, trip).await?;
        let time = budget::milliseconds(asked_at.elapsed());
        Ok(observation.measurement("roundTrip", time, "ms"))
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn ttl(&self) -> Option<Duration> {
        Some(budget::TTL)
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Datastore)
    }

    fn component_id(&self) -> Option<String> {
        self.address.clone()
    }
}

/// Without the connection: whoever prints that may print what it was opened with.
impl<C> fmt::Debug for RedisIndicator<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisIndicator")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("timeout", &self.timeout)
            .field("round_trip", &self.round_trip.is_some())
            .finish_non_exhaustive()
    }
}

struct RoundTrip {
    /// What tells this indicator's key from those of all others.
    run: u64,
}

fn describe<C: 'static>(error: &RedisError) -> String {
    let reconnects = TypeId::of::<C>() != TypeId::of::<MultiplexedConnection>();
    message::describe(error, reconnects)
}
