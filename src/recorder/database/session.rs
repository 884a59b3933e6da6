//! A connection to either database, and what they write differently.

use std::time::Duration;

#[cfg(feature = "recorder-postgres")]
use super::postgres::PostgresSession;
#[cfg(feature = "recorder-sqlite")]
use super::sqlite::SqliteSession;
use super::{Row, Value};
use crate::recorder::RecorderError;

/// How many unused pages of 4 KiB a file of SQLite keeps for rows to come.
#[cfg(feature = "recorder-sqlite")]
const SPARE_PAGES: u64 = 256;

#[derive(Debug)]
pub(in crate::recorder) struct Session {
    pub(super) kind: SessionKind,
    /// Which database it is, as its schema says.
    pub(in crate::recorder) identity: i64,
    /// What the server keeps to, should this process stand still within a transaction.
    #[cfg_attr(not(feature = "recorder-postgres"), expect(dead_code))]
    pub(super) timeout: Duration,
}

#[derive(Debug)]
pub(super) enum SessionKind {
    #[cfg(feature = "recorder-sqlite")]
    Sqlite(SqliteSession),
    #[cfg(feature = "recorder-postgres")]
    Postgres(PostgresSession),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::recorder) enum Dialect {
    #[cfg(feature = "recorder-sqlite")]
    Sqlite,
    #[cfg(feature = "recorder-postgres")]
    Postgres,
}

impl Dialect {
    /// The function that returns the greatest of its arguments.
    pub(in crate::recorder) fn greatest(self) -> &'static str {
        match self {
            #[cfg(feature = "recorder-sqlite")]
            Self::Sqlite => "max",
            #[cfg(feature = "recorder-postgres")]
            Self::Postgres => "greatest",
        }
    }

    /// The function that returns the least of its arguments.
    pub(in crate::recorder) fn least(self) -> &'static str {
        match self {
            #[cfg(feature = "recorder-sqlite")]
            Self::Sqlite => "min",
            #[cfg(feature = "recorder-postgres")]
            Self::Postgres => "least",
        }
    }

    /// Locks the rows of a query until the transaction ends. In SQLite the transaction has the whole
    /// file.
    pub(in crate::recorder) fn for_update(self) -> &'static str {
        match self {
            #[cfg(feature = "recorder-sqlite")]
            Self::Sqlite => "",
            #[cfg(feature = "recorder-postgres")]
            Self::Postgres => " FOR NO KEY UPDATE",
        }
    }

    /// Locks the rows of a query, without those that another transaction has locked.
    pub(in crate::recorder) fn for_update_skip_locked(self) -> &'static str {
        match self {
            #[cfg(feature = "recorder-sqlite")]
            Self::Sqlite => "",
            #[cfg(feature = "recorder-postgres")]
            Self::Postgres => " FOR NO KEY UPDATE SKIP LOCKED",
        }
    }
}

