//! A connection on loan from the pool.

use deadpool_postgres::Object;
use deadpool_postgres::tokio_postgres::Client;

/// Closes its connection on drop, unless it was given back.
///
/// A run that is aborted or ran out of time has a connection on which a question is open. Were it
/// to return to the pool, the next request would wait behind that question for a server that may
/// be frozen. When it is closed its task is aborted, and its socket closed, at once; nothing is
/// sent, and nothing is waited for.
pub(super) struct ConnectionGuard {
    /// `None` once it was given back.
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

    pub(super) fn give_back(mut self) {
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
