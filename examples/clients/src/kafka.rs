//! Kafka, over the `FutureProducer` of the application.
//!
//! # What it sends
//!
//! A metadata request for one topic in each run, to the broker that the client used last. 500
//! instances with the TTL of 15 s are 33 requests a second, spread over the brokers. A producer
//! creates a topic that is missing, if the brokers let it: set `allow.auto.create.topics` to `false`
//! where that would be wrong.
//!
//! # Verdicts
//!
//! - pass: each partition of the topic has a leader.
//! - warn: some partitions have none.
//! - fail: the topic does not exist or is not allowed, no partition has a leader, no broker can be
//!   connected to, or none answers within the time of the run.
//!
//! # What it cannot see
//!
//! Whether messages are accepted (in-sync replicas, quotas, full disks), consumer groups and lag.
//! Of several brokers only one is asked: if the one that the client used last hangs, the check fails
//! until librdkafka drops that connection (`socket.timeout.ms`, by default 60 s).
//!
//! A consumer's `client().fetch_metadata` does the same: change the type of `producer`.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use rdkafka::producer::{FutureProducer, Producer};
use tokio::task::spawn_blocking;
use tower_health::indicators::Budget;
use tower_health::{CheckResult, Failure, HealthIndicator, Observation};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Checks that the partitions of a topic have leaders.
pub struct KafkaIndicator {
    name: String,
    producer: FutureProducer,
    topic: String,
}

impl KafkaIndicator {
    /// `topic` is one that the application writes to.
    pub fn new(name: &str, producer: FutureProducer, topic: &str) -> Self {
        Self {
            name: name.to_owned(),
            producer,
            topic: topic.to_owned(),
        }
    }
}

impl HealthIndicator for KafkaIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let budget = Budget::start(TIMEOUT);
        let begun_at = Instant::now();
        let step = format!("Kafka: metadata of {}", self.topic);
        // The call blocks its thread. Its own timeout frees that before the budget ends, and tells
        // brokers that are away from those that are silent.
        let (producer, topic) = (self.producer.clone(), self.topic.clone());
        let limit = budget.left() * 9 / 10;
        let fetch = spawn_blocking(move || producer.client().fetch_metadata(Some(&topic), limit));
        match budget.within(&step, fetch).await? {
            Ok(Ok(metadata)) => verdict(&metadata, &step, begun_at.elapsed()),
            Ok(Err(error)) => Err(Failure::new(format!("{step}: {}", meaning(&error)))),
            Err(panicked) => Err(Failure::new(format!("{step}: {panicked}"))),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(TIMEOUT)
    }

    // Metadata is not free for brokers with many partitions.
    fn ttl(&self) -> Option<Duration> {
        Some(Duration::from_secs(15))
    }
}

fn verdict(metadata: &Metadata, step: &str, took: Duration) -> CheckResult {
    let topic = metadata.topics().first();
    let topic = topic.ok_or_else(|| Failure::new(format!("{step}: the answer has no topic")))?;
    if let Some(error) = topic.error() {
        let error = RDKafkaErrorCode::from(error);
        return Err(Failure::new(format!("{step}: {error}")));
    }
    let all = topic.partitions().len();
    let led = topic
        .partitions()
        .iter()
        .filter(|partition| partition.leader() >= 0);
    let observation = match all - led.count() {
        0 => Observation::pass(),
        without if without == all => {
            return Err(Failure::new(format!("{step}: no partition has a leader")));
        }
        without => Observation::warn(format!(
            "{step}: {without} of {all} partitions lack a leader"
        )),
    };
    Ok(observation.measurement("responseTime", took.as_secs_f64() * 1e3, "ms"))
}

fn meaning(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::BrokerTransportFailure) => {
            "no broker can be connected to".to_owned()
        }
        Some(RDKafkaErrorCode::OperationTimedOut) => "the broker does not answer".to_owned(),
        _ => error.to_string(),
    }
}
