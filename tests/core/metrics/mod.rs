//! Metrics: what a scrape shows, and what it never shows.
//!
//! That Prometheus itself reads it is in `tests/real/clients/prometheus`.

mod checks;
mod labels;
mod recorder;
mod requests;
mod scrape;
mod slis;
mod snapshots;
