//! The driver: it starts a health, does random things to it and to its host, and looks.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{self, JoinSet};
use tokio::time::sleep;

use super::checks::{Mood, check};
use super::host::{CheckId, Host, SETTLED, Time};
use super::invariants::{Look, removed_check_is_gone};
use super::model::{Book, Settings};
use super::observers::{Announced, CountedPanics, Laggard, Listener};
use super::rng::Rng;
use super::semantics::{READERS_LEAVE_TRACES, RESTART};
use crate::{CheckState, Health, Probe, Status};

/// What can happen in one world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// The process is stopped now and then.
    pauses: bool,
    /// Other tasks block the thread.
    spins: bool,
    /// The scheduler panics.
    restarts: bool,
    /// Checks are added and removed.
    churn: bool,
    /// Dependencies fail.
    faults: bool,
    /// Listeners and the tracing subscriber panic and block.
    pub(super) bad_observers: bool,
    /// There are hundreds of checks.
    crowd: bool,
    jitter: f64,
}

impl Weather {
    pub(super) fn any(rng: &mut Rng, crowd: bool) -> Self {
        Self {
            pauses: rng.one_in(2),
            spins: crowd || rng.one_in(2),
            restarts: rng.one_in(3),
            churn: rng.one_in(2),
            faults: !rng.one_in(4),
            bad_observers: !crowd && rng.one_in(3),
            crowd,
            jitter: rng.pick(&[0.0, 0.1, 0.1, 0.5]),
        }
    }

    /// Returns how many steps a world has, of so many that are wanted. Large worlds are slow.
    pub(super) fn steps(self, wanted: u64) -> u64 {
        if self.crowd { wanted / 20 } else { wanted }
    }
}

pub(super) struct World {
    host: Host,
    health: Health,
    weather: Weather,
    announced: Announced,
    laggard: Laggard,
    listener: Listener,
    spinners: JoinSet<()>,
    callers: JoinSet<()>,
    next_id: u64,
    is_refusing: bool,
    breaks: Breaks,
}

/// The restarts of the scheduler.
#[derive(Default)]
struct Breaks {
    count: u64,
    /// `Some` while a restart is going on: when it was noticed, and the round in which it was over.
    noticed: Option<Time>,
    over: Option<u64>,
    is_going_on: bool,
    /// When the last restart was over.
    last: Option<Time>,
}

