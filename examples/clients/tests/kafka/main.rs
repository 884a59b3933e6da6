//! Kafka, as the brokers that librdkafka brings for tests serve it, over TCP.
//!
//! A program of its own, which starts no process: between its fork and its program, that would hold a copy
//! of the port of a broker that is taken down, and the broker ends the whole program if it cannot have its
//! port again.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

#[path = "../real/runs.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod runs;
#[path = "../../../../tests/support/wait.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod wait;

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer};
use rdkafka::types::RDKafkaRespErr;
use tower_health_clients::kafka::KafkaIndicator;

use self::runs::{fails_with, only_fails_with, passes, warns_with};

const TOPIC: &str = "orders";

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster(brokers: i32) -> Cluster {
    let cluster = MockCluster::new(brokers).unwrap();
    cluster.create_topic(TOPIC, 4, 1).unwrap();
    cluster
}

fn indicator(cluster: &Cluster) -> KafkaIndicator {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("reconnect.backoff.max.ms", "200")
        .create()
        .unwrap();
    KafkaIndicator::new("kafka", producer, TOPIC)
}

#[tokio::test]
async fn brokers_that_are_down_fail_and_pass_when_they_are_back() {
    let cluster = cluster(2);
    let indicator = indicator(&cluster);
    passes(&indicator).await;
    for broker in [1, 2] {
        cluster.broker_down(broker).unwrap();
    }
    fails_with(&indicator, "no broker can be connected to").await;
    for broker in [1, 2] {
        cluster.broker_up(broker).unwrap();
    }
    passes(&indicator).await;
}

#[tokio::test]
async fn one_broker_of_two_that_is_down_passes() {
    let cluster = cluster(2);
    let indicator = indicator(&cluster);
    passes(&indicator).await;
    cluster.broker_down(1).unwrap();
    passes(&indicator).await;
}

#[tokio::test]
async fn a_broker_that_does_not_answer_fails_within_the_timeout() {
    let cluster = cluster(1);
    let indicator = indicator(&cluster);
    passes(&indicator).await;
    cluster
        .broker_round_trip_time(1, Duration::from_secs(5))
        .unwrap();
    only_fails_with(&indicator, "the broker does not answer").await;
    cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    passes(&indicator).await;
}

#[tokio::test]
async fn partitions_without_a_leader_warn_and_a_topic_without_any_fails() {
    let cluster = cluster(1);
    let indicator = indicator(&cluster);
    passes(&indicator).await;
    cluster.partition_leader(TOPIC, 0, None).unwrap();
    warns_with(&indicator, "1 of 4 partitions lack a leader").await;
    for partition in 1..4 {
        cluster.partition_leader(TOPIC, partition, None).unwrap();
    }
    fails_with(&indicator, "no partition has a leader").await;
    for partition in 0..4 {
        cluster.partition_leader(TOPIC, partition, Some(1)).unwrap();
    }
    passes(&indicator).await;
}

#[tokio::test]
async fn an_error_of_the_topic_is_repeated() {
    let cluster = cluster(1);
    let indicator = indicator(&cluster);
    for (error, words) in [
        (
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
            "Unknown topic or partition",
        ),
        (
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            "Topic authorization failed",
        ),
    ] {
        cluster.topic_error(TOPIC, error).unwrap();
        fails_with(&indicator, words).await;
    }
    cluster
        .topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR)
        .unwrap();
    passes(&indicator).await;
}
