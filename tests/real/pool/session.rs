//! What a run leaves in the session of a connection: nothing.

use sqlx::mysql::MySqlPoolOptions;
use sqlx::{AssertSqlSafe, raw_sql};
use tower_health::HealthIndicator;

use crate::servers::mariadb::MariaDb;
use crate::support::sqlx_pool::patient;

// Variables of the user would pin a connection of ProxySQL to its server.
#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn a_statement_that_writes_leaves_no_variables_in_mariadb_and_its_limits_as_they_were() {
    let server = MariaDb::start_with(&["--plugin-load-add=user_variables"]).await;
    let pool = MySqlPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(server.options());
    raw_sql("CREATE TABLE health (seen timestamp)")
        .execute(&pool)
        .await
        .unwrap();
    let statement = "INSERT INTO health VALUES (now()); DELETE FROM health";
    let limits = "SET SESSION innodb_lock_wait_timeout = 7, SESSION lock_wait_timeout = 8";
    raw_sql(limits).execute(&pool).await.unwrap();
    for behind_pooler in [false, true] {
        let mut indicator = patient(&pool).write_statement(statement);
        if behind_pooler {
            indicator = indicator.behind_pooler();
        }
        let _ = indicator.check().await.unwrap();
        let shown = "SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout, \
                     (SELECT count(*) FROM information_schema.user_variables)";
        let shown: (u64, u64, i64) = sqlx::query_as(AssertSqlSafe(shown))
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(shown, (7, 8, 0), "behind a pooler: {behind_pooler}");
    }
}
