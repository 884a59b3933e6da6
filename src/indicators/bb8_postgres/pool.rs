//! A pool of bb8-postgres, as the indicator uses it.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use bb8_postgres::PostgresConnectionManager;
use bb8_postgres::bb8::{ManageConnection, Pool, PooledConnection, RunError};
use bb8_postgres::tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use bb8_postgres::tokio_postgres::{Client, Config, Error, Socket};
use tokio::task::JoinHandle;

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
    pub(super) direct: Direct,
    pub(super) address: String,
    /// Whether a connection of the pool was discarded, and nothing has answered since.
    pub(super) is_in_doubt: AtomicBool,
}

/// Opens connections as the pool does, which never belong to it.
pub(super) type Direct = Box<dyn Fn() -> Connecting + Send + Sync>;

type Connecting = Pin<Box<dyn Future<Output = Result<DirectConnection, Error>> + Send>>;

pub(super) fn direct<T>(config: Config, tls: T) -> Direct
where
    T: MakeTlsConnect<Socket> + Clone + Sync + Send + 'static,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    Box::new(move || {
        let (config, tls) = (config.clone(), tls.clone());
        Box::pin(async move {
            let (client, connection) = config.connect(tls).await?;
            let task = tokio::spawn(async move { drop(connection.await) });
            Ok(DirectConnection { client, task })
        })
    })
}

/// A connection of the pool, or one beside it.
pub enum Bb8Connection<T: MakeTlsConnect<Socket>>
where
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    Pooled(PooledConnection<'static, PostgresConnectionManager<T>>),
    Direct(DirectConnection),
}

/// A connection whose task ends when this is dropped. That of tokio-postgres alone waits for each
/// answer, for ever if the server is silent.
pub struct DirectConnection {
    client: Client,
    task: JoinHandle<()>,
}

impl Drop for DirectConnection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T: MakeTlsConnect<Socket>> Deref for Bb8Connection<T>
where
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    type Target = Client;

    fn deref(&self) -> &Client {
        match self {
            Self::Pooled(pooled) => pooled,
            Self::Direct(direct) => &direct.client,
        }
    }
}

impl<T> ConnectionPool for Bb8PostgresPool<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    type Connection = Bb8Connection<T>;
    type Pooled = Bb8Connection<T>;
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

    fn connection<'a>(&self, pooled: &'a mut Bb8Connection<T>) -> &'a mut Bb8Connection<T> {
        pooled
    }

    /// A connection that was discarded keeps its task and its socket until the server answers or TCP
    /// gives up, and nothing can end them. So after one, no further connection of the pool is risked
    /// until the server gives any answer to one that this check can end.
    async fn take(&self) -> Result<Bb8Connection<T>, RunError<Error>> {
        if self.is_in_doubt.load(Ordering::Relaxed) {
            if let Ok(mut connection) = self.connect().await {
                let _ = self.ping(&mut connection).await;
            }
            self.is_in_doubt.store(false, Ordering::Relaxed);
        }
        let pooled = self.pool.get_owned().await?;
        Ok(Bb8Connection::Pooled(pooled))
    }

    async fn connect(&self) -> Result<Bb8Connection<T>, RunError<Error>> {
        let connected = (self.direct)().await;
        connected.map(Bb8Connection::Direct).map_err(RunError::User)
    }

    async fn ping(&self, client: &mut Bb8Connection<T>) -> Result<(), RunError<Error>> {
        let queried = query::query(client, &DatabaseQueries::default()).await;
        queried.map(drop).map_err(RunError::User)
    }

    /// bb8 has no way to take a connection out of its pool, but closes one that is broken. This one
    /// is made so, through a method that the documentation of tokio-postgres hides.
    fn discard(&self, pooled: Bb8Connection<T>) {
        if let Bb8Connection::Pooled(mut pooled) = pooled {
            self.is_in_doubt
                .store(!pooled.is_closed(), Ordering::Relaxed);
            pooled.__private_api_close();
        }
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

    fn hooks(&self) -> &'static [&'static str] {
        &["on_acquire"]
    }
}

impl<T> DatabasePool for Bb8PostgresPool<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    async fn query(
        &self,
        client: &mut Bb8Connection<T>,
        queries: &DatabaseQueries,
    ) -> Result<DatabaseState, RunError<Error>> {
        let queried = query::query(client, queries).await;
        queried.map_err(RunError::User)
    }

    async fn write(
        &self,
        client: &mut Bb8Connection<T>,
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

/// Without what a client shows.
impl<T: MakeTlsConnect<Socket>> fmt::Debug for Bb8Connection<T>
where
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bb8Connection").finish_non_exhaustive()
    }
}

impl fmt::Debug for DirectConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectConnection").finish_non_exhaustive()
    }
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
