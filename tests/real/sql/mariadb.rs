//! MariaDB, behind the application's pool.

use std::time::Duration;

use sqlx::MySqlPool;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tower_health::Status;

use crate::servers::mariadb::{MariaDb, PASSWORD};
use crate::support::eventually;
use crate::support::runs::{passes, run, runs_pass};
use crate::support::sqlx_pool::{
    TIMEOUT, assert_no_place_is_stranded, indicator, no_more_tasks_than, watch,
};
use crate::support::watched::Watched;

pub(crate) fn pool(options: MySqlConnectOptions) -> MySqlPool {
    MySqlPoolOptions::new()
        .max_connections(3)
        .connect_lazy_with(options)
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn it_recovers_without_a_new_pool_after_it_was_killed() {
    let mut server = MariaDb::start().await;
    let watched = watch(&pool(server.options()));
    watched.passes().await;
    server.kill();
    let text = watched.turns_with(Status::Fail, "refused").await;
    let place = format!("127.0.0.1:{}/orders", server.port());
    assert!(text.contains(&place), "{text}");
    server.restart().await;
    watched.passes().await;
    watched.runs(5).await;
    assert_eq!(server.connections().await, 1);
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_wrong_password_is_reported_without_the_password() {
    let server = MariaDb::start().await;
    let watched = watch(&pool(server.options().password("wr0ng-p4ss")));
    let text = watched.fails().await;
    assert!(text.contains("Access denied for user 'app'"), "{text}");
    assert!(text.contains("the password is wrong"), "{text}");
    assert!(!text.contains(PASSWORD) && !text.contains("wr0ng-p4ss"));
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_frozen_server_fails_and_passes_once_thawed() {
    let mut server = MariaDb::start().await;
    let pool = pool(server.options());
    let watched = watch(&pool);
    watched.passes().await;
    server.freeze();
    let text = watched.fails().await;
    assert!(text.contains("does not answer a new connection"), "{text}");
    watched.runs(3).await;
    server.thaw();
    watched.passes().await;
    assert_no_place_is_stranded(&pool).await;
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_server_without_a_free_connection_has_its_own_message() {
    let server = MariaDb::start_with(&["--max-connections=10"]).await;
    let others = MySqlPoolOptions::new()
        .max_connections(20)
        .acquire_timeout(Duration::from_secs(1))
        .connect_lazy_with(server.options());
    let mut taken = Vec::new();
    while let Ok(connection) = others.acquire().await {
        taken.push(connection);
    }
    let watched = watch(&pool(server.options()));
    let text = watched.fails().await;
    assert!(
        text.contains("all connections that the server allows"),
        "{text}"
    );
    drop(taken);
    others.close().await;
    watched.passes().await;
}

/// The server does this as well, to those who come while it still turns away others.
#[tokio::test]
async fn a_refusal_before_the_greeting_has_its_own_message_without_a_state() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let packet = b"\x17\0\0\0\xff\x10\x04Too many connections";
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.write_all(packet).await;
        }
    });
    let options = MySqlConnectOptions::new().host("127.0.0.1").port(port);
    let text = watch(&pool(options)).fails().await;
    let words = "Too many connections (all connections that the server allows are taken)";
    assert!(text.contains(words), "{text}");
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_server_that_takes_no_writes_fails_who_wants_to_write() {
    let server = MariaDb::start().await;
    let pool = pool(server.options());
    let watched = Watched::start("db", indicator(&pool).read_write());
    watched.passes().await;
    server.run("SET GLOBAL read_only = ON").await;
    let text = watched.fails().await;
    assert!(
        text.contains("accepts no writes: read_only is set"),
        "{text}"
    );
    server.run("SET GLOBAL read_only = OFF").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn an_exhausted_pool_warns_while_the_server_answers() {
    let server = MariaDb::start().await;
    let pool = pool(server.options());
    let watched = watch(&pool);
    watched.passes().await;
    let taken = [
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
    ];
    watched
        .turns_with(Status::Warn, "the pool is exhausted: 3 of 3")
        .await;
    drop(taken);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_thousand_runs_leave_nothing_behind() {
    let mut server = MariaDb::start().await;
    let pool = pool(server.options());
    let tasks = Handle::current().metrics().num_alive_tasks();
    let indicator = indicator(&pool);
    runs_pass(&indicator, 470).await;
    server.freeze();
    let hasty = crate::support::sqlx_pool::indicator(&pool).timeout(Duration::from_millis(40));
    assert_eq!(run(&hasty, 30, TIMEOUT).await, 0);
    for at in 1..=30 {
        assert_eq!(run(&indicator, 1, Duration::from_millis(at)).await, 0);
    }
    server.thaw();
    passes(&indicator).await;
    runs_pass(&indicator, 470).await;
    assert_no_place_is_stranded(&pool).await;
    eventually("connections end", async || server.connections().await <= 3).await;
    pool.close().await;
    no_more_tasks_than(tasks).await;
    eventually("all connections end", async || {
        server.connections().await == 0
    })
    .await;
}
