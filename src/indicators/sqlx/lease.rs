//! A connection on loan from the pool.

use sqlx::Database;
use sqlx::pool::PoolConnection;

/// Closes its connection on drop, unless it was given back.
///
/// A run that is aborted or ran out of time has a connection on which a question is open. Were it
/// to return to the pool, sqlx would wait for the answer of a server that may be frozen, without a
/// limit, and hold its place in the pool meanwhile. Nothing is sent when it is closed: its socket
/// is closed at once.
pub(super) struct Lease<DB: Database> {
    /// `None` once it was given back.
    connection: Option<PoolConnection<DB>>,
}

impl<DB: Database> Lease<DB> {
    pub(super) fn new(connection: PoolConnection<DB>) -> Self {
        Self {
            connection: Some(connection),
        }
    }

    pub(super) fn connection(&mut self) -> Option<&mut DB::Connection> {
        self.connection.as_deref_mut()
    }

    pub(super) fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}
