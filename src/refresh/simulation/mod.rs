//! A simulation of the refresher on a hostile host.
//!
//! A driver does random things to a health, its checks and its host, on one thread and with paused
//! time, so that a seed repeats every step. After each step it looks, and compares what it sees with
//! a naive model of what truly happened.
//!
//! ```sh
//! cargo test --lib simulation                      # the seeds that CI runs
//! SIMULATION_SEED=7 cargo test --lib simulation    # one of them, with what happened last
//! .ci/simulate 60                                  # new seeds, for a minute
//! ```

mod checks;
mod host;
mod invariants;
mod model;
mod observers;
mod rng;
mod semantics;
mod world;

use std::env;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use self::host::Host;
use self::observers::{CountedPanics, Tracer};
use self::rng::Rng;
use self::world::{Weather, World};
use crate::model::panic_message;

/// How many steps a world has.
const STEPS: u64 = 2_000;

/// Runs one world to its end. Returns how many steps it had, or what went wrong.
fn simulate(seed: u64, steps: u64) -> Result<u64, String> {
    let _panics = CountedPanics::new();
    let mut rng = Rng::new(seed);
    let weather = Weather::any(&mut rng);
    let steps = weather.steps(steps);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let host = {
        let _context = runtime.enter();
        Host::new(rng)
    };
    let tracer = Tracer {
        host: host.clone(),
        misbehaves: weather.bad_observers,
    };
    let _tracer = tracing::subscriber::set_default(tracer);
    let mut done = 0;
    let life = async {
        let mut world = World::new(&host, weather);
        for _ in 0..steps {
            world.step().await?;
            done += 1;
        }
        world.finish().await
    };
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(life)));
    let result = result.unwrap_or_else(|payload| Err(panic_message(payload)));
    result.map(|()| steps).map_err(|violation| {
        let _context = runtime.enter();
        let mut text = format!("step {done} of {steps}, {weather:?}\n");
        for event in host.facts().events() {
            let _ = writeln!(text, "{event}");
        }
        let _ = write!(text, "{:>12.3} s  ", host.now().as_secs_f64());
        text + &violation
    })
}

/// Runs every world of a range of seeds, or only the one that the environment names.
fn simulate_each(seeds: impl IntoIterator<Item = u64>) {
    let number = |name| {
        let value = env::var(name).ok()?;
        Some(value.parse::<u64>().unwrap())
    };
    let steps = number("SIMULATION_STEPS").unwrap_or(STEPS);
    let one = number("SIMULATION_SEED");
    let started = Instant::now();
    let (mut worlds, mut total) = (0_u64, 0);
    for seed in one.into_iter().chain(seeds.into_iter().filter(|_| one.is_none())) {
        match simulate(seed, steps) {
            Ok(steps) => {
                worlds += 1;
                total += steps;
            }
            Err(report) => panic!("SIMULATION_SEED={seed} cargo test --lib simulation\n{report}"),
        }
    }
    let took = started.elapsed().max(Duration::from_millis(1));
    println!("{total} steps in {worlds} worlds, {took:?}");
}

#[test]
fn no_invariant_breaks_in_any_world() {
    let count = env::var("SIMULATION_WORLDS").map_or(100, |count| count.parse().unwrap());
    simulate_each(0..count);
}
