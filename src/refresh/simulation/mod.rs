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
mod context;
mod deeds;
mod heartbeats;
mod host;
mod invariants;
mod model;
mod observers;
mod restarts;
mod rng;
mod semantics;
mod states;
mod weather;
mod world;

use crate::catch::panic_message;
use std::env;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use self::host::Host;
use self::observers::{CountedPanics, Lines, Tracer};
use self::rng::Rng;
use self::weather::{Kind, Weather};
use self::world::World;
use crate::state::clock::SimulatedWall;

/// How many worlds run by default: some tens of thousands of steps.
const WORLDS: u64 = 40;

/// Worlds that have shown a fault of the refresher or of the model, beside the first ones.
const TELLING: [u64; 3] = [
    105_108_921_515_310_429,
    6_869_679_717_930_919_068,
    8_586_240_447_017_255_979,
];

/// How many steps a world has.
const STEPS: u64 = 2_000;

/// Runs one world to its end. Returns how many steps it had, or what went wrong.
fn simulate(seed: u64, steps: u64) -> Result<u64, String> {
    let _panics = CountedPanics::new();

    let mut rng = Rng::new(seed);
    let weather = Weather::any(&mut rng, seed);
    let steps = weather.steps(steps);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (host, _wall) = {
        let _context = runtime.enter();
        let host = Host::new(rng, weather.limits.lateness);
        (host, SimulatedWall::new())
    };
    let lines = Arc::<Lines>::default();
    let tracer = Tracer {
        lines: Arc::clone(&lines),
        host: host.clone(),
        misbehaves: weather.bad_observers,
    };
    let _tracer = tracing::subscriber::set_default(tracer);
    let mut done = 0;
    let life = async {
        let mut world = World::new(&host, weather, lines);
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

/// Runs the worlds of one kind, of the seeds that CI runs or those that the environment names.
fn simulate_each(kind: Kind) {
    let number = |name| {
        let value = env::var(name).ok()?;
        Some(value.parse::<u64>().unwrap())
    };
    let steps = number("SIMULATION_STEPS").unwrap_or(STEPS);
    let seconds = number("SIMULATION_SECONDS").map(Duration::from_secs);
    let mut seeds = 0..number("SIMULATION_WORLDS").unwrap_or(WORLDS);
    let mut telling = TELLING.as_slice();
    if seconds.is_some() {
        let first = RandomState::new().hash_one("seed") >> 1;
        (seeds, telling) = (first..u64::MAX, &[]);
    }
    if let Some(seed) = number("SIMULATION_SEED") {
        (seeds, telling) = (seed..seed + 1, &[]);
    }
    let started = Instant::now();
    let is_over = || seconds.is_some_and(|seconds| started.elapsed() > seconds);
    let seeds = telling.iter().copied().chain(seeds);
    let seeds = Mutex::new(seeds.filter(|seed| Kind::of(*seed) == kind));
    let (worlds, total) = (AtomicU64::new(0), AtomicU64::new(0));
    let failure = Mutex::new(None);
    let work = || {
        while !is_over() && failure.lock().unwrap().is_none() {
            let Some(seed) = seeds.lock().unwrap().next() else {
                return;
            };
            match simulate(seed, steps) {
                Ok(steps) => {
                    worlds.fetch_add(1, Ordering::Relaxed);
                    total.fetch_add(steps, Ordering::Relaxed);
                }
                Err(report) => *failure.lock().unwrap() = Some((seed, report)),
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    if let Some((seed, report)) = failure.into_inner().unwrap() {
        panic!("SIMULATION_SEED={seed} cargo test --lib simulation\n{report}");
    }
    let (worlds, total) = (worlds.into_inner(), total.into_inner());
    println!("{total} steps in {worlds} worlds, {:?}", started.elapsed());
}

#[test]
fn no_invariant_breaks_while_the_process_runs() {
    simulate_each(Kind::Calm);
}

#[test]
fn no_invariant_breaks_while_the_process_is_stopped_and_starved() {
    simulate_each(Kind::Hostile);
}

#[test]
fn no_invariant_breaks_with_hundreds_of_checks_on_a_busy_thread() {
    simulate_each(Kind::Crowd);
}
