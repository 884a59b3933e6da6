//! The tables in Postgres.

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions, raw_sql};
use tokio::task::{JoinSet, LocalSet};
use tower_health::recorder::POSTGRES_SCHEMA;

use super::outages::{builder, fails, pool, recovers};
use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::recorded::{healthy, passed_lately};

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_user_who_may_make_no_tables_records_into_those_of_the_administrator() {
    let server = Postgres::start().await;
    let admin = server.options().username("postgres");
    let mut admin = admin.connect().await.unwrap();
    let mut run = async |statements: String| {
        let statements = AssertSqlSafe(statements);
        raw_sql(statements).execute(&mut admin).await.unwrap();
    };
    run("CREATE SCHEMA health; GRANT USAGE ON SCHEMA health TO app".to_owned()).await;
    let options = server.options().options([("search_path", "health")]);
    let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy_with(options);
    let health = healthy().await;
    let recorder = builder(&pool).start(&health).unwrap();
    let text = fails(&recorder, &health).await;
    assert!(
        text.contains("permission denied for schema health"),
        "{text}"
    );
    assert!(recorder.flush().await.unwrap_err().is_schema());
    let make = format!("SET search_path = health; {}", POSTGRES_SCHEMA[0]);
    let grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA health TO app";
    run(format!("{make} {grant}")).await;
    recovers(&recorder, &health).await;
    let without = builder(&pool).instance("shop-2").without_migrations();
    let without = without.start(&health).unwrap();
    without.finish().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn recorders_that_start_at_once_make_the_tables_once() {
    let server = Postgres::start().await;
    let shared = pool(&server);
    let (local, mut tasks) = (LocalSet::new(), JoinSet::new());
    for number in 0..8 {
        let pool = pool(&server);
        let started = async move {
            let health = healthy().await;
            let recorder = builder(&pool).instance(format!("shop-{}", number % 3));
            // Eight handshakes in one thread, without optimisation, take a while.
            let recorder = recorder
                .timeout(Duration::from_secs(30))
                .start(&health)
                .unwrap();
            eventually("it writes", async || {
                let written = recorder.flush().await;
                written.inspect_err(|error| println!("{error}")).is_ok()
            })
            .await;
            assert!(recorder.stats().error.is_none());
        };
        tasks.spawn_local_on(started, &local);
    }
    while let Some(done) = local.run_until(tasks.join_next()).await {
        done.unwrap();
    }
    let archive = tower_health::recorder::Archive::postgres(shared);
    assert_eq!(passed_lately(&archive).await, 8);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_schema_that_is_newer_is_an_error_that_says_so() {
    let server = Postgres::start().await;
    let pool = pool(&server);
    let health = healthy().await;
    let recorder = builder(&pool).start(&health).unwrap();
    recovers(&recorder, &health).await;
    let newer = "UPDATE tower_health_schema SET version = 7";
    raw_sql(newer).execute(&pool).await.unwrap();
    let text = fails(&recorder, &health).await;
    assert!(text.contains("has version 7"), "{text}");
    assert!(recorder.flush().await.unwrap_err().is_schema());
}
