//! The differences between the databases.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::{Connection, Database, Error};

use crate::indicators::shared::database::{DatabaseState, QueryOptions};

/// The connect options of a database.
pub(super) type OptionsOf<DB> = <<DB as Database>::Connection as Connection>::Options;

pub trait Backend: Database {
    /// What the indicator knows of the storage of the database: the file of SQLite.
    type Storage: fmt::Debug + Default + Send + Sync;

    /// The host, port and database of these options, without credentials.
    fn address(options: &OptionsOf<Self>) -> String;

    /// Queries the database on this connection. No statement may wait for a lock longer than
    /// `patience`, not on the server either, which does not notice that the client is gone.
    fn query(
        connection: &mut Self::Connection,
        options: &QueryOptions,
        patience: Duration,
    ) -> impl Future<Output = Result<DatabaseState, Error>> + Send;

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

    /// The meaning of a server's error, for the on-call engineer.
    fn meaning(error: &dyn DatabaseError) -> Option<&'static str>;
}
