//! The driver: it starts a health, does random things to it and to its host, and looks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::checks::Mood;
use super::heartbeats::Loops;
use super::host::{CheckId, Host, Time, round, settle};
use super::invariants::{Look, removed_check_is_gone};
use super::model::Book;
use super::observers::{Announced, CountedPanics, Laggard, Lines, Listener};
use super::restarts::Restarts;
use super::semantics::RESTART;
use super::weather::{Weather, open_book};
use crate::state::clock::{self, SimulatedWall};
use crate::{CheckState, Health, Probe, RefresherState, Status};

/// What timers are imprecise by.
const SLACK: Duration = Duration::from_millis(20);

pub(super) struct World {
    pub(super) host: Host,
    pub(super) health: Health,
    pub(super) weather: Weather,
    announced: Announced,
    laggard: Laggard,
    listener: Listener,
    pub(super) spinners: JoinSet<()>,
    pub(super) callers: JoinSet<()>,
    pub(super) next_id: u64,
    pub(super) is_refusing: bool,
    pub(super) loops: Loops,
    lines: Arc<Lines>,
    /// When the application last did what changes readiness at once.
    pub(super) lifecycle_changed_at: Option<Time>,
    /// What readers saw of readiness that the announcements have yet to tell.
    untold: Vec<(SystemTime, Status)>,
    pub(super) restarts: Restarts,
}

impl World {
    pub(super) fn new(host: &Host, weather: Weather, lines: Arc<Lines>) -> Self {
        let listener = Listener::default();
        let mut builder = Health::builder()
            .jitter(weather.jitter)
            .limits(weather.limits)
            .slow_at(weather.slow_at)
            .jitter_seed(host.facts().rng.below(u64::MAX))
            .on_transition(listener.callback(host, weather.bad_observers));
        if weather.spans {
            builder = builder.run_spans();
        }
        let count = {
            let rng = &mut host.facts().rng;
            if weather.crowd {
                600 + rng.below(200)
            } else {
                1 + rng.below(5)
            }
        };
        for id in 0..count {
            let probe = match host.facts().rng.below(8) {
                0 if !weather.crowd => Probe::Startup,
                _ => Probe::Readiness,
            };
            let check = open_book(CheckId(id), format!("check-{id}"), probe, weather, host);
            builder = match probe {
                Probe::Startup => builder.startup(check),
                _ => builder.readiness(check),
            };
        }
        let health = builder.start().unwrap();
        let loops = match weather.heartbeats {
            true => 1 + host.facts().rng.below(3),
            false => 0,
        };
        Self {
            loops: Loops::start(loops, &health, host),
            lines,
            lifecycle_changed_at: None,
            untold: Vec::new(),
            announced: Announced::collect(&health),
            laggard: Laggard::new(&health),
            host: host.clone(),
            health,
            weather,
            listener,
            spinners: JoinSet::new(),
            callers: JoinSet::new(),
            next_id: count,
            is_refusing: false,
            restarts: Restarts::default(),
        }
    }

    pub(super) fn chance(&self, one_in: u64) -> bool {
        self.host.facts().rng.one_in(one_in)
    }

    /// Lets time pass.
    async fn rest(&self, time: Duration) {
        sleep(time).await;
        self.round().await;
    }

    /// Gives every task that is ready a turn.
    async fn round(&self) {
        round(&self.host).await;
    }

    async fn settle(&self) {
        settle(&self.host).await;
    }

    /// Does one thing, and looks.
    pub(super) async fn step(&mut self) -> Result<(), String> {
        let choice = self.host.facts().rng.below(100);
        match choice {
            0..8 if self.weather.pauses => self.pause(),
            8..14 if self.weather.spins => self.spin(),
            14..16 if self.weather.restarts => self.break_scheduler(),
            16..19 if self.weather.churn => self.add_check().await,
            19..22 if self.weather.churn => self.remove_check().await,
            22..26 => self.run_now(),
            26..36 if self.weather.faults => self.change_mood(),
            36..38 => self.switch_traffic(),
            // Most worlds end before that.
            98 if self.chance(100) => self.drain(),
            97 if self.weather.sets_clock => self.set_clock(),
            96 => self.loops.hang(&self.host),
            38..40 => self.laggard.read().await,
            40..42 => {
                self.settle().await;
                // Otherwise something may have happened after the collector had its turn.
                if self.host.facts().settled_since() == self.host.now() {
                    let history = self.health.history();
                    let most = self.weather.limits.history_per_check;
                    self.announced.log().check_history(&history, most)?;
                }
            }
            42..50 => {
                let seen = self.health.state().probe(Probe::Readiness);
                let now = self.host.now();
                self.host.facts().read(now);
                self.saw(seen);
            }
            50..60 => self.round().await,
            _ => {
                let time = self.host.facts().rng.any_scale(1, 2_000);
                self.rest(time).await;
            }
        }
        while self.callers.try_join_next().is_some() {}
        while self.spinners.try_join_next().is_some() {}
        if self.chance(3) {
            self.look(false)?;
        }
        if self.chance(4) {
            self.settle().await;
            self.look(true)?;
        }
        self.host.facts().violation.take().map_or(Ok(()), Err)
    }

