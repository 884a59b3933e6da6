//! The `GET /` of earlier frameworks, and body formats of their time.
//!
//! They let a service move to the probes while what reads the old answers stays as it is.
//! [`LegacyRoot`] answers `GET /` with `OK` or `SADNESS`. [`simple`] and [`summary`] are formats for
//! [`HealthBuilder::format`](crate::HealthBuilder::format).
//!
//! ```
//! use tower_health::{Health, legacy};
//!
//! let builder = Health::builder().format("application/json", legacy::summary);
//! # let _ = builder;
//! ```

mod formats;
mod root;

pub use self::formats::{simple, summary};
pub use self::root::LegacyRoot;
