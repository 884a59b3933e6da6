//! Prints one table: what this crate costs, beside its peers. It exits with 0 whatever it finds.
//!
//! Arguments are names of groups, to run only those: `stacks`, `writing`, `threads`, `sizes`,
//! `faults`, `storm`, `refresher`, `absent`.

use tower_health_benches::{instructions, rows, table};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if instructions::is_child(&args) || rows::is_child(&args) {
        return;
    }
    print!("{}", table::text(&rows::quick(&args)));
}
