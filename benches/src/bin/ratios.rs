//! Prints one table: what this crate costs, beside its peers. It exits with 0 whatever it finds.
//!
//! Arguments are names of groups, to run only those: `stacks`, `writing`, `threads`, `sizes`,
//! `faults`, `storm`, `refresher`, `absent`, and in brief what `report` does at length: `while`,
//! `detection`.

use tower_health_benches::detection::fake_detection;
use tower_health_benches::effort::Effort;
use tower_health_benches::{instructions, load, rows, table};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if instructions::is_child(&args) || rows::is_child(&args) || load::is_child(&args) {
        return;
    }
    let mut sections = rows::quick(&args);
    let is_wanted = |name: &str| args.is_empty() || args.iter().any(|wanted| wanted == name);
    if is_wanted("while") {
        sections.extend(load::sections(&Effort::BRIEF, |name| name == "while"));
    }
    if is_wanted("detection") {
        eprintln!("detection ...");
        sections.push(fake_detection(&Effort::BRIEF));
    }
    print!("{}", table::text(&sections));
}
