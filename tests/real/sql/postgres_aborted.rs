//! Postgres that falls silent at the worst moment: a question is open, or its connection is on its
//! way back to the pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::runtime::Handle;

use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::proxy::{Mode, Proxy};
use crate::support::runs::run;
use crate::support::sqlx_pool::{
    LONG, TIMEOUT, assert_no_place_is_stranded, indicator, no_more_tasks_than, patient,
};

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn runs_that_are_aborted_within_a_question_leave_nothing_behind() {
    let server = Postgres::start().await;
    let (proxy, silent) = proxied(&server).await;
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .test_before_acquire(false)
        .before_acquire(falls_silent(&proxy, &silent))
        .connect_lazy_with(server.options().port(proxy.port()));
    // Each falls silent as soon as its run has an idle connection, which its question then goes to.
    let tasks = Handle::current().metrics().num_alive_tasks();
    for abort in [true, false].repeat(30) {
        assert_eq!(run(&patient(&pool), 1, LONG).await, 1);
        silent.store(true, Ordering::SeqCst);
        let left = match abort {
            true => run(&indicator(&pool), 1, Duration::from_millis(15)).await,
            false => {
                let hasty = indicator(&pool).timeout(Duration::from_millis(15));
                run(&hasty, 1, TIMEOUT).await
            }
        };
        assert_eq!(left, 0);
        assert_eq!(
            (pool.size(), pool.num_idle()),
            (0, 0),
            "it is closed at once"
        );
        silent.store(false, Ordering::SeqCst);
        proxy.set(Mode::Pass);
    }
    nothing_is_left(&server, &pool, tasks).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_connection_that_falls_silent_on_its_way_back_is_closed() {
    let server = Postgres::start().await;
    let (proxy, silent) = proxied(&server).await;
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .after_release(falls_silent(&proxy, &silent))
        .connect_lazy_with(server.options().port(proxy.port()));
    let tasks = Handle::current().metrics().num_alive_tasks();
    silent.store(true, Ordering::SeqCst);
    // The question was answered.
    assert_eq!(run(&patient(&pool), 1, LONG).await, 1);
    assert_eq!((pool.size(), pool.num_idle()), (0, 0));
    silent.store(false, Ordering::SeqCst);
    proxy.set(Mode::Pass);
    assert_eq!(run(&patient(&pool), 1, LONG).await, 1);
    nothing_is_left(&server, &pool, tasks).await;
}

// Tasks of sqlx replace what is closed, while nothing answers them.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_that_keeps_connections_open_recovers() {
    let mut server = Postgres::start().await;
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .min_connections(2)
        .test_before_acquire(false)
        .connect_lazy_with(server.options());
    let tasks = Handle::current().metrics().num_alive_tasks();
    assert_eq!(run(&patient(&pool), 1, LONG).await, 1);
    server.freeze();
    assert_eq!(
        run(&indicator(&pool), 20, Duration::from_millis(20)).await,
        0
    );
    server.thaw();
    eventually("the database answers", async || {
        run(&indicator(&pool), 1, TIMEOUT).await == 1
    })
    .await;
    nothing_is_left(&server, &pool, tasks).await;
}

async fn proxied(server: &Postgres) -> (Arc<Proxy>, Arc<AtomicBool>) {
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    (Arc::new(proxy), Arc::default())
}

/// A hook of the pool after which no byte goes through, once `silent` is set.
#[allow(clippy::type_complexity, reason = "that is the type of hooks")]
fn falls_silent(
    proxy: &Arc<Proxy>,
    silent: &Arc<AtomicBool>,
) -> impl Fn(
    &mut sqlx::PgConnection,
    sqlx::pool::PoolConnectionMetadata,
) -> std::pin::Pin<Box<dyn Future<Output = Result<bool, sqlx::Error>> + Send + '_>>
+ Send
+ Sync
+ 'static {
    let (proxy, silent) = (Arc::clone(proxy), Arc::clone(silent));
    move |_, _| {
        if silent.load(Ordering::SeqCst) {
            proxy.set(Mode::BlackHole);
        }
        Box::pin(async { Ok(true) })
    }
}

async fn nothing_is_left(server: &Postgres, pool: &PgPool, tasks: usize) {
    assert_no_place_is_stranded(pool).await;
    eventually("connections end", async || server.connections().await <= 3).await;
    pool.close().await;
    eventually("all connections end", async || {
        server.connections().await == 0
    })
    .await;
    no_more_tasks_than(tasks).await;
}
