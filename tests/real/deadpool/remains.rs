//! What a thousand runs leave behind: nothing.

use std::time::Duration;

use deadpool_postgres::RecyclingMethod;
use tokio::runtime::Handle;

use super::support::{TIMEOUT, config, indicator, pool_with, take_all};
use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::runs::{passes, run, runs_pass};

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_thousand_runs_leave_no_task_no_place_and_no_connection() {
    let mut server = Postgres::start().await;
    let config = config(server.port());
    for method in [RecyclingMethod::Fast, RecyclingMethod::Verified] {
        let tasks = Handle::current().metrics().num_alive_tasks();
        let pool = pool_with(&config, method);
        let indicator = indicator(&pool, &config);
        runs_pass(&indicator, 470).await;
        server.freeze();
        // By its own clock, and as the refresher aborts it: at any point.
        let hasty = super::support::indicator(&pool, &config).timeout(Duration::from_millis(40));
        assert_eq!(run(&hasty, 30, TIMEOUT).await, 0);
        for at in 1..=30 {
            assert_eq!(run(&indicator, 1, Duration::from_millis(at)).await, 0);
        }
        server.thaw();
        passes(&indicator).await;
        runs_pass(&indicator, 470).await;
        drop(take_all(&pool).await);
        eventually("connections end", async || server.connections().await <= 3).await;

        drop((indicator, hasty, pool));
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
