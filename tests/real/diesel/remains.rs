//! What hundreds of runs leave behind: nothing.

use std::time::Duration;

use diesel_async::pooled_connection::RecyclingMethod;
use tokio::runtime::Handle;

use super::support::{SIZE, TIMEOUT, indicator, pool_of, take, url};
use crate::servers::postgres::{PASSWORD, Postgres};
use crate::support::eventually;
use crate::support::runs::{passes, run, runs_pass};

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn hundreds_of_runs_leave_no_task_no_place_and_no_connection() {
    let mut server = Postgres::start().await;
    for method in [RecyclingMethod::Fast, RecyclingMethod::Verified] {
        let tasks = Handle::current().metrics().num_alive_tasks();
        let pool = pool_of(&url(server.port(), PASSWORD), method, SIZE);
        let own = indicator(&pool, server.port()).read_write();
        runs_pass(&own, 100).await;
        server.freeze();
        // By its own clock, and as the refresher aborts it: at any point.
        let hasty = indicator(&pool, server.port()).timeout(Duration::from_millis(40));
        assert_eq!(run(&hasty, 30, TIMEOUT).await, 0);
        for at in 1..=30 {
            assert_eq!(run(&own, 1, Duration::from_millis(at)).await, 0);
        }
        server.thaw();
        passes(&own).await;
        runs_pass(&own, 100).await;
        drop(take(&pool, SIZE).await);
        eventually("connections end", async || server.connections().await <= 3).await;

        drop((own, hasty, pool));
        eventually("tasks end", async || {
            Handle::current().metrics().num_alive_tasks() <= tasks
        })
        .await;
        eventually("all connections end", async || {
            server.connections().await == 0
        })
        .await;
    }
}
