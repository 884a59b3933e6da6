//! A connection on loan from the pool.

use sqlx::Database;
use sqlx::pool::PoolConnection;

/// What becomes of a connection whose run did not end well.
#[derive(Clone, Copy, Debug)]
pub(super) enum OnDrop {
    Close,
    /// For a database that is gone with its last connection.
    Return,
}

/// Closes its connection on drop, unless it was given back.
///
/// A run that is aborted or ran out of time has a connection on which a question is open. Were it
/// to return to the pool, sqlx would wait for the answer of a server that may be frozen, without a
/// limit, and hold its place in the pool meanwhile. Nothing is sent when it is closed: its socket
/// is closed at once, and no task is left. `PoolConnection::close_on_drop` would leave one for up
/// to five seconds.
pub(super) struct ConnectionGuard<DB: Database> {
    /// `None` once it was given back.
    connection: Option<PoolConnection<DB>>,
    on_drop: OnDrop,
}

impl<DB: Database> ConnectionGuard<DB> {
    pub(super) fn new(connection: PoolConnection<DB>, on_drop: OnDrop) -> Self {
        Self {
            connection: Some(connection),
            on_drop,
        }
    }

    pub(super) fn connection(&mut self) -> Option<&mut DB::Connection> {
        self.connection.as_deref_mut()
    }

    /// Waits until it is back in the pool, which sends a ping first. When this is dropped it is
    /// closed: a drop of the connection would have a task wait for the answer, without a limit.
    pub(super) async fn give_back(mut self) {
        if matches!(self.on_drop, OnDrop::Return) {
            return;
        }
        if let Some(mut connection) = self.connection.take() {
            let returned = connection.return_to_pool();
            drop(connection);
            returned.await;
        }
    }
}

impl<DB: Database> Drop for ConnectionGuard<DB> {
    fn drop(&mut self) {
        if let (Some(connection), OnDrop::Close) = (self.connection.take(), self.on_drop) {
            drop(connection.detach());
        }
    }
}
