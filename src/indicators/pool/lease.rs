//! A pooled connection that a run borrows.

use super::ConnectionPool;

/// Discards its connection on drop, unless the run gave it back.
///
/// The connection of a run that was aborted or timed out has a request without an answer. In the
/// pool the next caller would wait behind that, perhaps for a frozen server.
pub(super) struct Lease<'a, P: ConnectionPool> {
    pool: &'a P,
    /// `None` only within `give_back` and `drop`.
    pooled: Option<P::Pooled>,
}

impl<'a, P: ConnectionPool> Lease<'a, P> {
    pub(super) fn new(pool: &'a P, pooled: P::Pooled) -> Self {
        Self {
            pool,
            pooled: Some(pooled),
        }
    }

    /// `None` if it was given back, which consumes it.
    pub(super) fn connection(&mut self) -> Option<&mut P::Connection> {
        let pooled = self.pooled.as_mut()?;
        Some(self.pool.connection(pooled))
    }

    pub(super) async fn give_back(mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.give_back(pooled).await;
        }
    }
}

impl<P: ConnectionPool> Drop for Lease<'_, P> {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.discard(pooled);
        }
    }
}
