//! A connection of the pool, for one statement.

use sqlx::pool::PoolConnection;
use sqlx::{Database, Error, Pool};

/// Runs a statement. A connection whose statement is dropped is closed: before the pool took it
/// back, it would wait for the answer to a ping, without a limit of time, and so lose a place for as
/// long as the database hangs.
pub(super) async fn held<D: Database, T>(
    pool: &Pool<D>,
    statement: impl AsyncFnOnce(&mut D::Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut held = Held::<D>(Some(pool.acquire().await?));
    let Some(connection) = &mut held.0 else {
        return Err(Error::PoolClosed);
    };
    let result = statement(connection).await;
    drop(held.0.take());
    result
}

/// `None` once the statement has ended.
struct Held<D: Database>(Option<PoolConnection<D>>);

impl<D: Database> Drop for Held<D> {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
