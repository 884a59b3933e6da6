//! Postgres that answers, and says no; and settings that are no good.

use deadpool_postgres::tokio_postgres::{Config, NoTls};
use tower_health::indicators::DeadpoolPostgresIndicator;
use tower_health::{ComponentType, Criticality, HealthIndicator, Status};

use super::support::{config, indicator, pool, take_all, watch};
use crate::servers::postgres::{PASSWORD, Postgres};
use crate::support::watched::refused;

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_wrong_password_is_reported_without_the_password() {
    let server = Postgres::start().await;
    let watched = watch(config(server.port()).password("wr0ng-p4ss"));
    let text = watched.fails().await;
    let expected = format!(
        "cannot connect to 127.0.0.1:{}/orders: password authentication failed for user \"app\" \
         (28P01: the password is wrong)",
        server.port()
    );
    assert_eq!(text, expected);
    server.run("ALTER ROLE app PASSWORD 'wr0ng-p4ss'").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_does_not_exist_is_named() {
    let server = Postgres::start().await;
    let watched = watch(config(server.port()).dbname("invoices"));
    let text = watched.fails().await;
    assert!(
        text.contains("\"invoices\" does not exist (3D000: there is no such"),
        "{text}"
    );
    server.run("CREATE DATABASE invoices OWNER app").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_without_a_free_connection_has_its_own_message() {
    let settings = [
        "max_connections=6",
        "superuser_reserved_connections=3",
        "max_wal_senders=0",
    ];
    let server = Postgres::start_with(&settings).await;
    let config = config(server.port());
    let taken = take_all(&pool(&config)).await;
    let watched = watch(&config);
    let text = watched.fails().await;
    assert!(
        text.contains("(53300: all connections that the server allows are taken)"),
        "{text}"
    );
    drop(taken);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_that_starts_up_has_its_own_message() {
    let settings = ["restore_command=sleep 60; false", "hot_standby=off"];
    let server = Postgres::prepare(&settings, &["recovery.signal"]);
    let watched = watch(&config(server.port()));
    let part = "the database system is starting up (57P03";
    watched.turns_with(Status::Fail, part).await;
}

#[test]
fn a_configuration_without_a_host_is_an_error_that_names_the_indicator() {
    let mut config = Config::new();
    config.user("app").password(PASSWORD);
    let made = DeadpoolPostgresIndicator::new("orders", pool(&config), &config, NoTls);
    assert_eq!(refused(made), "\"orders\": config names no host");
}

#[test]
fn by_default_it_is_a_critical_datastore_that_shows_no_password() {
    let config = config(5432);
    let made = DeadpoolPostgresIndicator::new("db", pool(&config), &config, NoTls);
    assert_eq!(
        HealthIndicator::timeout(&made),
        Some(std::time::Duration::from_secs(2))
    );
    assert_eq!(made.ttl(), Some(std::time::Duration::from_secs(5)));
    assert_eq!(made.criticality(), Criticality::Critical);
    assert_eq!(made.component_type(), Some(ComponentType::Datastore));
    let shown = format!("{:?}", indicator(&pool(&config), &config));
    assert!(
        shown.contains("127.0.0.1:5432/orders") && !shown.contains(PASSWORD),
        "{shown}"
    );
}
