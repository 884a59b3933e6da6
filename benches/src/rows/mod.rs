//! What is measured, a file for each kind of question. Each makes sections of the one table.

mod absent;
mod cost;
mod faults;
mod refresher;
mod stacks;
mod storm;
mod threads;
mod writing;

pub use absent::absent;
pub use cost::{kept, sizes};
pub use faults::faults;
pub use refresher::{is_child, refresher};
pub use stacks::stacks;
pub use storm::storm;
pub use threads::by_threads;
pub use writing::while_writing;

use std::time::Duration;

use crate::table::Section;

/// The groups of the quick part, each by a name by which it can be asked for alone.
const QUICK: [(&str, Measure); 8] = [
    ("stacks", || stacks(EACH)),
    ("writing", || vec![while_writing(EACH)]),
    ("threads", || vec![by_threads(EACH)]),
    ("sizes", || vec![sizes(), kept()]),
    ("faults", faults),
    ("storm", || vec![storm()]),
    ("refresher", || vec![refresher(Duration::from_secs(8))]),
    ("absent", || vec![absent()]),
];

type Measure = fn() -> Vec<Section>;

/// How long a subject is timed.
const EACH: Duration = Duration::from_millis(200);

/// Everything that takes a few minutes at most, or only the groups with these names.
pub fn quick(names: &[String]) -> Vec<Section> {
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let groups = QUICK.iter().filter(|(name, _)| is_wanted(name));
    groups
        .flat_map(|(name, measure)| {
            eprintln!("{name} ...");
            measure()
        })
        .collect()
}
