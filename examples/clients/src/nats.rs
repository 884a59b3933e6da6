//! NATS, over the `async_nats::Client` of the application.
//!
//! # What it sends
//!
//! One empty request in each run, to a subject that nobody answers; the server itself reports that
//! (NATS 2.2 or later). `Client::flush` would not do: it ends when the bytes are in the socket, and
//! passes while the server hangs. Nothing is sent while the client reconnects, so that no requests
//! pile up in it. One subscription, to an inbox of its own, stays for the replies. 500 instances with
//! the TTL of 5 s are 100 small messages a second for the cluster.
//!
//! # Verdicts
//!
//! - pass: the server reports no responders, or a subscriber answers.
//! - fail: the client is not connected, or the server does not answer, within the time of the run.
//!   Nor does a server that forbids this subject (its error goes to the event callback of the
//!   client), nor a subscriber that takes the request and keeps silent.
//!
//! # What it cannot see
//!
//! Other subjects, their permissions and subscribers, JetStream, and the other servers of the
//! cluster. A connection that the network dropped silently fails until the client finds out: two
//! times `ConnectOptions::ping_interval`, by default 60 s. 10 s suit a service that has to notice.

use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Client, Subscriber};
use futures_util::StreamExt;
use tokio::sync::Mutex;
use tokio::time::sleep;
use tower_health::indicators::Budget;
use tower_health::{CheckResult, Failure, HealthIndicator, Observation};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Checks that the server answers on the connection of the application's client.
#[derive(Debug)]
pub struct NatsIndicator {
    name: String,
    client: Client,
    subject: String,
    /// `Some` after the first run.
    replies: Mutex<Option<Replies>>,
}

/// One subscription for the replies to all runs. `Client::request` keeps a place for each request
/// until its answer, so runs that were given up while the server hung would leave theirs for ever.
#[derive(Debug)]
struct Replies {
    inbox: String,
    subscriber: Subscriber,
    sent: u64,
}

impl NatsIndicator {
    /// `subject` is one that the client may publish to, such as `health.orders`.
    pub fn new(name: &str, client: Client, subject: &str) -> Self {
        Self {
            name: name.to_owned(),
            client,
            subject: subject.to_owned(),
            replies: Mutex::default(),
        }
    }

    async fn connected(&self) {
        while self.client.connection_state() != State::Connected {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns when the server, or a subscriber, has answered.
    async fn request(&self) -> Result<(), Failure> {
        let mut place = self.replies.lock().await;
        let replies = match &mut *place {
            Some(replies) => replies,
            none => none.insert(Replies::subscribe(&self.client).await?),
        };
        replies.sent += 1;
        let reply = format!("{}.{}", replies.inbox, replies.sent);
        let subject = self.subject.clone();
        let sent = self
            .client
            .publish_with_reply(subject, reply.clone(), "".into());
        sent.await?;
        while let Some(message) = replies.subscriber.next().await {
            // The answer to an earlier run comes too late.
            if message.subject.as_str() == reply {
                return Ok(());
            }
        }
        *place = None;
        Err(Failure::new("the client has ended the subscription"))
    }
}

impl Replies {
    async fn subscribe(client: &Client) -> Result<Self, Failure> {
        let inbox = client.new_inbox();
        let subscriber = client.subscribe(format!("{inbox}.*")).await?;
        Ok(Self {
            inbox,
            subscriber,
            sent: 0,
        })
    }
}

impl HealthIndicator for NatsIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let budget = Budget::start(TIMEOUT);
        let step = "NATS: the client is disconnected and reconnects";
        budget.within(step, self.connected()).await?;
        let step = format!("NATS: request to {}", self.subject);
        let begun_at = Instant::now();
        let answer = budget.within(&step, self.request()).await?;
        answer.map_err(|failure| Failure::new(format!("{step}: {failure}")))?;
        let took = begun_at.elapsed().as_secs_f64() * 1e3;
        Ok(Observation::pass().measurement("responseTime", took, "ms"))
    }

    fn timeout(&self) -> Option<Duration> {
        Some(TIMEOUT)
    }

    // Every instance of the fleet asks the same servers.
    fn ttl(&self) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }
}
