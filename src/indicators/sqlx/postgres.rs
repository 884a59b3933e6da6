//! Postgres.

use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Error, PgConnection, Postgres, Row, raw_sql};

use super::backend::Backend;
use crate::indicators::shared::database::{DatabaseState, Lag, QueryOptions};
use crate::indicators::shared::postgres;

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
        options: &QueryOptions,
        patience: Duration,
    ) -> Result<DatabaseState, Error> {
        let mut state = DatabaseState::default();
        if !options.read_write {
            raw_sql("SELECT 1").execute(&mut *connection).await?;
        } else {
            let row = raw_sql(postgres::WRITABLE)
                .fetch_one(&mut *connection)
                .await?;
            state.read_only = postgres::read_only(row.try_get(0)?, row.try_get(1)?);
        }
        if options.max_lag.is_some() {
            let row = raw_sql(postgres::LAG).fetch_one(&mut *connection).await?;
            state.lag = Some(Lag::Seconds(row.try_get(0)?));
        }
        if let Some(statement) = &options.write_statement {
            let bounded = postgres::bounded(statement, patience);
            raw_sql(AssertSqlSafe(bounded))
                .execute(&mut *connection)
                .await?;
        }
        Ok(state)
    }

    fn meaning(error: &dyn DatabaseError) -> Option<&'static str> {
        postgres::meaning(&error.code()?)
    }
}
