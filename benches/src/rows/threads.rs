//! Probes from several threads at once.

use std::thread;
use std::time::Duration;

use axum::Router;
use tonic_health::server::health_reporter;
use tower::{Layer, service_fn};

use crate::ask::Ask;
use crate::catalogue::{
    ATOMIC, BACKGROUND, OURS, Ready, TONIC_HEALTH, app, atomic_route, background, background_route,
    plain,
};
use crate::subject::Subject;
use crate::table::{Of, Row, Section};
use crate::timing::{Spread, together};

/// Rounds in which one thread and several take turns.
const ROUNDS: u32 = 5;

/// How the subject of a thread is made.
type Make<'a> = &'a dyn Fn(Ask) -> Subject;

/// Each thread has a clone of the service, as connections have. Time is that of the processor: a
/// thread that sleeps until it gets a lock is not charged for it, which flatters those who lock.
pub fn by_threads(each: Duration) -> Section {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut section = Section::new(format!("A probe from 1 to {cores} threads at once"));
    if cores == 1 {
        let why = "not measured: this machine has one core";
        section.rows.push(Row::note("several threads", why));
    }
    let ready = Ready::with_checks(1);
    let ours = ready.layer().layer(service_fn(plain));
    let atomic = atomic_route(app(), "/readyz").with_state::<()>(());
    let background = background_app();
    // It says `SERVING` by itself.
    let tonic_health = health_reporter().1;
    let crowds: [(&str, Ask, Make<'_>); 5] = [
        (OURS, Ask::Readyz, &|ask| {
            Subject::new("", ask, ours.clone())
        }),
        (ATOMIC, Ask::Readyz, &|ask| {
            Subject::new("", ask, atomic.clone())
        }),
        (BACKGROUND, Ask::Readyz, &|ask| {
            Subject::new("", ask, background.clone())
        }),
        (OURS, Ask::GrpcCheck, &|ask| {
            Subject::new("", ask, ours.clone())
        }),
        (TONIC_HEALTH, Ask::GrpcCheck, &|ask| {
            Subject::new("", ask, tonic_health.clone())
        }),
    ];
    for (name, ask, make) in crowds {
        for count in crowd_sizes(cores) {
            let what = format!("{name}, {}: {count} threads", ask.target());
            let row = crowded(what, count, each, || make(ask));
            section.rows.push(row);
        }
    }
    section
}

/// Twice as many each time, up to as many as there are cores.
fn crowd_sizes(cores: usize) -> Vec<usize> {
    let doubled = (1..).map(|power| 1 << power);
    let mut sizes: Vec<usize> = doubled.take_while(|size| *size < cores).collect();
    if cores > 1 {
        sizes.push(cores);
    }
    sizes
}

fn crowded(what: String, count: usize, each: Duration, make: impl Fn() -> Subject) -> Row {
    let median = |count| together((0..count).map(|_| make()).collect(), each / ROUNDS).median;
    let rounds: Vec<_> = (0..ROUNDS).map(|_| (median(1), median(count))).collect();
    let spread = |value: fn(&(f64, f64)) -> f64| Spread::of(rounds.iter().map(value).collect());
    Row::time(
        what,
        spread(|(_, crowded)| *crowded),
        Of("1 thread", spread(|(alone, _)| *alone)),
        spread(|(alone, crowded)| crowded / alone),
        None,
    )
}

fn background_app() -> Router {
    let checker = background(Duration::from_secs(3600), async || Ok(()));
    background_route(app(), "/readyz", checker).with_state(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowds_double_up_to_the_number_of_cores() {
        for (cores, expected) in [
            (1, vec![]),
            (2, vec![2]),
            (3, vec![2, 3]),
            (8, vec![2, 4, 8]),
            (12, vec![2, 4, 8, 12]),
        ] {
            assert_eq!(crowd_sizes(cores), expected, "{cores} cores");
        }
    }
}
