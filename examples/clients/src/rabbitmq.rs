//! RabbitMQ, over lapin: on a connection of its own that it keeps, beside the application's.
//!
//! # What it sends
//!
//! A passive `queue.declare` in each run: the broker looks the queue up and changes nothing. The
//! connection and the channel stay open from run to run. 500 instances are 500 connections, and with
//! the TTL of 5 s 100 lookups a second.
//!
//! # Verdicts
//!
//! - pass: the queue exists and its node answers; readings are the messages that wait and the
//!   consumers.
//! - warn: the broker blocks the application's publishers (`connection.blocked`: a memory or disk
//!   alarm). It sends this only to a connection that has published since the alarm, so the check
//!   looks at the application's, given to `publisher`.
//! - fail: no connection, credentials or virtual host refused, no such queue, or no answer within
//!   the time of the run. A kept connection that is dead or silent is replaced within the run.
//!
//! # What it cannot see
//!
//! An alarm before the application publishes, whether a message would be routed, and queues other
//! than this one. An exclusive queue of another connection is refused (`RESOURCE_LOCKED`).

use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ConnectionStatus, Queue};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{error::Elapsed, timeout};
use tower_health::indicators::Budget;
use tower_health::{CheckResult, Failure, HealthIndicator, Observation};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Lapin has a thread for each connection, and for each attempt at one that hangs. So an attempt
/// goes on when its run ends, and the next run waits for the same one, for so long.
const ATTEMPT: Duration = Duration::from_secs(60);

type Attempt = JoinHandle<Result<lapin::Result<Connection>, Elapsed>>;

struct Kept {
    connection: Connection,
    channel: Option<Channel>,
}

/// Checks that the broker answers for one queue.
pub struct RabbitIndicator {
    name: String,
    uri: String,
    queue: String,
    publisher: Option<ConnectionStatus>,
    kept: Mutex<Option<Kept>>,
    attempt: Mutex<Option<Attempt>>,
}

impl RabbitIndicator {
    /// `uri` is that of the application, `amqp://user:password@host:5672/vhost`.
    pub fn new(name: &str, uri: &str, queue: &str) -> Self {
        Self {
            name: name.to_owned(),
            uri: uri.to_owned(),
            queue: queue.to_owned(),
            publisher: None,
            kept: Mutex::default(),
            attempt: Mutex::default(),
        }
    }

    /// Warns while the broker blocks this connection: `connection.status().clone()`.
    pub fn publisher(mut self, status: ConnectionStatus) -> Self {
        self.publisher = Some(status);
        self
    }

    async fn connect(&self, budget: &Budget) -> Result<Kept, Failure> {
        let mut attempt = self.attempt.lock().await;
        let running = attempt.get_or_insert_with(|| {
            let uri = self.uri.clone();
            let properties = ConnectionProperties::default();
            let properties = properties.with_connection_name("tower-health".into());
            tokio::spawn(timeout(ATTEMPT, async move {
                Connection::connect(&uri, properties).await
            }))
        });
        let connected = budget.within("RabbitMQ: connect", running).await?;
        *attempt = None;
        match connected {
            Ok(Ok(Ok(connection))) => Ok(Kept {
                connection,
                channel: None,
            }),
            Ok(Ok(Err(error))) => Err(Failure::new(format!("RabbitMQ: connect: {error}"))),
            Ok(Err(_)) => Err(Failure::new("RabbitMQ: connect: no answer for a minute")),
            Err(panicked) => Err(Failure::new(format!("RabbitMQ: connect: {panicked}"))),
        }
    }

    async fn declare(&self, kept: &mut Kept) -> lapin::Result<Queue> {
        let channel = match kept.channel.take() {
            Some(channel) => channel,
            None => kept.connection.create_channel().await?,
        };
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let queue = self.queue.as_str().into();
        let queue = channel
            .queue_declare(queue, options, FieldTable::default())
            .await?;
        // A refusal closes the channel, and leaves the connection as it is.
        kept.channel = Some(channel);
        Ok(queue)
    }

    fn verdict(&self, answer: lapin::Result<Queue>, took: Duration) -> CheckResult {
        let queue = answer
            .map_err(|error| Failure::new(format!("RabbitMQ: queue {}: {error}", self.queue)))?;
        let is_blocked = |status: &ConnectionStatus| status.connected() && status.blocked();
        let observation = if self.publisher.as_ref().is_some_and(is_blocked) {
            Observation::warn("RabbitMQ blocks publishers: a memory or disk alarm is in effect")
        } else {
            Observation::pass()
        };
        Ok(observation
            .measurement("responseTime", took.as_secs_f64() * 1e3, "ms")
            .measurement("waiting", queue.message_count(), "messages")
            .measurement("consumers", queue.consumer_count(), "consumers"))
    }
}

impl HealthIndicator for RabbitIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let budget = Budget::start(TIMEOUT);
        let step = format!("RabbitMQ: queue {}", self.queue);
        let mut slot = self.kept.lock().await;
        if let Some(mut kept) = slot.take() {
            // It may be silent: the rest of the time is for another connection.
            let begun_at = Instant::now();
            let answer = budget.within_share(TIMEOUT / 3, &step, self.declare(&mut kept));
            match answer.await {
                Ok(Err(error)) if !error.is_amqp_soft_error() => {} // The connection is dead.
                Ok(answer) => {
                    *slot = Some(kept);
                    return self.verdict(answer, begun_at.elapsed());
                }
                Err(_) => {}
            }
        }
        let mut kept = self.connect(&budget).await?;
        let begun_at = Instant::now();
        let answer = budget.within(&step, self.declare(&mut kept)).await?;
        *slot = Some(kept);
        self.verdict(answer, begun_at.elapsed())
    }

    fn timeout(&self) -> Option<Duration> {
        Some(TIMEOUT)
    }

    // Every instance of the fleet asks the same broker.
    fn ttl(&self) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }
}
