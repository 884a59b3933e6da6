//! Postgres that answers, and says no; and a pool that has nothing to give.

use diesel_async::pooled_connection::RecyclingMethod;
use tokio_postgres::{Config, NoTls};
use tower_health::indicators::DieselPostgresIndicator;
use tower_health::{HealthIndicator, Status};

use super::support::{SIZE, config, indicator, pool, pool_of, take, url, watched};
use crate::pool::full;
use crate::servers::postgres::{PASSWORD, Postgres};
use crate::support::eventually;
use crate::support::runs::passes;
use crate::support::sqlx_pool::LONG;
use crate::support::watched::{Watched, refused};

const FULL: &str = "(53300: all connections that the server allows are taken)";

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_warns_and_does_not_hide_that_the_database_is_down() {
    let (mut server, pool, watched) = watched().await;
    let taken = take(&pool, SIZE).await;
    let text = watched.turns(Status::Warn).await;
    let expected = "the pool is exhausted: 3 of 3 connections are in use, none became free within \
                    0.9 s; the database answers a new connection";
    assert_eq!(text, expected);
    // The connection beside the pool is closed each time.
    eventually("it is closed", async || server.connections().await == 3).await;
    server.kill();
    watched.turns_with(Status::Fail, "Connection refused").await;
    drop(taken);
    server.restart().await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_that_holds_all_that_the_server_allows_warns() {
    let server = full::postgres().await;
    let url = url(server.port(), PASSWORD);
    let pool = pool_of(&url, RecyclingMethod::Fast, 5);
    let indicator = indicator(&pool, server.port()).timeout(LONG);
    passes(&indicator).await;
    let taken = take(&pool, 5).await;
    let text = warning(&indicator).await;
    assert!(text.contains("5 of 5") && text.contains(FULL), "{text}");
    drop(taken);
    passes(&indicator).await;
}

// What the pool itself is told has no code.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_that_cannot_grow_warns_while_it_has_some_and_fails_without() {
    let server = full::postgres().await;
    let pool_of = |size| pool_of(&url(server.port(), PASSWORD), RecyclingMethod::Fast, size);
    let pool = pool_of(4);
    let indicator = indicator(&pool, server.port()).timeout(LONG);
    passes(&indicator).await;
    let own = take(&pool, 2).await;
    let neighbour = pool_of(3);
    let others = take(&neighbour, 3).await;
    let text = warning(&indicator).await;
    assert!(text.contains("2 of 4") && text.contains(FULL), "{text}");

    drop(own);
    pool.retain(|_, _| false);
    let thief = pool_of(2);
    let mut stolen = Vec::new();
    eventually("all places are taken again", async || {
        stolen.extend(thief.get().await.ok());
        stolen.len() == 2
    })
    .await;
    let failure = indicator.check().await.unwrap_err();
    assert!(failure.output().contains(FULL), "{failure}");
    neighbour.close();
    thief.close();
    drop((others, stolen));
    passes(&indicator).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_wrong_password_is_reported_without_the_password() {
    let server = Postgres::start().await;
    let url = url(server.port(), "wr0ng-p4ss");
    let pool = pool_of(&url, RecyclingMethod::Verified, SIZE);
    let indicator = DieselPostgresIndicator::new("db", pool, &config(&url), NoTls);
    let watched = Watched::start("db", indicator);
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
async fn a_pool_that_is_refused_what_its_config_is_not_fails_in_the_words_of_diesel() {
    let server = Postgres::start().await;
    let url = url(server.port(), "wr0ng-p4ss");
    let pool = pool_of(&url, RecyclingMethod::Fast, SIZE);
    let run = indicator(&pool, server.port()).timeout(LONG).check().await;
    let failure = run.unwrap_err();
    let text = failure.output();
    assert!(text.contains("password authentication failed"), "{text}");
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_accepts_no_writes_fails_and_one_without_a_primary_has_no_lag() {
    let server = Postgres::start().await;
    let pool = pool(server.port());
    let indicator = indicator(&pool, server.port()).read_write();
    let indicator = indicator.max_lag(std::time::Duration::from_secs(5));
    let watched = Watched::start("db", indicator);
    watched.passes().await;
    let state = watched.state();
    let lag = state.readings().last().unwrap();
    assert_eq!(lag.measurement(), Some("replicationLag"));
    server
        .run("ALTER SYSTEM SET default_transaction_read_only = on")
        .await;
    server.run("SELECT pg_reload_conf()").await;
    watched
        .turns_with(Status::Fail, "its transactions are read-only")
        .await;
}

// diesel has no kind for either.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_statement_that_is_refused_differs_from_one_that_ends_the_connection() {
    let server = Postgres::start().await;
    let pool = pool(server.port());
    let cases = [
        (
            "INSERT INTO nowhere VALUES (1)",
            "answers a query with: relation \"nowhere\" does not exist",
        ),
        (
            "SELECT pg_terminate_backend(pg_backend_pid())",
            "broke off a query: terminating connection due to administrator command",
        ),
    ];
    for (statement, words) in cases {
        let indicator = indicator(&pool, server.port()).write_statement(statement);
        let failure = indicator.timeout(LONG).check().await.unwrap_err();
        assert!(failure.output().contains(words), "{failure}");
    }
}

#[test]
fn a_configuration_without_a_host_is_an_error_and_none_shows_a_password() {
    let pool = pool(5432);
    let mut config = Config::new();
    config.user("app").password(PASSWORD);
    let made = DieselPostgresIndicator::new("orders", pool.clone(), &config, NoTls);
    assert_eq!(refused(made), "\"orders\": config names no host");
    let shown = format!("{:?}", indicator(&pool, 5432));
    assert!(
        shown.contains("127.0.0.1:5432/orders") && !shown.contains(PASSWORD),
        "{shown}"
    );
}

async fn warning(indicator: &impl HealthIndicator) -> String {
    let observation = indicator.check().await.unwrap();
    assert_eq!(observation.status(), Status::Warn, "{observation:?}");
    observation.output().unwrap().to_owned()
}