    /// Compares what a reader sees with what truly happened.
    fn look(&mut self, is_settled: bool) -> Result<(), String> {
        let (snapshot, readiness) = (self.health.snapshot(), self.health.status(Probe::Readiness));
        let (liveness, lateness) = (self.health.status(Probe::Liveness), self.health.lateness());
        self.saw(readiness);
        let now = self.host.now();
        let restarts = self.health.refresher_restarts();
        let mut facts = self.host.facts();
        let is_overdue = facts.read(now);
        self.restarts.update(restarts, now, facts.round);
        let (is_restarting, restarted) = (self.restarts.is_going_on, self.restarts.last);
        let stale = |book: &Book| {
            let checks = snapshot.checks(Probe::Readiness);
            let mut same = checks.filter(|check| check.name() == book.name);
            same.next().is_some_and(CheckState::is_stale)
        };
        let is_bound_used_up = is_settled || {
            let books = facts.books.values();
            let fresh =
                books.filter(|book| book.removed.is_none() && (self.weather.crowd || !stale(book)));
            let ends = fresh.map(|book| match book.published {
                Some(run) => run.before,
                None => book.added.at,
            });
            let oldest = ends.min().unwrap_or_default();
            facts.jumps.between(oldest, now).total + SLACK >= facts.bound
        };
        let look = Look {
            snapshot: &snapshot,
            readiness,
            is_settled,
            settled_since: facts.settled_since(),
            is_refusing: self.is_refusing,
            is_overdue,
            is_bound_used_up,
        };
        look.readiness_is_that_of_its_checks()?;
        let seen: HashMap<(Probe, &str), &CheckState> = [Probe::Readiness, Probe::Startup]
            .into_iter()
            .flat_map(|probe| snapshot.checks(probe).map(move |check| (probe, check)))
            .map(|(probe, check)| ((probe, check.name()), check))
            .collect();
        let is_calm = is_settled && !is_restarting;
        if is_calm && snapshot.refresher() != RefresherState::Running {
            return Err(format!("the refresher is {:?}", snapshot.refresher()));
        }
        let mut liveness_is_certain = true;
        facts.with_books(now, (is_restarting, restarted), |books, facts| {
            let lost = facts.late_at_most(Time::ZERO, now);
            if !is_restarting && (lateness.total > lost || lateness.worst > lateness.total) {
                return Err(format!("of {lost:?} that was lost, {lateness:?}"));
            }
            let possible = self.loops.possible(is_calm, facts);
            liveness_is_certain = possible.len() == 1;
            // A restart that takes a minute fails liveness, even if nothing ran in it.
            let may_be_unforgiven = !is_calm && (is_overdue || is_restarting);
            if !possible.contains(&liveness) && !may_be_unforgiven {
                return Err(format!(
                    "liveness is {liveness}, but can only be {possible:?}: {:?}",
                    self.loops
                ));
            }
            let mut gone = Vec::new();
            for (id, book) in books.iter_mut() {
                if book.removed.is_some() {
                    if removed_check_is_gone(book, facts)? {
                        gone.push(*id);
                    }
                    continue;
                }
                let seen = seen.get(&(book.settings.probe, &*book.name)).copied();
                look.check(*id, book, seen, facts)?;
            }
            for id in gone {
                books.remove(&id);
            }
            Ok::<(), String>(())
        })?;
        let is_quiet = is_settled && !is_restarting && facts.settled_since() == now;
        drop(facts);
        self.announcements(is_quiet, liveness_is_certain)
    }

    /// Notes what a reader saw of readiness.
    fn saw(&mut self, readiness: Status) {
        if readiness != Status::Pass && !self.is_refusing && !self.weather.sets_clock {
            self.untold.push((clock::wall(), readiness));
        }
    }

    fn set_clock(&self) {
        let to = {
            let rng = &mut self.host.facts().rng;
            let year = 365 * 24 * 3_600;
            match rng.below(4) {
                // From before 1970 until after the year 9999.
                0 => rng.pick(&[-year, 0, 300 * year, 9_000 * year]),
                _ => SimulatedWall::seconds() + i64::try_from(rng.below(7_200)).unwrap() - 3_600,
            }
        };
        self.host
            .note("the wall clock is set", None, Duration::ZERO);
        SimulatedWall::set(to);
    }

