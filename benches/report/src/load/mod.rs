//! Real connections over loopback: a server in a process of its own, and a load generator in
//! another. On few cores they take time from each other, with the layer and without it alike.

mod generator;
pub(crate) mod memory;
mod rounds;
mod scenario;
pub(crate) mod server;
mod storm;

use crate::Effort;
use crate::table::{Row, Section};

pub(crate) fn load(effort: Effort) -> Vec<Section> {
    let missing = generator::missing();
    if !missing.is_empty() {
        let what = format!("{} not installed", missing.join(" and "));
        let row = Row::new(what, "nothing was measured");
        return vec![("Over real connections", vec![row])];
    }
    let mut sections = rounds::rounds(effort);
    sections.push(storm::storm());
    sections.push(memory::resident());
    sections
}
