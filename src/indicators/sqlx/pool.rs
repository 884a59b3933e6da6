//! A pool of sqlx, as the indicator uses it.

use std::fmt;
use std::future::Future;

use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Connection, Error, Pool};

use super::SqlxDatabase;
use crate::Failure;
use crate::indicators::pool::database::describe;
use crate::indicators::pool::{
    ConnectionPool, DatabasePool, DatabaseQueries, DatabaseState, PoolFault, PoolState,
};

/// A pool of sqlx 0.9, for [`SqlxIndicator`](super::SqlxIndicator).
pub struct SqlxPool<DB: SqlxDatabase> {
    pool: Pool<DB>,
    pub(super) parent: Option<Pool<DB>>,
    storage: DB::Storage,
}

impl<DB: SqlxDatabase> SqlxPool<DB> {
    pub(super) fn new(pool: Pool<DB>) -> Self {
        Self {
            pool,
            parent: None,
            storage: DB::Storage::default(),
        }
    }

    /// Whether the data disappears with the last connection.
    fn is_lost_when_closed(&self) -> bool {
        DB::is_lost_when_closed(&self.storage, &self.pool.connect_options())
    }
}

impl<DB: SqlxDatabase> ConnectionPool for SqlxPool<DB> {
    type Connection = DB::Connection;
    type Pooled = PoolConnection<DB>;
    type Error = Error;

    fn address(&self) -> String {
        DB::address(&self.pool.connect_options())
    }

    fn state(&self) -> Option<PoolState> {
        let open = count(self.pool.size());
        // sqlx counts one that comes back after it may be taken again: below zero for a moment.
        let idle = match self.pool.num_idle() {
            idle if idle <= open => idle,
            _ => 0,
        };
        let state = PoolState::new(open, idle, count(self.pool.options().get_max_connections()));
        let Some(parent) = &self.parent else {
            return Some(state);
        };
        // A place that a child has once taken stays with it. Those of other children are unknown.
        let taken = count(parent.size()).saturating_sub(parent.num_idle());
        let most = count(parent.options().get_max_connections());
        Some(match taken + count(self.pool.size()) >= most {
            true => state.with_exhausted_parent(),
            false => state.with_parent(),
        })
    }

    async fn prepare(&self) -> Result<(), String> {
        DB::check_storage(&self.storage, &self.pool.connect_options()).await
    }

    fn connection<'a>(&self, pooled: &'a mut PoolConnection<DB>) -> &'a mut DB::Connection {
        pooled
    }

    async fn take(&self) -> Result<PoolConnection<DB>, Error> {
        if !self.is_lost_when_closed() {
            return self.pool.acquire().await;
        }
        // Skips the ping, because sqlx closes a connection whose ping is aborted.
        let connection = match self.pool.try_acquire() {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        // This connection may have created the file.
        let _ = self.prepare().await;
        Ok(connection)
    }

    async fn take_idle(&self) -> Option<PoolConnection<DB>> {
        self.pool.try_acquire()
    }

    async fn connect(&self) -> Result<DB::Connection, Error> {
        self.pool.connect_options().connect().await
    }

    async fn ping(&self, connection: &mut DB::Connection) -> Result<(), Error> {
        let queried = DB::query(connection, &DatabaseQueries::default()).await;
        queried.map(drop)
    }

    /// Waits until the connection is back in the pool, which sends a ping first. If this future is
    /// dropped, the connection is closed.
    ///
    /// `return_to_pool` is hidden in the documentation of sqlx, and the public ways are worse: a
    /// plain drop spawns a task that waits for the ping without a limit, perhaps on a frozen server,
    /// and holds the place in the pool; `close` would connect anew in each run.
    fn give_back(&self, mut pooled: PoolConnection<DB>) -> impl Future<Output = ()> + Send {
        let returned = (!self.is_lost_when_closed()).then(|| pooled.return_to_pool());
        drop(pooled);
        async {
            if let Some(returned) = returned {
                returned.await;
            }
        }
    }

    /// Closes the socket at once, sends nothing and leaves no task. `close_on_drop` would leave one
    /// for up to 5 s.
    fn discard(&self, pooled: PoolConnection<DB>) {
        if !self.is_lost_when_closed() {
            drop(pooled.detach());
        }
    }

    async fn close(&self, connection: DB::Connection) {
        let _ = connection.close().await;
    }

    fn fault(&self, error: &Error) -> PoolFault {
        match error {
            Error::PoolTimedOut => PoolFault::TimedOut,
            Error::PoolClosed => PoolFault::Closed,
            Error::Database(error) => DB::fault(&**error),
            Error::RowNotFound
            | Error::ColumnNotFound(_)
            | Error::ColumnIndexOutOfBounds { .. }
            | Error::ColumnDecode { .. }
            | Error::Decode(_) => PoolFault::Refused,
            _ => PoolFault::Broken,
        }
    }

    fn describe(&self, error: &Error) -> String {
        let database = match error {
            Error::Database(database) => database,
            // The text that sqlx adds says less.
            Error::Io(error) => return error.to_string(),
            Error::Tls(error) => return format!("TLS: {}", Failure::from(error.to_string())),
            other => return other.to_string(),
        };
        let meaning = DB::meaning(&**database);
        describe(database.message(), database.code().as_deref(), meaning)
    }

    fn falls_silent(&self) -> bool {
        DB::FALLS_SILENT
    }

    fn hooks(&self) -> &'static [&'static str] {
        &["after_connect", "before_acquire"]
    }
}

impl<DB: SqlxDatabase> DatabasePool for SqlxPool<DB> {
    async fn query(
        &self,
        connection: &mut DB::Connection,
        queries: &DatabaseQueries,
    ) -> Result<DatabaseState, Error> {
        DB::query(connection, queries).await
    }

    async fn write(
        &self,
        connection: &mut DB::Connection,
        statement: &str,
        queries: &DatabaseQueries,
    ) -> Result<(), Error> {
        DB::write(connection, statement, queries).await
    }
}

/// Without the pool, whose `Debug` shows the settings of its connections.
impl<DB: SqlxDatabase> fmt::Debug for SqlxPool<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqlxPool").field(&self.address()).finish()
    }
}

fn count(number: u32) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}
