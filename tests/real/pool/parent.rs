//! Pools of sqlx that take their places from a parent.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tower_health::Status;

use crate::servers::postgres::Postgres;
use crate::support::sqlx_pool::indicator;
use crate::support::watched::Watched;

const PLACES: u32 = 2;

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_whose_parent_is_exhausted_warns() {
    let server = Postgres::start().await;
    let parent = options().connect_lazy_with(server.options());
    let taken = [
        parent.acquire().await.unwrap(),
        parent.acquire().await.unwrap(),
    ];
    let child = child(&server, &parent);
    let indicator = indicator(&child).parent_pool(parent.clone());
    let watched = Watched::start("db", indicator);
    watched
        .turns_with(Status::Warn, "the parent of the pool is exhausted (0 of 2")
        .await;
    drop(taken);
    watched.passes().await;
}

// sqlx does not tell how many places they hold.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_whose_siblings_hold_all_places_warns() {
    let server = Postgres::start().await;
    let parent = options().connect_lazy_with(server.options());
    let sibling = child(&server, &parent);
    let taken = [
        sibling.acquire().await.unwrap(),
        sibling.acquire().await.unwrap(),
    ];
    let child = child(&server, &parent);
    let watched = Watched::start("db", indicator(&child).parent_pool(parent.clone()));
    watched
        .turns_with(Status::Warn, "its parent may be exhausted")
        .await;
    drop(taken);
}

fn child(server: &Postgres, parent: &PgPool) -> PgPool {
    let options = options().parent(parent.clone());
    options.connect_lazy_with(server.options())
}

fn options() -> PgPoolOptions {
    let options = PgPoolOptions::new().max_connections(PLACES);
    options.acquire_timeout(Duration::from_secs(60))
}
