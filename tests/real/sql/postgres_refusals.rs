//! Postgres that answers, and says no.

use std::fs;

use sqlx::postgres::PgSslMode;
use tower_health::Status;

use super::postgres::pool;
use crate::servers::postgres::{PASSWORD, Postgres};
use crate::support::sqlx_pool::watch;

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_wrong_password_is_reported_without_the_password() {
    let server = Postgres::start().await;
    let watched = watch(&pool(server.options().password("wr0ng-p4ss")));
    let text = watched.fails().await;
    let expected = format!(
        "cannot connect to 127.0.0.1:{}/orders: password authentication failed for user \"app\" \
         (28P01: the password is wrong)",
        server.port()
    );
    assert_eq!(text, expected);
    assert!(!text.contains(PASSWORD) && !text.contains("wr0ng-p4ss"));
    server.run("ALTER ROLE app PASSWORD 'wr0ng-p4ss'").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_does_not_exist_is_named() {
    let server = Postgres::start().await;
    let watched = watch(&pool(server.options().database("invoices")));
    let text = watched.fails().await;
    assert!(
        text.contains("database \"invoices\" does not exist"),
        "{text}"
    );
    server.run("CREATE DATABASE invoices OWNER app").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_without_a_free_connection_has_its_own_message() {
    let server = Postgres::start_with(&["max_connections=8", "max_wal_senders=0"]).await;
    let others = pool(server.options());
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(others.acquire().await.unwrap());
    }
    let more = pool(server.options());
    for _ in 0..2 {
        taken.push(more.acquire().await.unwrap());
    }
    let watched = watch(&pool(server.options()));
    let text = watched.fails().await;
    assert!(
        text.contains("(53300: all connections that the server allows are taken)"),
        "{text}"
    );
    drop(taken);
    others.close().await;
    more.close().await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_that_starts_up_has_its_own_message() {
    // It runs beside the data, and there is nothing to restore.
    let restore = "restore_command=while ! test -e go; do sleep 0.05; done; false";
    let settings = [restore, "hot_standby=off"];
    let server = Postgres::prepare(&settings, &["recovery.signal"]);
    let watched = watch(&pool(server.options()));
    let text = watched
        .turns_with(Status::Fail, "the database system is starting up")
        .await;
    assert!(text.contains("57P03"), "{text}");
    server.write_private("go", "");
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_that_requires_tls_has_its_own_message() {
    let server = Postgres::start().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    server.write_private("server.crt", &certificate);
    server.write_private("server.key", &key.serialize_pem());
    let access = "host all postgres 127.0.0.1/32 trust\n\
        hostssl all app 127.0.0.1/32 scram-sha-256\n";
    server.write_private("pg_hba.conf", access);
    server.run("ALTER SYSTEM SET ssl = on").await;
    server.run("SELECT pg_reload_conf()").await;

    let plain = watch(&pool(server.options().ssl_mode(PgSslMode::Disable)));
    let text = plain.turns_with(Status::Fail, "no encryption").await;
    assert!(text.contains("or not without TLS"), "{text}");

    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root.crt");
    fs::write(&root, &certificate).unwrap();
    let encrypted = server.options().ssl_mode(PgSslMode::VerifyFull);
    watch(&pool(encrypted.clone().ssl_root_cert(&root)))
        .passes()
        .await;

    let text = watch(&pool(encrypted)).fails().await;
    assert!(text.contains("certificate"), "{text}");
}
