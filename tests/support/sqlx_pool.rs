//! Indicators over a pool of sqlx, and what a run may leave behind. For all three databases.

use std::time::Duration;

use tokio::runtime::Handle;
use tower_health::indicators::{SqlxDatabase, SqlxIndicator};

use super::wait::eventually;
use super::watched::Watched;

/// Long for a server on the same machine, however busy it is, and short for a test.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// Looks beside an exhausted pool in each run, so that a test sees soon what changes.
pub(crate) fn indicator<DB: SqlxDatabase>(pool: &sqlx::Pool<DB>) -> SqlxIndicator<DB> {
    SqlxIndicator::new("db", pool.clone())
        .timeout(TIMEOUT)
        .beside_interval(Duration::ZERO)
}

/// For runs that have to pass at once, however busy the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(8);

pub(crate) fn patient<DB: SqlxDatabase>(pool: &sqlx::Pool<DB>) -> SqlxIndicator<DB> {
    indicator(pool).timeout(LONG)
}

pub(crate) fn watch<DB: SqlxDatabase>(pool: &sqlx::Pool<DB>) -> Watched {
    Watched::start("db", indicator(pool))
}

/// No run left a place of the pool behind: all of them can be taken at once.
pub(crate) async fn assert_no_place_is_stranded<DB: SqlxDatabase>(pool: &sqlx::Pool<DB>) {
    let mut taken = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        let connection = tokio::time::timeout(Duration::from_secs(20), pool.acquire());
        taken.push(connection.await.expect("a place is stranded").unwrap());
    }
}

/// No run left a task behind.
pub(crate) async fn no_more_tasks_than(tasks: usize) {
    eventually("tasks end", async || {
        Handle::current().metrics().num_alive_tasks() <= tasks
    })
    .await;
}
