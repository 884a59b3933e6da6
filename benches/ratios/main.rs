//! `cargo bench --bench ratios`: what the layer and the refresher cost, as one table with targets.
//!
//! It exits with 0 whether or not the targets are met, and takes about five minutes once built.
//! Arguments are names of groups, to run only those: `stacks`, `sizes`, `storm`, `refresher`,
//! `while`, `detection`, `thresholds`, `passive`, `scrape`. With valgrind installed it counts instructions too.
//! `benches/report` has the comparison with other crates, under load and with real servers.
#![allow(
    clippy::expect_used,
    reason = "a benchmark that meets what it did not expect should end there"
)]

mod alloc;
mod connection;
mod controls;
mod detection;
mod ours;
mod passive;
mod question;
mod questions;
mod refresher;
mod scrape;
mod sizes;
mod subject;
mod table;
mod thresholds;
mod timing;

use self::questions::QUESTIONS;
use self::table::Section;

type Measure = fn() -> Vec<Section>;

const GROUPS: [(&str, Measure); 9] = [
    ("stacks", || {
        QUESTIONS.iter().map(question::answer).collect()
    }),
    ("sizes", || vec![sizes::sizes(), sizes::kept()]),
    ("storm", || vec![refresher::storm()]),
    ("refresher", || vec![refresher::processor_time()]),
    ("while", || vec![connection::while_wrong()]),
    ("detection", || vec![detection::detection(3)]),
    ("thresholds", || vec![thresholds::detection()]),
    ("passive", || vec![passive::detection()]),
    ("scrape", || vec![scrape::scrape()]),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if question::is_child(&args, QUESTIONS) || refresher::is_child(&args) {
        return;
    }
    // `cargo test --all-targets` runs benches too, without this flag.
    let (flags, names): (Vec<_>, Vec<_>) = args.into_iter().partition(|arg| arg == "--bench");
    if flags.is_empty() {
        return;
    }
    for name in &names {
        if !GROUPS.iter().any(|(group, _)| group == name) {
            eprintln!("there is no group `{name}`");
        }
    }
    let mut sections = Vec::new();
    for (group, measure) in GROUPS {
        if names.is_empty() || names.iter().any(|name| name == group) {
            eprintln!("{group} ...");
            sections.extend(measure());
        }
    }
    print!("{}", table::text(&sections));
}
