//! RabbitMQ, over lapin.

use std::time::Instant;

use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tower_health_clients::rabbitmq::RabbitIndicator;

use crate::runs::{fails_with, only_fails_with, passes, run, warns_with};
use crate::servers::RabbitServer;
use crate::wait::{PATIENCE, eventually};

const QUEUE: &str = "orders";

/// The application's connection, and its queue.
async fn application(rabbit: &RabbitServer) -> (Connection, Channel) {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&rabbit.uri("guest:guest"), properties)
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel.queue_declare(QUEUE.into(), options, FieldTable::default());
    queue.await.unwrap();
    (connection, channel)
}

fn indicator(rabbit: &RabbitServer) -> RabbitIndicator {
    RabbitIndicator::new("rabbitmq", &rabbit.uri("guest:guest"), QUEUE)
}

#[tokio::test]
async fn all_runs_use_one_connection_and_one_channel() {
    let rabbit = RabbitServer::start();
    let _application = application(&rabbit).await;
    let indicator = indicator(&rabbit);
    passes(&indicator).await;
    let connections = rabbit.server.connections();
    assert_eq!(connections.len(), 2, "{connections:?}");
    let channels = rabbit.control("list_channels name");
    for _ in 0..20 {
        passes(&indicator).await;
    }
    assert_eq!(rabbit.server.connections(), connections);
    assert_eq!(rabbit.control("list_channels name"), channels);
}

#[tokio::test]
async fn a_publisher_that_an_alarm_blocks_is_a_warning_for_as_long() {
    let rabbit = RabbitServer::start();
    let (connection, channel) = application(&rabbit).await;
    let blocked = indicator(&rabbit).publisher(connection.status().clone());
    let consumes_only = indicator(&rabbit);
    passes(&blocked).await;
    for (alarm, all_clear) in [
        (
            "set_vm_memory_high_watermark 0",
            "set_vm_memory_high_watermark 0.4",
        ),
        ("set_disk_free_limit 1000000GB", "set_disk_free_limit 1MB"),
    ] {
        rabbit.control(alarm);
        // The broker tells a connection when it publishes, not before.
        passes(&blocked).await;
        let options = BasicPublishOptions::default();
        let message = channel.basic_publish(
            "".into(),
            QUEUE.into(),
            options,
            b"an order",
            BasicProperties::default(),
        );
        message.await.unwrap();
        warns_with(&blocked, "RabbitMQ blocks publishers").await;
        passes(&consumes_only).await;
        rabbit.control(all_clear);
        passes(&blocked).await;
    }
}

#[tokio::test]
async fn a_connection_that_the_broker_closed_is_replaced_within_the_run() {
    let rabbit = RabbitServer::start();
    let _application = application(&rabbit).await;
    let indicator = indicator(&rabbit);
    let deadline = Instant::now() + PATIENCE;
    loop {
        passes(&indicator).await;
        rabbit.control("close_all_connections maintenance");
        // On a busy machine it may run out of time once.
        if run(&indicator).await.is_ok() {
            break;
        }
        assert!(Instant::now() < deadline, "each run after a close fails");
    }
}

#[tokio::test]
async fn a_frozen_broker_fails_within_the_timeout_and_gathers_no_connections() {
    let mut rabbit = RabbitServer::start();
    let _application = application(&rabbit).await;
    let indicator = indicator(&rabbit);
    passes(&indicator).await;
    rabbit.server.freeze();
    for _ in 0..4 {
        only_fails_with(&indicator, "RabbitMQ: connect: no answer within 1.").await;
    }
    // The application's, the one that fell silent, and one attempt.
    let connections = rabbit.server.connections();
    assert!(connections.len() <= 3, "{connections:?}");
    rabbit.server.thaw();
    passes(&indicator).await;
    eventually("the silent connection is closed", async || {
        rabbit.server.connections().len() == 2
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_is_killed_fails_and_passes_when_it_is_back() {
    let mut rabbit = RabbitServer::start();
    let _application = application(&rabbit).await;
    let indicator = indicator(&rabbit);
    passes(&indicator).await;
    rabbit.server.kill();
    fails_with(&indicator, "Connection refused").await;
    rabbit.server.bring_back();
    // It may have died before it wrote down that there is a queue.
    let _application = application(&rabbit).await;
    passes(&indicator).await;
}

#[tokio::test]
async fn a_queue_that_does_not_exist_fails_on_the_same_connection_until_it_does() {
    let rabbit = RabbitServer::start();
    let indicator = indicator(&rabbit);
    fails_with(&indicator, "NOT_FOUND - no queue 'orders'").await;
    let connections = rabbit.server.connections();
    assert_eq!(connections.len(), 1, "{connections:?}");
    for _ in 0..3 {
        fails_with(&indicator, "NOT_FOUND - no queue 'orders'").await;
    }
    let _application = application(&rabbit).await;
    passes(&indicator).await;
    assert!(rabbit.server.connections().is_superset(&connections));
}

#[tokio::test]
async fn credentials_that_are_refused_fail_with_the_reason() {
    let rabbit = RabbitServer::start();
    let indicator = RabbitIndicator::new("rabbitmq", &rabbit.uri("guest:s3cr3t"), QUEUE);
    fails_with(&indicator, "ACCESS_REFUSED").await;
}
