//! A pool of deadpool-postgres, as the indicator uses it.

use std::fmt;

use deadpool_postgres::{ClientWrapper, Object, Pool, PoolError, TimeoutType};

use crate::indicators::pool::{
    ConnectionPool, DatabasePool, DatabaseQueries, DatabaseState, PoolFault, PoolState,
    ReplicatedPool, deadpool,
};
use crate::indicators::postgres::tokio_postgres::{message, query};

/// A pool of deadpool-postgres 0.14, for
/// [`DeadpoolPostgresIndicator`](super::DeadpoolPostgresIndicator).
pub struct DeadpoolPostgresPool {
    pub(super) pool: Pool,
    /// Opens connections as the pool does, which never return to it.
    ///
    /// `Err` holds the configuration error.
    pub(super) direct: Result<Pool, String>,
    pub(super) address: String,
}

impl ConnectionPool for DeadpoolPostgresPool {
    type Connection = ClientWrapper;
    type Pooled = Object;
    type Error = PoolError;

    fn address(&self) -> String {
        self.address.clone()
    }

    fn state(&self) -> Option<PoolState> {
        Some(deadpool::state(&self.pool))
    }

    fn connection<'a>(&self, pooled: &'a mut Object) -> &'a mut ClientWrapper {
        pooled
    }

    async fn take(&self) -> Result<Object, PoolError> {
        self.pool.get().await
    }

    async fn take_idle(&self) -> Option<Object> {
        deadpool::take_idle(&self.pool).await
    }

    async fn connect(&self) -> Result<ClientWrapper, PoolError> {
        match &self.direct {
            Ok(direct) => direct.get().await.map(Object::take),
            // `start()` and each run have reported what is wrong with it.
            Err(_) => Err(PoolError::NoRuntimeSpecified),
        }
    }

    async fn ping(&self, client: &mut ClientWrapper) -> Result<(), PoolError> {
        self.query(client, &DatabaseQueries::default())
            .await
            .map(drop)
    }

    /// Aborts the task of the connection and closes its socket at once, without sending or waiting.
    fn discard(&self, pooled: Object) {
        drop(Object::take(pooled));
    }

    fn fault(&self, error: &PoolError) -> PoolFault {
        match error {
            PoolError::Timeout(_) => PoolFault::TimedOut,
            PoolError::Closed => PoolFault::Closed,
            PoolError::Backend(error) => message::fault(error),
            _ => PoolFault::Broken,
        }
    }

    fn describe(&self, error: &PoolError) -> String {
        match error {
            PoolError::Backend(error) => message::describe(error),
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
                "no answer within the timeouts of the pool".to_owned()
            }
            other => other.to_string(),
        }
    }

    fn config_error(&self) -> Option<String> {
        self.direct.as_ref().err().cloned()
    }

    fn hooks(&self) -> &'static [&'static str] {
        &["post_create", "pre_recycle"]
    }
}

impl DatabasePool for DeadpoolPostgresPool {
    async fn query(
        &self,
        client: &mut ClientWrapper,
        queries: &DatabaseQueries,
    ) -> Result<DatabaseState, PoolError> {
        Ok(query::query(client, queries).await?)
    }

    async fn write(
        &self,
        client: &mut ClientWrapper,
        statement: &str,
        queries: &DatabaseQueries,
    ) -> Result<(), PoolError> {
        Ok(query::write(client, statement, queries).await?)
    }
}

impl ReplicatedPool for DeadpoolPostgresPool {}

/// Without the pool, whose `Debug` shows the settings of its connections.
impl fmt::Debug for DeadpoolPostgresPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("DeadpoolPostgresPool");
        shown.field(&self.address).finish()
    }
}
