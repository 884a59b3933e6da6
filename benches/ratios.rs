//! `cargo bench --bench ratios`: what this crate costs, beside its peers, as one table.
//!
//! The peers live in a package of their own, with its own lockfile, so that they reach neither the
//! users of this crate nor the build of its tests. This hands over to it.

use std::env;
use std::process::{Command, exit};

fn main() {
    // `cargo test --all-targets` runs benches too, and does not say that it is one.
    let (bench, args): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|arg| arg == "--bench");
    if bench.is_empty() {
        return;
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--release", "--quiet", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/Cargo.toml"))
        .args(["--bin", "ratios", "--"])
        .args(args)
        .status();
    match status {
        Ok(status) => exit(status.code().unwrap_or(1)),
        Err(error) => {
            eprintln!("cargo cannot be run: {error}");
            exit(1);
        }
    }
}
