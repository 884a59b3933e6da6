//! A pool of diesel-async, as the indicator uses it.

use std::fmt;
use std::pin::Pin;

use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::sql_types::{Bool, Double, Text};
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use super::message::{self, Fault};
use crate::indicators::pool::{
    ConnectionPool, DatabasePool, DatabaseQueries, DatabaseState, PoolFault, PoolState,
    ReplicatedPool, deadpool,
};
use crate::indicators::postgres;

const PING: &str = "SELECT 1";

/// Opens connections as the pool does, which never belong to it.
pub(super) type Direct = Box<dyn Fn() -> Connecting + Send + Sync>;

type Connecting = Pin<Box<dyn Future<Output = Result<AsyncPgConnection, Fault>> + Send>>;

/// A pool of diesel-async 0.9 and deadpool, for
/// [`DieselPostgresIndicator`](super::DieselPostgresIndicator).
pub struct DieselPostgresPool {
    pub(super) pool: Pool<AsyncPgConnection>,
    pub(super) direct: Direct,
    /// `None` without a host.
    pub(super) address: Option<String>,
}

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
            let connected = config.connect(tls).await;
            let (client, connection) = connected.map_err(|error| message::of_client(&error))?;
            let made = AsyncPgConnection::try_from_client_and_connection(client, connection).await;
            made.map_err(|error| message::of_connecting(&error))
        })
    })
}

impl ConnectionPool for DieselPostgresPool {
    type Connection = AsyncPgConnection;
    type Pooled = Object<AsyncPgConnection>;
    type Error = Fault;

    fn address(&self) -> String {
        self.address.clone().unwrap_or_default()
    }

    fn state(&self) -> Option<PoolState> {
        Some(deadpool::state(&self.pool))
    }

    fn connection<'a>(&self, pooled: &'a mut Self::Pooled) -> &'a mut AsyncPgConnection {
        pooled
    }

    /// What diesel says of a refusal is too little. The server says the same beside the pool, with
    /// its code; if it does not, what was refused may be over. Twice, because the connection beside
    /// the pool may hold the last place of the server until it is closed.
    async fn take(&self) -> Result<Self::Pooled, Fault> {
        let mut taken = self.pool.get().await;
        for _ in 0..2 {
            if !matches!(taken, Err(PoolError::Backend(_))) {
                break;
            }
            drop(self.connect().await?);
            taken = self.pool.get().await;
        }
        taken.map_err(message::of_pool)
    }

    async fn take_idle(&self) -> Option<Self::Pooled> {
        deadpool::take_idle(&self.pool).await
    }

    async fn connect(&self) -> Result<AsyncPgConnection, Fault> {
        (self.direct)().await
    }

    async fn ping(&self, connection: &mut AsyncPgConnection) -> Result<(), Fault> {
        let queried = self.query(connection, &DatabaseQueries::default()).await;
        queried.map(drop)
    }

    /// Ends the task of the connection, which closes its socket without sending or waiting.
    fn discard(&self, pooled: Self::Pooled) {
        drop(Object::take(pooled));
    }

    fn fault(&self, (fault, _): &Fault) -> PoolFault {
        *fault
    }

    fn describe(&self, (_, text): &Fault) -> String {
        text.clone()
    }

    fn config_error(&self) -> Option<String> {
        match self.address {
            Some(_) => None,
            None => Some("config names no host".to_owned()),
        }
    }

    fn hooks(&self) -> &'static [&'static str] {
        &["post_create", "pre_recycle"]
    }
}

impl DatabasePool for DieselPostgresPool {
    async fn query(
        &self,
        connection: &mut AsyncPgConnection,
        queries: &DatabaseQueries,
    ) -> Result<DatabaseState, Fault> {
        match query(connection, queries).await {
            Ok(state) => Ok(state),
            Err(error) => Err(fault(connection, &error).await),
        }
    }

    async fn write(
        &self,
        connection: &mut AsyncPgConnection,
        statement: &str,
        queries: &DatabaseQueries,
    ) -> Result<(), Fault> {
        let bounded = postgres::bounded(statement, queries.patience());
        match connection.batch_execute(&bounded).await {
            Ok(()) => Ok(()),
            Err(error) => Err(fault(connection, &error).await),
        }
    }
}

impl ReplicatedPool for DieselPostgresPool {}

async fn query(
    connection: &mut AsyncPgConnection,
    queries: &DatabaseQueries,
) -> QueryResult<DatabaseState> {
    let mut state = DatabaseState::answers();
    if queries.read_write() {
        let row = sql::<(Bool, Text)>(postgres::WRITABLE);
        let (in_recovery, transactions): (bool, String) = row.get_result(connection).await?;
        if let Some(reason) = postgres::read_only(in_recovery, &transactions) {
            state = state.read_only(reason);
        }
    } else {
        connection.batch_execute(PING).await?;
    }
    if queries.lag() {
        let row = sql::<Double>(postgres::LAG);
        state = state.lag(row.get_result(connection).await?);
    }
    Ok(state)
}

/// The error of a query. Whether it has ended the connection shows another query.
async fn fault(connection: &mut AsyncPgConnection, error: &diesel::result::Error) -> Fault {
    let (fault, text) = message::of_query(error);
    match connection.batch_execute(PING).await {
        Err(second) if message::has_broken(&second) => (PoolFault::Broken, text),
        _ => (fault, text),
    }
}

/// Without the pool, whose `Debug` may show the settings of its connections.
impl fmt::Debug for DieselPostgresPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("DieselPostgresPool");
        shown.field(&self.address).finish()
    }
}
