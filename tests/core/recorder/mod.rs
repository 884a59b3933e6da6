//! The recorder with SQLite, which needs no server: what is kept, what is counted, and what happens
//! when the file cannot be written.

mod ending;
mod faults;
mod recording;
mod rolling_up;
mod schema;
mod settings;
mod tidying;
mod year;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tempfile::{TempDir, tempdir};
use tower_health::recorder::{Archive, Simulation};

use crate::support::recorded::Store;

/// A file of its own, which is deleted with its last owner.
#[derive(Clone)]
struct File(Arc<TempDir>);

impl File {
    fn new() -> Self {
        Self(Arc::new(tempdir().unwrap()))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("health.db")
    }
}

impl Store for File {
    async fn process(&self, instance: &str, now: SystemTime) -> Simulation {
        let process = Simulation::sqlite(&self.path(), ["shop", instance], now).await;
        process.unwrap()
    }

    fn archive(&self) -> Archive {
        Archive::sqlite(self.path())
    }
}