impl Breaks {
    fn update(&mut self, restarts: u64, now: Time, round: u64) {
        if !self.is_going_on || restarts < self.count {
            return;
        }
        let noticed = *self.noticed.get_or_insert(now);
        if now < noticed + RESTART {
            return;
        }
        let over = *self.over.get_or_insert(round);
        if round >= over + SETTLED {
            *self = Self {
                count: self.count,
                last: Some(now),
                ..Self::default()
            };
        }
    }
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
            breaks: Breaks::default(),
        }
    }

    fn chance(&self, one_in: u64) -> bool {
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

    fn pause(&self) {
        let by = {
            let rng = &mut self.host.facts().rng;
            match rng.below(20) {
                0..8 => rng.millis(20, 1_000),
                8..16 => rng.millis(1_000, 20_000),
                16..19 => rng.millis(20_000, 120_000),
                _ => rng.millis(1, 20 * 3_600_000),
            }
        };
        self.host.jump("the process is stopped for", by);
    }

    /// Starts tasks that block the thread whenever they are polled.
    fn spin(&mut self) {
        let (count, times, most, yields) = {
            let rng = &mut self.host.facts().rng;
            let most = rng.pick(&[20, 20, 50, 100, 1_000]);
            let (count, times) = if self.weather.crowd { (50, 100) } else { (4, 40) };
            (1 + rng.below(count), 1 + rng.below(times), most, rng.one_in(2))
        };
        for _ in 0..count {
            let (host, mut left) = (self.host.clone(), times);
            self.spinners.spawn(async move {
                while left > 0 {
                    left -= 1;
                    let by = host.facts().rng.millis(20, most);
                    host.jump("a task blocks for", by);
                    if yields {
                        task::yield_now().await;
                    } else {
                        wake_at_once().await;
                    }
                }
            });
        }
    }

    fn break_scheduler(&mut self) {
        self.host
            .note("the scheduler is broken", None, Duration::ZERO);
        self.health.break_refresher();
        self.breaks = Breaks {
            count: self.breaks.count + 1,
            is_going_on: true,
            ..Breaks::default()
        };
    }

    async fn add_check(&mut self) {
        let id = CheckId(self.next_id);
        self.next_id += 1;
        let probe = match self.host.facts().rng.below(8) {
            0 if self.health.status(Probe::Startup) != Status::Pass => Probe::Startup,
            _ => Probe::Readiness,
        };
        // Sometimes the name of a check that was removed.
        let name = format!("check-{}", self.host.facts().rng.below(self.next_id));
        let name = match self.registered().iter().any(|(_, other)| *other == name) {
            true => format!("check-{}", id.0),
            false => name,
        };
        if self.registered().len() > 8 && !self.weather.crowd {
            return;
        }
        self.host.note("adding", Some(id), Duration::ZERO);
        let check = open_book(id, name, probe, self.weather, &self.host);
        let result = match probe {
            Probe::Startup => self.health.add_startup(check).await,
            _ => self.health.add_readiness(check).await,
        };
        if result.is_err() {
            // Startup has completed meanwhile.
            self.host.facts().books.remove(&id);
        }
    }

    fn registered(&self) -> Vec<(CheckId, String)> {
        let facts = self.host.facts();
        let books = facts.books.iter();
        let registered = books.filter(|(_, book)| book.removed.is_none());
        registered
            .map(|(id, book)| (*id, book.name.clone()))
            .collect()
    }

    fn pick_check(&self) -> Option<(CheckId, String)> {
        let registered = self.registered();
        let count = registered.len() as u64;
        let index = (count > 0).then(|| self.host.facts().rng.below(count))?;
        registered.into_iter().nth(usize::try_from(index).unwrap())
    }

    async fn remove_check(&mut self) {
        let Some((id, name)) = self.pick_check() else {
            return;
        };
        self.host.note("removing", Some(id), Duration::ZERO);
        let (now, waits) = (self.host.moment(), self.chance(2));
        let probe = {
            let mut facts = self.host.facts();
            let book = facts.books.get_mut(&id).unwrap();
            book.removed = Some(now);
            book.settings.probe
        };
        let remove = async {
            match probe {
                Probe::Startup => self.health.remove_startup(&name).await,
                _ => self.health.remove_readiness(&name).await,
            }
        };
        let removed = if waits {
            Poll::Ready(remove.await)
        } else {
            pin!(remove).poll(&mut Context::from_waker(Waker::noop()))
        };
        if let Poll::Ready(Err(error)) = removed {
            self.host.violated(format!("{name} was not removed: {error}"));
        }
    }

    fn run_now(&mut self) {
        let Some((id, name)) = self.pick_check() else {
            return;
        };
        let (health, host) = (self.health.clone(), self.host.clone());
        let is_readiness = self.host.facts().books[&id].settings.probe == Probe::Readiness;
        if !is_readiness {
            return;
        }
        self.host.note("run now", Some(id), Duration::ZERO);
        self.callers.spawn(async move {
            let ended = |host: &Host| {
                let facts = host.facts();
                let book = facts.books.get(&id)?;
                book.removed.is_none().then_some(book.ended)
            };
            let Some(before) = ended(&host) else { return };
            let result = health.run_now(&name).await;
            let now = host.now();
            match (result, ended(&host)) {
                // Its name may have been given to another check meanwhile.
                (_, None) => {}
                (Err(error), Some(_)) => host.violated(format!("run_now({name}): {error}")),
                (Ok(()), Some(after)) => {
                    // A timeout counts before the run is dropped.
                    let is_timeout = host.facts().books[&id]
                        .current
                        .is_some_and(|run| now - run.began >= Duration::from_millis(1));
                    if after == before && !is_timeout {
                        host.violated(format!("run_now({name}) ended before a run did"));
                    }
                }
            }
        });
    }

    fn change_mood(&self) {
        let all = self.weather.crowd || self.chance(10);
        let picked = self.pick_check();
        let mut facts = self.host.facts();
        let facts = &mut *facts;
        let mood = Mood::any(&mut facts.rng);
        for (id, book) in &mut facts.books {
            if all || picked.as_ref().is_some_and(|(picked, _)| picked == id) {
                book.mood = mood;
            }
        }
    }

    fn switch_traffic(&mut self) {
        self.is_refusing = !self.is_refusing && self.chance(2);
        if self.is_refusing {
            self.health.refuse_traffic("for a while");
        } else {
            self.health.accept_traffic();
        }
    }

    /// Compares what a reader sees with what truly happened.
    fn look(&mut self, is_settled: bool) -> Result<(), String> {
        let (snapshot, readiness) = (
            self.health.snapshot(),
            self.health.status(Probe::Readiness),
        );
        let now = self.host.now();
        let restarts = self.health.refresher_restarts();
        let mut facts = self.host.facts();
        self.breaks.update(restarts, now, facts.round);
        let look = Look {
            snapshot: &snapshot,
            readiness,
            is_settled,
            settled_since: facts.settled_since(),
            is_refusing: self.is_refusing,
        };
        look.readiness_is_that_of_its_checks()?;
        let (is_restarting, restarted) = (self.breaks.is_going_on, self.breaks.last);
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
        if self.health.refresher_restarts() != self.breaks.count {
            return Err(format!(
                "the scheduler was broken {} times and restarted {} times",
                self.breaks.count,
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
        let (seen, caused) = (CountedPanics::count(), host.facts().panics + self.breaks.count);
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

/// Gives every task that is ready a turn.
async fn round(host: &Host) {
    // Resumes after the runtime has looked at its timers.
    task::yield_now().await;
    // This task is behind all that are ready, those of the timers included.
    let last = tokio::spawn(async {});
    let _ = last.await;
    host.next_round();
}

/// Gives every task that is ready its turns, and those that they wake.
async fn settle(host: &Host) {
    for _ in 0..=SETTLED {
        round(host).await;
    }
}

/// Draws the settings of a check, and opens its book.
fn open_book(id: CheckId, name: String, probe: Probe, weather: Weather, host: &Host) -> crate::Check {
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
    let longest = u64::try_from(ttl.max(failing_ttl).as_millis()).unwrap();
    let settings = Settings {
        probe,
        is_critical: !rng.one_in(4),
        ttl,
        failing_ttl,
        timeout: rng.any_scale(50, 10_000),
        stale_after: rng
            .one_in(3)
            .then(|| rng.millis(longest * 3 / 2 + 1, longest * 4)),
        failure_threshold: rng.pick(&[1, 1, 2, 3]),
        success_threshold: rng.pick(&[1, 1, 2, 3]),
        while_probed: (probe == Probe::Readiness && rng.one_in(8)).then(|| rng.millis(500, 10_000)),
        jitter: weather.jitter,
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

/// Goes to the end of the queue, as a task does that wakes itself.
async fn wake_at_once() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
