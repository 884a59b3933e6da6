//! A database of Postgres, through a pool of the application or a connection of its own.

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgRow};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Error, Executor, Postgres, Row as _,
    TypeInfo, ValueRef, raw_sql,
};

use super::value::query;
use super::{Row, Value};

#[derive(Clone, Debug)]
pub(in crate::recorder) enum PostgresSource {
    Pool(PgPool),
    Options(Box<PgConnectOptions>),
}

#[derive(Debug)]
pub(in crate::recorder) enum PostgresSession {
    Own(PgConnection),
    Pooled(Pooled),
}

/// A connection of the pool of the application. Dropped in the middle of its work, it does not go
/// back: the pool would wait for its answer, perhaps from a server that is frozen.
#[derive(Debug)]
pub(in crate::recorder) struct Pooled {
    /// `None` only while this is given back or dropped.
    connection: Option<PoolConnection<Postgres>>,
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

impl PostgresSession {
    pub(super) async fn open(source: &PostgresSource) -> Result<Self, Error> {
        match source {
            PostgresSource::Pool(pool) => {
                let connection = Some(pool.acquire().await?);
                Ok(Self::Pooled(Pooled { connection }))
            }
            PostgresSource::Options(options) => {
                let options = options.as_ref().clone().disable_statement_logging();
                Ok(Self::Own(options.connect().await?))
            }
        }
    }

    /// Returns the session if it can be kept until the next work, and gives it back to the pool
    /// otherwise.
    pub(super) async fn rest(self) -> Option<Self> {
        match self {
            Self::Own(connection) => Some(Self::Own(connection)),
            Self::Pooled(mut pooled) => {
                if let Some(mut connection) = pooled.connection.take() {
                    let returned = connection.return_to_pool();
                    drop(connection);
                    returned.await;
                }
                None
            }
        }
    }

    fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        match self {
            Self::Own(connection) => Ok(connection),
            Self::Pooled(pooled) => match &mut pooled.connection {
                Some(connection) => Ok(connection),
                None => Err(Error::PoolClosed),
            },
        }
    }

    // Statements are not kept by name: a pooler in between may give each transaction another server.
    pub(super) async fn execute(&mut self, sql: String, values: Vec<Value>) -> Result<u64, Error> {
        let query = query!(sql, values).persistent(false);
        Ok(query.execute(self.connection()?).await?.rows_affected())
    }

    pub(super) async fn fetch(
        &mut self,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        let query = query!(sql, values).persistent(false);
        let rows = query.fetch_all(self.connection()?).await?;
        rows.iter().map(decode).collect()
    }

    pub(super) async fn script(&mut self, sql: String) -> Result<(), Error> {
        let script = raw_sql(AssertSqlSafe(sql));
        self.connection()?.execute(script).await.map(drop)
    }

    pub(super) async fn close(self) {
        if let Some(Self::Own(connection)) = self.rest().await {
            let _ = connection.close().await;
        }
    }
}

fn decode(row: &PgRow) -> Result<Row, Error> {
    let columns = row.columns().iter().map(|column| {
        let ordinal = column.ordinal();
        let raw = row.try_get_raw(ordinal)?;
        if raw.is_null() {
            return Ok(Value::Int(None));
        }
        match raw.type_info().name() {
            "TEXT" => Ok(Value::Text(row.try_get(ordinal)?)),
            "INT4" => Ok(Value::from(i64::from(row.try_get::<i32, _>(ordinal)?))),
            _ => Ok(Value::Int(row.try_get(ordinal)?)),
        }
    });
    columns.collect::<Result<_, _>>().map(Row)
}