impl Session {
    pub(in crate::recorder) fn dialect(&self) -> Dialect {
        match &self.kind {
            #[cfg(feature = "recorder-sqlite")]
            SessionKind::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "recorder-postgres")]
            SessionKind::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement, and returns how many rows it changed.
    pub(in crate::recorder) async fn execute(
        &mut self,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<u64, RecorderError> {
        let sql = sql.into();
        Ok(match &mut self.kind {
            #[cfg(feature = "recorder-sqlite")]
            SessionKind::Sqlite(session) => session.execute(sql, values).await?,
            #[cfg(feature = "recorder-postgres")]
            SessionKind::Postgres(session) => session.execute(sql, values).await?,
        })
    }

    pub(in crate::recorder) async fn fetch(
        &mut self,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, RecorderError> {
        let sql = sql.into();
        Ok(match &mut self.kind {
            #[cfg(feature = "recorder-sqlite")]
            SessionKind::Sqlite(session) => session.fetch(sql, values).await?,
            #[cfg(feature = "recorder-postgres")]
            SessionKind::Postgres(session) => session.fetch(sql, values).await?,
        })
    }

    /// Returns the only row of a query, if there is any.
    pub(in crate::recorder) async fn fetch_one(
        &mut self,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Option<Row>, RecorderError> {
        Ok(self.fetch(sql, values).await?.into_iter().next())
    }

    /// Runs statements without parameters.
    pub(in crate::recorder) async fn script(&mut self, sql: &str) -> Result<(), RecorderError> {
        let sql = sql.to_owned();
        match &mut self.kind {
            #[cfg(feature = "recorder-sqlite")]
            SessionKind::Sqlite(session) => session.script(sql).await?,
            #[cfg(feature = "recorder-postgres")]
            SessionKind::Postgres(session) => session.script(sql).await?,
        }
        Ok(())
    }

    /// Returns whether the connection works after a pause, and leads to the same place.
    pub(super) async fn still_works(&mut self) -> bool {
        match &self.kind {
            #[cfg(feature = "recorder-sqlite")]
            SessionKind::Sqlite(file) => file.is_current().await,
            #[cfg(feature = "recorder-postgres")]
            SessionKind::Postgres(_) => self.script("SELECT 1").await.is_ok(),
        }
    }

    /// Begins a transaction. In SQLite it is the only one that writes. In Postgres each of its
    /// statements sees what others have committed before it, and the server ends it when this process
    /// stands still.
    pub(in crate::recorder) async fn begin(&mut self) -> Result<(), RecorderError> {
        match self.dialect() {
            #[cfg(feature = "recorder-sqlite")]
            Dialect::Sqlite => self.script("BEGIN IMMEDIATE").await,
            #[cfg(feature = "recorder-postgres")]
            Dialect::Postgres => self.begin_in_postgres("READ WRITE").await,
        }
    }

    /// Begins a transaction that only reads, and that a server of Postgres ends when it takes too long.
    pub(in crate::recorder) async fn begin_to_read(&mut self) -> Result<(), RecorderError> {
        match self.dialect() {
            #[cfg(feature = "recorder-sqlite")]
            Dialect::Sqlite => self.script("BEGIN").await,
            #[cfg(feature = "recorder-postgres")]
            Dialect::Postgres => self.begin_in_postgres("READ ONLY").await,
        }
    }

    #[cfg(feature = "recorder-postgres")]
    async fn begin_in_postgres(&mut self, access: &str) -> Result<(), RecorderError> {
        let millis = self.timeout.as_millis();
        let settings = ["statement", "lock", "idle_in_transaction_session"];
        let settings = settings.map(|name| format!("SET LOCAL {name}_timeout = {millis}; "));
        let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED {access}; ");
        self.script(&format!("{begin}{}", settings.concat())).await
    }

    pub(in crate::recorder) async fn commit(&mut self) -> Result<(), RecorderError> {
        self.script("COMMIT").await
    }

    pub(in crate::recorder) async fn roll_back(&mut self) -> Result<(), RecorderError> {
        self.script("ROLLBACK").await
    }

    /// Returns the seconds since 1970 by the clock of the database, which all processes share: in
    /// SQLite that of the system.
    pub(in crate::recorder) async fn now(&mut self) -> Result<i64, RecorderError> {
        let query = match self.dialect() {
            #[cfg(feature = "recorder-sqlite")]
            Dialect::Sqlite => "SELECT CAST(strftime('%s', 'now') AS INTEGER)",
            #[cfg(feature = "recorder-postgres")]
            Dialect::Postgres => "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint",
        };
        let row = self.fetch_one(query, Vec::new()).await?;
        let now = row.and_then(|row| row.int(0));
        now.ok_or_else(|| RecorderError::unavailable("the database does not tell the time"))
    }

    /// Makes the file smaller if many of its pages are unused, a few at a time. Postgres uses the space
    /// of deleted rows again by itself.
    pub(in crate::recorder) async fn give_back_space(&mut self) -> Result<(), RecorderError> {
        match self.dialect() {
            #[cfg(feature = "recorder-sqlite")]
            Dialect::Sqlite => {
                let free = self.fetch_one("PRAGMA freelist_count", Vec::new()).await?;
                if free.is_some_and(|row| row.count(0) > SPARE_PAGES) {
                    let vacuum = format!("PRAGMA incremental_vacuum({SPARE_PAGES})");
                    self.fetch(vacuum, Vec::new()).await?;
                }
                Ok(())
            }
            #[cfg(feature = "recorder-postgres")]
            Dialect::Postgres => Ok(()),
        }
    }

    pub(super) async fn close(self) {
        match self.kind {
            #[cfg(feature = "recorder-sqlite")]
            SessionKind::Sqlite(session) => session.close().await,
            #[cfg(feature = "recorder-postgres")]
            SessionKind::Postgres(session) => session.close().await,
        }
    }
}
