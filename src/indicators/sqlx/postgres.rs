//! Postgres.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Error, PgConnection, Postgres, Row, raw_sql};

use super::backend::Backend;
use crate::indicators::pool::{DatabaseQueries, DatabaseState, PoolFault};
use crate::indicators::postgres;

impl Backend for Postgres {
    type Storage = ();

    fn address(options: &PgConnectOptions) -> String {
        let database = options.get_database().unwrap_or(options.get_username());
        match options.get_socket() {
            Some(socket) => format!("{}/{database}", socket.display()),
            None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
        }
    }

    async fn query(
        connection: &mut PgConnection,
        queries: &DatabaseQueries,
    ) -> Result<DatabaseState, Error> {
        let mut state = DatabaseState::answers();
        if !queries.read_write() {
            raw_sql("SELECT 1").execute(&mut *connection).await?;
        } else {
            let row = raw_sql(postgres::WRITABLE)
                .fetch_one(&mut *connection)
                .await?;
            if let Some(reason) = postgres::read_only(row.try_get(0)?, row.try_get(1)?) {
                state = state.read_only(reason);
            }
        }
        if queries.lag() {
            let row = raw_sql(postgres::LAG).fetch_one(&mut *connection).await?;
            state = state.lag(row.try_get(0)?);
        }
        Ok(state)
    }

    async fn write(
        connection: &mut PgConnection,
        statement: &str,
        queries: &DatabaseQueries,
    ) -> Result<(), Error> {
        let bounded = postgres::bounded(statement, queries.patience());
        let done = raw_sql(AssertSqlSafe(bounded)).execute(connection).await;
        done.map(drop)
    }

    fn fault(error: &dyn DatabaseError) -> PoolFault {
        postgres::fault(&error.code().unwrap_or_default(), error.message())
    }

    fn meaning(error: &dyn DatabaseError) -> Option<&'static str> {
        postgres::meaning(&error.code()?)
    }
}
