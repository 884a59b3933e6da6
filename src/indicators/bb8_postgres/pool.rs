//! A pool of bb8-postgres, as the indicator uses it.

use std::fmt;

use bb8_postgres::PostgresConnectionManager;
use bb8_postgres::bb8::{ManageConnection, Pool, PooledConnection, RunError};
use bb8_postgres::tokio_postgres::tls::MakeTlsConnect;
use bb8_postgres::tokio_postgres::{Client, Error, Socket};

use crate::indicators::pool::{
    ConnectionPool, DatabasePool, DatabaseQueries, DatabaseState, PoolFault, PoolState,
    ReplicatedPool,
};
use crate::indicators::postgres::tokio_postgres::{message, query};

/// A pool of bb8-postgres 0.9, for [`Bb8PostgresIndicator`](super::Bb8PostgresIndicator).
pub struct Bb8PostgresPool<T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static>
where
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    pub(super) pool: Pool<PostgresConnectionManager<T>>,
    pub(super) address: String,
}

impl<T> ConnectionPool for Bb8PostgresPool<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    type Connection = Client;
    type Pooled = PooledConnection<'static, PostgresConnectionManager<T>>;
    type Error = RunError<Error>;

    fn address(&self) -> String {
        self.address.clone()
    }

    fn state(&self) -> Option<PoolState> {
        let state = self.pool.state();
        let counts = [
            state.connections,
            state.idle_connections,
            self.pool.config().max_size,
        ];
        let [open, idle, most] = counts.map(|count| count.try_into().unwrap_or(usize::MAX));
        Some(PoolState::new(open, idle, most))
    }

    async fn take(&self) -> Result<Self::Pooled, RunError<Error>> {
        self.pool.get_owned().await
    }

    async fn connect(&self) -> Result<Client, RunError<Error>> {
        let connected = self.pool.dedicated_connection().await;
        connected.map_err(RunError::User)
    }

    async fn ping(&self, client: &mut Client) -> Result<(), RunError<Error>> {
        let queried = query::query(client, &DatabaseQueries::default()).await;
        queried.map(drop).map_err(RunError::User)
    }

    /// bb8 has no way to take a connection out of its pool, but closes one that is broken. This one
    /// is made so, through a method that the documentation of tokio-postgres hides.
    fn discard(&self, mut pooled: Self::Pooled) {
        pooled.__private_api_close();
    }

    fn fault(&self, error: &RunError<Error>) -> PoolFault {
        match error {
            RunError::TimedOut => PoolFault::TimedOut,
            RunError::User(error) => message::fault(error),
        }
    }

    fn describe(&self, error: &RunError<Error>) -> String {
        match error {
            RunError::TimedOut => "no connection within the timeout of the pool".to_owned(),
            RunError::User(error) => message::describe(error),
        }
    }

    fn hooks(&self) -> &'static str {
        "`on_acquire`"
    }
}

impl<T> DatabasePool for Bb8PostgresPool<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    async fn query(
        &self,
        client: &mut Client,
        queries: &DatabaseQueries,
    ) -> Result<DatabaseState, RunError<Error>> {
        let queried = query::query(client, queries).await;
        queried.map_err(RunError::User)
    }

    async fn write(
        &self,
        client: &mut Client,
        statement: &str,
        queries: &DatabaseQueries,
    ) -> Result<(), RunError<Error>> {
        let written = query::write(client, statement, queries).await;
        written.map_err(RunError::User)
    }
}

impl<T> ReplicatedPool for Bb8PostgresPool<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
}

/// Without the pool, whose `Debug` may show the settings of its connections.
impl<T> fmt::Debug for Bb8PostgresPool<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bb8PostgresPool")
            .field(&self.address)
            .finish()
    }
}
