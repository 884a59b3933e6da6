//! What is measured, a file for each kind of question. Each makes sections of the one table.

mod cost;
mod stacks;

pub use cost::{kept, sizes};
pub use stacks::stacks;
