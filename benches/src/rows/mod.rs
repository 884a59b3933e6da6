//! What is measured, a file for each kind of question. Each makes sections of the one table.

mod contention;
mod cost;
mod faults;
mod refresher;
mod stacks;
mod storm;

pub use contention::{by_threads, while_writing};
pub use cost::{kept, sizes};
pub use faults::faults;
pub use refresher::{is_child, refresher};
pub use stacks::stacks;
pub use storm::storm;

use std::time::Duration;

use crate::table::Section;

/// Everything that takes a few minutes at most.
pub fn quick() -> Vec<Section> {
    let each = Duration::from_millis(200);
    let mut sections = stacks(each);
    sections.push(while_writing(each));
    sections.push(by_threads(each));
    sections.extend([sizes(), kept(), faults(), storm()]);
    sections.push(refresher(Duration::from_secs(8)));
    sections
}
