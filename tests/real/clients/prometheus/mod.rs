//! Prometheus: what it scrapes, and what the alerts and the dashboard of `examples/monitoring` make
//! of it.

mod dashboard;
mod promtool;
mod server;
mod service;
mod story;
