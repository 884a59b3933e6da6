//! What the indicators for pools of deadpool share, whatever the connections are.

use std::time::Duration;

use deadpool::managed::{Manager, Object, Pool, Timeouts};

use super::PoolState;

pub(crate) fn state<M: Manager>(pool: &Pool<M>) -> PoolState {
    let status = pool.status();
    PoolState::new(status.size, status.available, status.max_size)
}

/// Takes a connection that is idle, without waiting for one in use and without opening one.
pub(crate) async fn take_idle<M: Manager>(pool: &Pool<M>) -> Option<Object<M>> {
    if pool.status().available == 0 {
        return None;
    }
    let timeouts = Timeouts {
        wait: Some(Duration::ZERO),
        create: Some(Duration::ZERO),
        recycle: pool.timeouts().recycle,
    };
    pool.timeout_get(&timeouts).await.ok()
}
