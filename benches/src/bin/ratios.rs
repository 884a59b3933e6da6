//! Prints one table: what this crate costs, beside its peers. Always exits with 0 if it ran.

use std::time::Duration;

use tower_health_benches::{instructions, rows, table};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if instructions::is_child(&args) {
        return;
    }
    let each = Duration::from_millis(200);
    let mut sections = vec![rows::sizes(), rows::kept()];
    sections.extend(rows::stacks(each));
    print!("{}", table::text(&sections));
}
