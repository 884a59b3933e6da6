//! What differs between the databases.

use std::future::Future;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::{Connection, Database, Error};

/// What a run asks beyond an answer.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub(super) read_write: bool,
    /// A statement of the application that writes.
    pub(super) write_statement: Option<String>,
    pub(super) max_lag: Option<Duration>,
}

/// What a database said to it.
#[derive(Debug, Default)]
pub struct Seen {
    /// Why it takes no writes; `Some` if it does not and was asked.
    pub(super) read_only: Option<&'static str>,
    /// How far it is behind, in seconds; `Some` if it was asked.
    pub(super) lag: Option<f64>,
}

pub trait Backend: Database {
    /// Where the connections of these options lead, without credentials.
    fn place(options: &<Self::Connection as Connection>::Options) -> String;

    /// Asks the database on this connection.
    fn look(
        connection: &mut Self::Connection,
        asked: &Asked,
    ) -> impl Future<Output = Result<Seen, Error>> + Send;

    /// What can be seen beside the connection; fails with what is wrong.
    fn look_outside(
        _: &<Self::Connection as Connection>::Options,
    ) -> impl Future<Output = Result<(), String>> + Send {
        async { Ok(()) }
    }

    /// What an error of the server means to whoever has to mend it.
    fn meaning(error: &dyn DatabaseError) -> Option<&'static str>;
}
