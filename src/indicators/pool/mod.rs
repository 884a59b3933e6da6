//! One engine for every pool: what a run does when connections are scarce, stale or gone.

mod ask;
mod beside;
mod connection_pool;
pub(crate) mod database;
#[cfg(feature = "__deadpool")]
pub(crate) mod deadpool;
mod indicator;
mod judge;
mod lease;
mod memory;
mod part;
mod retry;
mod run;
mod state;
mod sweep;
mod verdict;

pub use self::connection_pool::{ConnectionPool, PoolFault};
pub use self::database::{DatabasePool, DatabaseQueries, DatabaseState, ReplicatedPool};
pub use self::indicator::{ExhaustedPool, PoolIndicator};
pub use self::state::PoolState;
