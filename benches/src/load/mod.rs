//! Real connections over loopback: a server in a process of its own, and a load generator in
//! another. On few cores they take time from each other, with the layer and without it alike.

mod generator;
mod memory;
mod rounds;
mod scenario;
mod server;
mod storm;

use crate::effort::Effort;
use crate::table::{Row, Section};

pub use server::is_child;

type Measure = fn(&Effort) -> Section;

/// What takes load generators, each by a name by which it can be asked for alone.
pub const GROUPS: [(&str, Measure); 6] = [
    ("ordinary", rounds::ordinary),
    ("probes", rounds::probes),
    ("grpc", rounds::grpc_checks),
    ("while", rounds::probes_while),
    ("storm", |_| storm::storm()),
    ("resident", |_| memory::resident()),
];

/// Memory of open watches: no load generator opens them.
pub fn per_watch() -> Section {
    memory::per_watch()
}

/// In place of all that takes load generators.
pub fn unavailable() -> Option<Section> {
    let missing = generator::missing();
    if missing.is_empty() {
        return None;
    }
    let mut section = Section::new("Over real connections");
    let what = format!("{} not installed", missing.join(" and "));
    section.rows.push(Row::note(what, "nothing was measured"));
    Some(section)
}
