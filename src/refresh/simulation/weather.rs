//! What can happen in one world: drawn once, so that worlds differ in more than luck.

use std::time::Duration;

use super::checks::{Mood, check};
use super::host::{CheckId, Host};
use super::model::{Book, Settings};
use super::rng::Rng;
use crate::{Check, Limits, Probe};

/// The kinds of worlds. The seed decides which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A few checks, whose process always runs.
    Calm,
    /// A few checks, whose process is stopped or starved.
    Hostile,
    /// Hundreds of checks on a busy thread.
    Crowd,
}

impl Kind {
    pub(super) fn of(seed: u64) -> Self {
        match (seed % 40, seed % 4) {
            (0, _) => Self::Crowd,
            (_, 1) => Self::Calm,
            _ => Self::Hostile,
        }
    }
}

/// What can happen in one world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// The process is stopped now and then.
    pub(super) pauses: bool,
    /// Other tasks block the thread.
    pub(super) spins: bool,
    /// The scheduler panics.
    pub(super) restarts: bool,
    /// Checks are added and removed.
    pub(super) churn: bool,
    /// Dependencies fail.
    pub(super) faults: bool,
    /// Listeners and the tracing subscriber panic and block.
    pub(super) bad_observers: bool,
    /// There are hundreds of checks.
    pub(super) crowd: bool,
    /// The wall clock is set now and then.
    pub(super) sets_clock: bool,
    /// There are heartbeats.
    pub(super) heartbeats: bool,
    pub(super) jitter: f64,
    /// The part of its timeout after which a run is slow.
    pub(super) slow_at: f64,
    /// Whether runs have spans.
    pub(super) spans: bool,
    pub(super) limits: Limits,
}

impl Weather {
    pub(super) fn any(rng: &mut Rng, seed: u64) -> Self {
        let kind = Kind::of(seed);
        let (crowd, hostile) = (kind == Kind::Crowd, kind != Kind::Calm);
        let limits = Limits {
            lateness: Duration::from_secs(rng.pick(&[1, 10, 60, 60, 600, 600])),
            transitions: rng.pick(&[32, 1_024]),
            log_lines: rng.pick(&[1, 32, 1_024]),
            history_per_check: rng.pick(&[1, 8, 64]),
            detached_runs: rng.pick(&[1, 2, 4]),
            ..Limits::default()
        };
        Self {
            pauses: crowd || hostile && rng.one_in(2),
            spins: crowd || hostile && rng.one_in(2),
            restarts: rng.one_in(3),
            churn: rng.one_in(2),
            faults: !rng.one_in(4),
            bad_observers: kind == Kind::Hostile && rng.one_in(3),
            crowd,
            sets_clock: rng.one_in(4),
            heartbeats: rng.one_in(2),
            jitter: rng.pick(&[0.0, 0.1, 0.1, 0.5]),
            limits,
            slow_at: [0.01, 0.5, 1.0][usize::try_from(seed % 3).unwrap()],
            spans: seed / 3 % 2 == 0,
        }
    }

    /// Returns how many steps a world has, of so many that are wanted. Large worlds are slow.
    pub(super) fn steps(self, wanted: u64) -> u64 {
        if self.crowd { wanted / 50 } else { wanted }
    }
}

/// Draws the settings of a check, and opens its book.
pub(super) fn open_book(
    id: CheckId,
    name: String,
    probe: Probe,
    weather: Weather,
    host: &Host,
) -> Check {
    let added = host.moment();
    let mut facts = host.facts();
    let facts = &mut *facts;
    let rng = &mut facts.rng;
    let ttl = if weather.crowd {
        rng.millis(500, 1_000)
    } else {
        rng.any_scale(50, 5_000)
    };
    let failing_ttl = if rng.one_in(3) {
        rng.any_scale(50, 5_000)
    } else {
        ttl
    };
    let suspect_ttl = if rng.one_in(3) {
        rng.any_scale(1, 5_000)
    } else {
        ttl
    };
    let longest = u64::try_from(ttl.max(failing_ttl).as_millis()).unwrap();
    let settings = Settings {
        probe,
        is_critical: !rng.one_in(4),
        ttl,
        failing_ttl,
        suspect_ttl,
        timeout: rng.any_scale(50, 10_000),
        stale_after: rng
            .one_in(3)
            .then(|| rng.millis(longest * 3 / 2 + 1, longest * 4)),
        failure_threshold: rng.pick(&[1, 1, 2, 3]),
        success_threshold: rng.pick(&[1, 1, 2, 3]),
        while_probed: (probe == Probe::Readiness && rng.one_in(8)).then(|| rng.millis(500, 10_000)),
        jitter: weather.jitter,
        // With a low bound, a run can be detached before it was polled, so that nobody knows of it.
        detached: (rng.one_in(3) && weather.limits.lateness > Duration::from_secs(60))
            .then_some(weather.limits.detached_runs),
    };
    let mood = if weather.faults && !weather.crowd {
        Mood::any(rng)
    } else {
        Mood::good(rng)
    };
    let check = check(id, name.clone(), &settings, host);
    facts
        .books
        .insert(id, Book::new(name, settings, mood, added));
    check
}
