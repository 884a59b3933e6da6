//! Servers that answer with a refusal: each in its own words.

use super::support::{NAME, PASSWORD, fails_with, indicator, watch};
use crate::servers::redis::{RedisServer, client};
use crate::support::port::ClosedPort;
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_server_that_requires_a_password_is_distinguished_from_one_that_is_down() {
    let server = RedisServer::start().await;
    let mut admin = server.admin().await;
    admin
        .ask::<()>(&format!("CONFIG SET requirepass {PASSWORD}"))
        .await;
    let watched = watch(server.client());
    let text = fails_with(&watched, "NOAUTH").await;
    assert!(
        text.contains("requires a password, and this connection has none"),
        "{text}"
    );
    let user = format!(":{PASSWORD}@");
    watch(client(&user, server.port())).passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_wrong_password_is_named_and_not_shown() {
    let server = RedisServer::start_with("--requirepass right").await;
    let user = format!("default:{PASSWORD}@");
    let watched = watch(client(&user, server.port()));
    let text = fails_with(&watched, "refuses the user or password").await;
    assert!(!text.contains("right"), "{text}");
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_user_who_may_not_ping_or_write_is_reported_with_the_command() {
    let server = RedisServer::start().await;
    let mut admin = server.admin().await;
    let user = format!("probe on >{PASSWORD} ~tower-health:* +ping");
    admin.ask::<()>(&format!("ACL SETUSER {user}")).await;
    let client = client(&format!("probe:{PASSWORD}@"), server.port());
    let watched = Watched::start(NAME, indicator(client).round_trip());
    let text = fails_with(&watched, "NOPERM").await;
    assert!(text.contains(": SET tower-health:"), "{text}");
    assert!(
        text.contains("does not allow the command: it needs +set"),
        "{text}"
    );
    admin.ask::<()>("ACL SETUSER probe +set +get").await;
    watched.passes().await;
    admin.ask::<()>("ACL SETUSER probe resetkeys").await;
    let text = fails_with(&watched, "does not allow the key").await;
    assert!(text.contains(": SET tower-health:"), "{text}");
    admin.ask::<()>("ACL SETUSER probe -ping").await;
    let text = fails_with(&watched, "PING: NOPERM").await;
    assert!(text.contains("it needs +ping"), "{text}");
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_default_user_that_is_off_is_named_until_it_is_on() {
    let server = RedisServer::start().await;
    let mut admin = server.admin().await;
    admin.ask::<()>("ACL SETUSER default off").await;
    let watched = watch(server.client());
    fails_with(&watched, "the default user is off").await;
    admin.ask::<()>("ACL SETUSER default on").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_user_that_does_not_exist_is_named_as_a_wrong_password_is() {
    let server = RedisServer::start().await;
    let watched = watch(client(&format!("nobody:{PASSWORD}@"), server.port()));
    fails_with(&watched, "refuses the user or password").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn used_up_connections_are_reported_and_freed_ones_recover() {
    let server = RedisServer::start().await;
    let mut admin = server.admin().await;
    admin.ask::<()>("CONFIG SET maxclients 1").await;
    let watched = watch(server.client());
    fails_with(&watched, "accepts no more clients").await;
    admin.ask::<()>("CONFIG SET maxclients 10").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_server_that_loads_its_data_says_so_until_it_has() {
    let mut server = RedisServer::start_with("--enable-debug-command local").await;
    let watched = watch(server.client());
    watched.passes().await;
    let mut admin = server.admin().await;
    admin.ask::<()>("DEBUG POPULATE 100000").await;
    admin.ask::<()>("SAVE").await;
    server
        .restart_with("--key-load-delay 500 --loading-process-events-interval-bytes 1024")
        .await;
    fails_with(&watched, "LOADING").await;
    let mut admin = server.admin().await;
    admin.ask::<()>("CONFIG SET key-load-delay 0").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_replica_without_its_master_says_so_until_it_is_one_itself() {
    let absent = ClosedPort::bind();
    let nobody = absent.address().port();
    let options = format!("--replicaof 127.0.0.1 {nobody} --replica-serve-stale-data no");
    let server = RedisServer::start_with(&options).await;
    let watched = watch(server.client());
    fails_with(&watched, "MASTERDOWN").await;
    server.admin().await.ask::<()>("REPLICAOF NO ONE").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_read_only_replica_passes_unless_the_round_trip_is_configured() {
    let absent = ClosedPort::bind();
    let nobody = absent.address().port();
    let server = RedisServer::start_with(&format!("--replicaof 127.0.0.1 {nobody}")).await;
    watch(server.client()).passes().await;
    let watched = Watched::start(NAME, indicator(server.client()).round_trip());
    let text = fails_with(&watched, "READONLY").await;
    assert!(text.contains("this is a read-only replica"), "{text}");
    server.admin().await.ask::<()>("REPLICAOF NO ONE").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_server_that_cannot_write_tells_memory_disk_and_replicas_apart() {
    let server = RedisServer::start().await;
    let mut admin = server.admin().await;
    let watched = Watched::start(NAME, indicator(server.client()).round_trip());
    watched.passes().await;
    for (set, unset, part) in [
        ("maxmemory 1", "maxmemory 0", "has reached maxmemory"),
        (
            "min-replicas-to-write 1",
            "min-replicas-to-write 0",
            "fewer replicas than min-replicas-to-write",
        ),
    ] {
        admin.ask::<()>(&format!("CONFIG SET {set}")).await;
        fails_with(&watched, part).await;
        admin.ask::<()>(&format!("CONFIG SET {unset}")).await;
        watched.passes().await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_server_that_cannot_save_says_so() {
    let server = RedisServer::start_with("--save 3600 1").await;
    let watched = Watched::start(NAME, indicator(server.client()).round_trip());
    watched.passes().await;
    // Nothing can be renamed to the name of a directory.
    let dump = server.directory().join("dump.rdb");
    std::fs::create_dir(&dump).unwrap();
    let mut admin = server.admin().await;
    admin.ask::<()>("BGSAVE").await;
    let text = fails_with(&watched, "MISCONF").await;
    assert!(text.contains("cannot save its data to disk"), "{text}");
    std::fs::remove_dir(dump).unwrap();
    admin.ask::<()>("BGSAVE").await;
    watched.passes().await;
}
