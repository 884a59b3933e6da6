//! What is known of the runs of a check: counters, the latest ones, sums for each minute, and since
//! when it has its status.

mod history;
mod links;
mod outcomes;
mod state;