    fn drain(&mut self) {
        self.host.note("the health drains", None, Duration::ZERO);
        self.health.drain();
        self.is_refusing = true;
    }

    /// Every change was announced once, to everyone.
    fn announcements(&mut self, is_quiet: bool, liveness_is_certain: bool) -> Result<(), String> {
        let log = self.announced.log();
        log.check()?;
        self.listener.count(&log);
        self.laggard.count(&log);
        if !is_quiet {
            return Ok(());
        }
        for (at, status) in std::mem::take(&mut self.untold) {
            let was_refusing = self.lifecycle_changed_at.is_some();
            if !log.tells(status, at) && !was_refusing {
                return Err(format!(
                    "a reader saw {status} at {at:?}, and nobody was told"
                ));
            }
        }
        self.lifecycle_changed_at = None;
        for probe in Probe::EACH {
            if probe == Probe::Liveness && !liveness_is_certain {
                continue;
            }
            let (announced, status) = (log.latest(probe), self.health.status(probe));
            if announced != Some(status) {
                return Err(format!(
                    "{probe} is {status}, but the latest announcement is {announced:?}"
                ));
            }
        }
        Ok(())
    }

    /// Each line of the log was written or counted.
    fn log_is_complete(&self, transitions: u64) -> Result<(), String> {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let from_queue = load(&self.lines.written) - load(&self.lines.about_log);
        let lines = from_queue + self.health.missed_by_log();
        let least = transitions
            + self.health.lateness().starved_runs
            + self.host.facts().listener_panics
            + self.restarts.count;
        // Nobody knows how many of the lines that were dropped are about slow runs.
        let about_slow = load(&self.lines.about_slow);
        let dropped = match self.weather.slow_at {
            1.0 => 0,
            _ => self.health.missed_by_log(),
        };
        let (least, most) = (
            least + about_slow,
            least + about_slow + self.health.missed_by_listeners() + dropped,
        );
        if (least..=most).contains(&lines) {
            return Ok(());
        }
        Err(format!(
            "the log got or missed {lines} lines instead of {least} to {most}"
        ))
    }

    /// Ends the world: nothing is lost, and nothing is left.
    pub(super) async fn finish(mut self) -> Result<(), String> {
        self.spinners.shutdown().await;
        self.callers.shutdown().await;
        self.loops.end().await;
        // From now on, nothing happens that a slow listener could not catch up with.
        for book in self.host.facts().books.values_mut() {
            book.mood = Mood::Well;
        }
        for _ in 0..20 {
            self.rest(RESTART).await;
        }
        if self.health.refresher_restarts() != self.restarts.count {
            return Err(format!(
                "the scheduler was broken {} times and restarted {} times",
                self.restarts.count,
                self.health.refresher_restarts()
            ));
        }
        self.settle().await;
        self.look(true)?;
        self.everyone_received_everything().await?;
        let Self {
            host,
            health,
            laggard,
            announced,
            ..
        } = self;
        drop((health, laggard));
        settle(&host).await;
        let tasks = Handle::current().metrics().num_alive_tasks();
        if tasks > 0 {
            return Err(format!("{tasks} tasks are left"));
        }
        if !announced.log().has_ended {
            return Err("the subscription goes on".to_owned());
        }
        let (seen, caused) = (
            CountedPanics::count(),
            host.facts().panics + self.restarts.count,
        );
        if seen != caused {
            return Err(format!(
                "{seen} panics happened instead of {caused}; the last: {}",
                CountedPanics::last()
            ));
        }
        Ok(())
    }

    async fn everyone_received_everything(&mut self) -> Result<(), String> {
        let mut counts = (0, 0, 0);
        // A listener that blocks lets new transitions happen meanwhile.
        for _ in 0..1_000 {
            self.settle().await;
            self.laggard.read().await;
            counts = {
                let log = self.announced.log();
                let listener = self.listener.count(&log) + self.health.missed_by_listeners();
                (log.total(), self.laggard.count(&log), listener)
            };
            if counts.0 == counts.1 && counts.0 == counts.2 {
                self.settle().await;
                if self.announced.log().total() == counts.0 {
                    return self.log_is_complete(counts.0);
                }
            }
        }
        let (announced, laggard, listener) = counts;
        Err(format!(
            "of {announced} transitions, a slow subscriber got or missed {laggard}, and the \
             listener {listener}"
        ))
    }
}
