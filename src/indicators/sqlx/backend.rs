//! The differences between the databases.

use std::fmt;
use std::future::Future;

use sqlx::error::DatabaseError;
use sqlx::{Connection, Database, Error};

use crate::indicators::pool::{DatabaseQueries, DatabaseState, PoolFault};

/// The connect options of a database.
pub(super) type OptionsOf<DB> = <<DB as Database>::Connection as Connection>::Options;

pub trait Backend: Database {
    /// What the indicator knows of the storage of the database: the file of SQLite.
    type Storage: fmt::Debug + Default + Send + Sync;

    /// Whether a connection can fall silent while others answer.
    const FALLS_SILENT: bool = true;

    /// The host, port and database of these options, without credentials.
    fn address(options: &OptionsOf<Self>) -> String;

    /// See [`DatabasePool::query`](crate::indicators::DatabasePool::query).
    fn query(
        connection: &mut Self::Connection,
        queries: &DatabaseQueries,
    ) -> impl Future<Output = Result<DatabaseState, Error>> + Send;

    /// See [`DatabasePool::write`](crate::indicators::DatabasePool::write).
    fn write(
        connection: &mut Self::Connection,
        statement: &str,
        queries: &DatabaseQueries,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Checks the storage without a connection. The error says what is wrong with it.
    fn check_storage(
        _: &Self::Storage,
        _: &OptionsOf<Self>,
    ) -> impl Future<Output = Result<(), String>> + Send {
        async { Ok(()) }
    }

    /// Whether the data disappears with the last connection.
    fn is_lost_when_closed(_: &Self::Storage, _: &OptionsOf<Self>) -> bool {
        false
    }

    /// What a server's error says about the pool and the server.
    fn fault(error: &dyn DatabaseError) -> PoolFault;

    /// The meaning of a server's error, for the on-call engineer.
    fn meaning(error: &dyn DatabaseError) -> Option<&'static str>;
}
