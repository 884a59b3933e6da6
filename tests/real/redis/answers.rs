//! A server that answers, over each kind of connection.

use std::time::Duration;

use tower_health::indicators::RedisIndicator;
use tower_health::{ComponentType, Criticality, HealthIndicator, ObservedValue};

use super::support::{NAME, Silent, indicator, watch};
use crate::servers::redis::{RedisServer, client};
use crate::support::proxy::{Mode, Proxy};
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_managed_connection_passes_with_its_response_time_in_milliseconds() {
    let server = RedisServer::start().await;
    let watched = watch(server.client());
    watched.passes().await;
    assert_eq!(readings(&watched), ["responseTime ms"]);
    assert_eq!(server.admin().await.calls("set").await, 0);
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_multiplexed_connection_passes() {
    let server = RedisServer::start().await;
    let connection = server.client().get_multiplexed_async_connection().await;
    let watched = Watched::start(NAME, RedisIndicator::new(NAME, connection.unwrap()));
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_connection_that_speaks_resp3_passes() {
    let server = RedisServer::start().await;
    let url = format!("redis://{}/?protocol=resp3", server.address());
    let client = redis::Client::open(url).unwrap();
    let watched = Watched::start(NAME, indicator(client).round_trip());
    watched.passes().await;
    assert_eq!(readings(&watched), ["responseTime ms", "roundTrip ms"]);
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_slow_way_to_the_server_shows_in_the_response_time() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let watched = watch(client("", proxy.port()));
    watched.passes().await;
    proxy.set(Mode::Slow(Duration::from_millis(60)));
    watched.runs(2).await;
    watched.passes().await;
    let state = watched.state();
    let reading = state
        .readings()
        .iter()
        .find(|r| r.measurement() == Some("responseTime"));
    let ObservedValue::Float(time) = *reading.unwrap().value() else {
        panic!("{state:?}");
    };
    assert!(time >= 120.0, "{time}");
}

#[test]
fn by_default_it_is_a_critical_datastore_with_a_short_timeout() {
    let redis = RedisIndicator::new(NAME, ());
    assert!(format!("{redis:?}").contains("timeout: 2s"), "{redis:?}");
    let address = redis::ConnectionAddr::Tcp("cache".to_owned(), 6379);
    let connection = Silent;
    let redis = RedisIndicator::new(NAME, connection).address(&address);
    assert_eq!(redis.name(), NAME);
    assert_eq!(
        HealthIndicator::timeout(&redis),
        Some(Duration::from_secs(2))
    );
    assert_eq!(redis.ttl(), Some(Duration::from_secs(5)));
    assert_eq!(redis.criticality(), Criticality::Critical);
    assert_eq!(redis.component_type(), Some(ComponentType::Datastore));
    assert_eq!(redis.component_id().as_deref(), Some("cache:6379"));
}

fn readings(watched: &Watched) -> Vec<String> {
    let state = watched.state();
    let readings = state.readings().iter();
    readings
        .map(|r| format!("{} {}", r.measurement().unwrap(), r.unit().unwrap()))
        .collect()
}
