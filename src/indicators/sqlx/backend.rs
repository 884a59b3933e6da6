//! What differs between the databases.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::{Connection, Database, Error};

use crate::indicators::shared::database::{Asked, Seen};

/// How to connect to it.
pub(super) type OptionsOf<DB> = <<DB as Database>::Connection as Connection>::Options;

pub trait Backend: Database {
    /// What is known of the database from without a connection.
    type Outside: fmt::Debug + Default + Send + Sync;

    /// Where the connections of these options lead, without credentials.
    fn place(options: &OptionsOf<Self>) -> String;

    /// Asks the database on this connection. Nothing may wait for a lock longer than `patience`, on
    /// the server neither: whoever waits there does not notice that its client is gone.
    fn look(
        connection: &mut Self::Connection,
        asked: &Asked,
        patience: Duration,
    ) -> impl Future<Output = Result<Seen, Error>> + Send;

    /// What can be seen beside the connection; fails with what is wrong.
    fn look_outside(
        _: &Self::Outside,
        _: &OptionsOf<Self>,
    ) -> impl Future<Output = Result<(), String>> + Send {
        async { Ok(()) }
    }

    /// Whether the data goes with the last connection.
    fn is_lost_when_closed(_: &Self::Outside, _: &OptionsOf<Self>) -> bool {
        false
    }

    /// What an error of the server means to whoever has to mend it.
    fn meaning(error: &dyn DatabaseError) -> Option<&'static str>;
}
