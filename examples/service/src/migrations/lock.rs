//! The lock that one process at a time has while it migrates a file of SQLite.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use crate::database::create_directory;

/// How long to wait before the next attempt to take it.
const RETRY: Duration = Duration::from_millis(50);

/// A lock beside a file of SQLite, which ends with the process. SQLite has no advisory locks.
pub(super) struct SqliteLock(#[expect(dead_code, reason = "dropping it gives the lock back")] File);

impl SqliteLock {
    pub(super) async fn take(database: &Path) -> Result<Self, sqlx::Error> {
        let mut name = database.as_os_str().to_owned();
        name.push(".migrating");
        create_directory(database).map_err(sqlx::Error::Configuration)?;
        let file = File::create(name)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) => sleep(RETRY).await,
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }
}
