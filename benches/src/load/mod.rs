//! Real connections over loopback: a server in a process of its own, and a load generator in
//! another. On few cores they take time from each other, with the layer and without it alike.

mod generator;
mod memory;
mod rounds;
mod scenario;
mod server;

pub use generator::missing;
pub use memory::{per_watch, resident};
pub use rounds::{ordinary, probes, probes_while, storm};
pub use server::is_child;
