//! Prints one table: what this crate costs, beside its peers. Always exits with 0 if it ran.

use tower_health_benches::{instructions, rows, table};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if instructions::is_child(&args) || rows::is_child(&args) {
        return;
    }
    print!("{}", table::text(&rows::quick()));
}
