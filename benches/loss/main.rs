//! How often checks fail because of packets that are lost, for thresholds of 1 and 2.
//!
//! As root on Linux, with python3, Redis and Postgres installed, in a network of its own:
//! `unshare -n cargo bench --bench loss -- SHARE OUTAGE PERIOD RUNS PAUSE INSTANCES`, with times in
//! seconds. `0.01 0 1 120 5 300` loses 1 % of the packets for 300 instances with a TTL of 5 s, which
//! takes ten minutes; `0 0 1 120 5 300` at the same time tells what the machine itself fails.
//! `0 3 30 60 5 20` loses all packets for 3 s of each 30 s. A check fails if it passed before; half of
//! the instances confirm each failure at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that meets what it did not expect should end there"
)]

#[cfg(target_os = "linux")]
mod instances;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../tests/real/servers/mod.rs"]
mod servers;
#[cfg(target_os = "linux")]
#[path = "../../tests/support/mod.rs"]
mod support;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<f64> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    // `cargo test --all-targets` runs benches too, without arguments.
    #[cfg(target_os = "linux")]
    if let Ok(numbers) = <[f64; 6]>::try_from(numbers) {
        instances::measure(numbers);
    }
}
