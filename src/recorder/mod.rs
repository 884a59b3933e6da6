//! A history that outlives the process: runs and transitions in SQLite or Postgres.
//!
//! The [history guide](crate::guides::history) says what is kept for how long, what it costs, and
//! what happens when the database is down.
//!
//! - [`Recorder`]: writes the history of a [`Health`](crate::Health), and reads it.
//! - [`Archive`]: reads it in another process.
//! - [`Selection`]: which checks, of which service and instance.

mod archive;
mod book;
mod builder;
mod clock;
mod columns;
mod database;
mod error;
mod handle;
mod names;
mod retention;
mod selection;
#[cfg(feature = "__simulation")]
mod simulation;
mod stats;
mod task;
mod tidy;
mod write;

pub use self::archive::{Archive, RecordedRuns, RecordedTransition};
pub use self::builder::RecorderBuilder;
#[cfg(feature = "recorder-postgres")]
pub use self::database::POSTGRES_SCHEMA;
#[cfg(feature = "recorder-sqlite")]
pub use self::database::SQLITE_SCHEMA;
pub use self::error::RecorderError;
pub use self::handle::Recorder;
pub use self::retention::{Resolution, Retention};
pub use self::selection::Selection;
#[cfg(feature = "__simulation")]
#[doc(hidden)]
pub use self::simulation::Simulation;
pub use self::stats::RecorderStats;
