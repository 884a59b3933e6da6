//! The driver: it starts a health, does random things to it and to its host, and looks.

use std::collections::HashMap;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::host::{CheckId, Host, round, settle};
use super::invariants::{Look, removed_check_is_gone};
use super::observers::{Announced, CountedPanics, Laggard, Listener};
use super::restarts::Restarts;
use super::semantics::{READERS_LEAVE_TRACES, RESTART};
use super::weather::{Weather, open_book};
use crate::{CheckState, Health, Probe};

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
    pub(super) restarts: Restarts,
}

impl World {
    pub(super) fn new(host: &Host, weather: Weather) -> Self {
        let listener = Listener::default();
        let mut builder = Health::builder()
            .jitter(weather.jitter)
            .jitter_seed(host.facts().rng.below(u64::MAX))
            .on_transition(listener.callback(host, weather.bad_observers));
        let count = {
            let rng = &mut host.facts().rng;
            if weather.crowd {
                500 + rng.below(500)
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
        Self {
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
            38..40 => self.laggard.read().await,
            40..42 => {
                self.settle().await;
                // Otherwise something may have happened after the collector had its turn.
                if self.host.facts().settled_since() == self.host.now() {
                    let history = self.health.history();
                    self.announced.log().check_history(&history)?;
                }
            }
            42..50 => {
                self.health.state().probe(Probe::Readiness);
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
        let now = self.host.now();
        let restarts = self.health.refresher_restarts();
        let mut facts = self.host.facts();
        self.restarts.update(restarts, now, facts.round);
        let look = Look {
            snapshot: &snapshot,
            readiness,
            is_settled,
            settled_since: facts.settled_since(),
            is_refusing: self.is_refusing,
        };
        look.readiness_is_that_of_its_checks()?;
        let (is_restarting, restarted) = (self.restarts.is_going_on, self.restarts.last);
        let seen: HashMap<(Probe, &str), &CheckState> = [Probe::Readiness, Probe::Startup]
            .into_iter()
            .flat_map(|probe| snapshot.checks(probe).map(move |check| (probe, check)))
            .map(|(probe, check)| ((probe, check.name()), check))
            .collect();
        facts.with_books(now, is_restarting, restarted, |books, facts| {
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
        self.announcements(is_quiet)
    }

    /// Every change was announced once, to everyone.
    fn announcements(&mut self, is_quiet: bool) -> Result<(), String> {
        let log = self.announced.log();
        log.check()?;
        self.listener.count(&log);
        self.laggard.count(&log);
        if !is_quiet {
            return Ok(());
        }
        for probe in Probe::EACH {
            let (announced, status) = (log.latest(probe), self.health.status(probe));
            if announced != Some(status) {
                return Err(format!(
                    "{probe} is {status}, but the latest announcement is {announced:?}"
                ));
            }
        }
        let _ = *READERS_LEAVE_TRACES;
        Ok(())
    }

    /// Ends the world: nothing is lost, and nothing is left.
    pub(super) async fn finish(mut self) -> Result<(), String> {
        self.spinners.shutdown().await;
        self.callers.shutdown().await;
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
            let log = self.announced.log();
            counts = (
                log.total(),
                self.laggard.count(&log),
                self.listener.count(&log) + self.health.missed_by_listeners(),
            );
            if counts.0 == counts.1 && counts.0 == counts.2 {
                return Ok(());
            }
        }
        let (announced, laggard, listener) = counts;
        Err(format!(
            "of {announced} transitions, a slow subscriber got or missed {laggard}, and the \
             listener {listener}"
        ))
    }
}
