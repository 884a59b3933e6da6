//! What `tower-health` costs, beside what its users would do without it.
//!
//! `ratios` compares services in this process, in a few minutes. `report` runs that and what takes
//! longer (real connections, memory, detection), and writes `RESULTS.md` with plots.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a benchmark that meets what it did not expect should end there"
)]

pub mod ask;
pub mod catalogue;
pub mod child;
pub mod counting;
pub mod detection;
pub mod effort;
pub mod instructions;
pub mod load;
pub mod machine;
pub mod plots;
pub mod rows;
pub mod subject;
pub mod table;
pub mod timing;
