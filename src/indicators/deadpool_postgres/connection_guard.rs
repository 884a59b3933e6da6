//! A pooled connection that a run borrows.

use deadpool_postgres::Object;
use deadpool_postgres::tokio_postgres::Client;

/// Closes its connection on drop, unless the run returned it to the pool.
///
/// The connection of a run that was aborted or timed out has a query without an answer. If it
/// returned to the pool, the next request would wait behind that query, perhaps for a frozen server.
/// Closing it aborts its task and closes its socket at once, without sending or waiting.
pub(super) struct ConnectionGuard {
    /// `None` once it is back in the pool.
    connection: Option<Object>,
}

impl ConnectionGuard {
    pub(super) fn new(connection: Object) -> Self {
        Self {
            connection: Some(connection),
        }
    }

    pub(super) fn client(&self) -> Option<&Client> {
        let connection = self.connection.as_ref()?;
        Some(connection)
    }

    pub(super) fn return_to_pool(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}
