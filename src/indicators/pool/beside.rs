//! What a connection beside the pool is answered.

use std::time::Duration;

use tokio::time::Instant;

use super::run::Run;
use super::{ConnectionPool, PoolFault};
use crate::Failure;

/// The least that a connection of the pool has for an answer, on a server in the same rack too.
const PATIENCE: Duration = Duration::from_millis(50);

/// What a connection beside the pool was answered.
pub(super) enum Beside<E> {
    Answers(Reached),
    /// That the server, or a pooler before it, accepts no further connection, in its words.
    Full(String),
    Fails(Unreached<E>),
}

/// The server has answered a query beside the pool.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    /// How long that took, from the beginning of the connection on.
    pub(super) took: Duration,
    /// How long the query alone took.
    pub(super) round_trip: Duration,
}

impl Reached {
    /// How long a connection of the pool has for an answer, now that the server is known to answer:
    /// several times as long, because it is tested, returned and perhaps tested by the pool too.
    pub(super) fn patience(self) -> Duration {
        self.round_trip.saturating_mul(4).max(PATIENCE)
    }
}

/// Why the server has not answered beside the pool, or has refused.
pub(super) enum Unreached<E> {
    /// It is silent.
    Silent,
    /// It could not be connected to.
    Refused(E),
    /// The query beside the pool failed.
    Failed(Failure),
}

impl<E> Beside<E> {
    pub(super) fn silent() -> Self {
        Self::Fails(Unreached::Silent)
    }
}

impl<P: ConnectionPool> Run<'_, P> {
    /// Opens a connection beside the pool and queries on it. A proxy accepts connections while its
    /// server is down.
    pub(super) async fn reach(&self) -> Beside<P::Error> {
        let begun_at = Instant::now();
        let mut connection = match self.pool().connect().await {
            Ok(connection) => connection,
            Err(error) if self.pool().fault(&error) == PoolFault::Full => {
                return Beside::Full(self.pool().describe(&error));
            }
            Err(error) => return Beside::Fails(Unreached::Refused(error)),
        };
        let connected_at = Instant::now();
        let state = match self.query(&mut connection).await {
            Ok(state) => state,
            Err(error) => {
                let failure = self.query_failed(&error);
                return Beside::Fails(Unreached::Failed(failure));
            }
        };
        let reached = Reached {
            took: begun_at.elapsed(),
            round_trip: connected_at.elapsed(),
        };
        // Optional: the connection has served its purpose.
        let _ = self.budget.within("", self.pool().close(connection)).await;
        match self.indicator.settings.judge(state, &self.address) {
            Ok(_) => Beside::Answers(reached),
            Err(failure) => Beside::Fails(Unreached::Failed(failure)),
        }
    }
}
