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
const GROUPS: [(&str, Measure); 6] = [
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

/// What is wanted of all that takes load generators.
pub fn sections(effort: &Effort, is_wanted: impl Fn(&str) -> bool) -> Vec<Section> {
    let wanted: Vec<_> = GROUPS.iter().filter(|(name, _)| is_wanted(name)).collect();
    let missing = generator::missing();
    if !wanted.is_empty() && !missing.is_empty() {
        let mut section = Section::new("Over real connections");
        let what = format!("{} not installed", missing.join(" and "));
        section.rows.push(Row::note(what, "nothing was measured"));
        return vec![section];
    }
    let measured = wanted.into_iter().map(|(name, measure)| {
        eprintln!("{name} ...");
        measure(effort)
    });
    measured.collect()
}
