//! A pooled connection that a run borrows.

use sqlx::Database;
use sqlx::pool::PoolConnection;

/// What happens to the connection of a run that failed or was aborted.
#[derive(Clone, Copy, Debug)]
pub(super) enum OnDrop {
    Close,
    /// For a database that disappears with its last connection.
    Return,
}

/// Closes its connection on drop, unless the run returned it to the pool.
///
/// The connection of a run that was aborted or timed out has a query without an answer. If it
/// returned to the pool, sqlx would wait for that answer without a limit, perhaps from a frozen
/// server, and the pool would be one connection short. Closing it closes its socket at once, sends
/// nothing and leaves no task. `PoolConnection::close_on_drop` would leave one for up to 5 s.
pub(super) struct ConnectionGuard<DB: Database> {
    /// `None` once it is back in the pool.
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

    /// Waits until the connection is back in the pool, which sends a ping first. If this future is
    /// dropped the connection is closed. A plain drop of the connection would leave a task that
    /// waits for the ping without a limit.
    pub(super) async fn return_to_pool(mut self) {
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
