//! What the driver does to a health and to its host.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task;

use super::checks::Mood;
use super::host::{CheckId, Host};
use super::weather::open_book;
use super::world::World;
use crate::{Probe, Status};

impl World {
    pub(super) fn pause(&self) {
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
    pub(super) fn spin(&mut self) {
        let (count, times, most, yields) = {
            let rng = &mut self.host.facts().rng;
            let most = rng.pick(&[20, 20, 50, 100, 1_000]);
            let (most_tasks, most_times) = if self.weather.crowd {
                (50, 100)
            } else {
                (4, 40)
            };
            (
                1 + rng.below(most_tasks),
                1 + rng.below(most_times),
                most,
                rng.one_in(2),
            )
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

    pub(super) fn break_scheduler(&mut self) {
        self.host
            .note("the scheduler is broken", None, Duration::ZERO);
        self.health.break_refresher();
        self.restarts.begin();
    }

    pub(super) async fn add_check(&mut self) {
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

    pub(super) async fn remove_check(&mut self) {
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
            self.host
                .violated(format!("{name} was not removed: {error}"));
        }
    }

    pub(super) fn run_now(&mut self) {
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

    pub(super) fn change_mood(&self) {
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

    pub(super) fn switch_traffic(&mut self) {
        if self.health.is_draining() {
            return;
        }
        self.lifecycle_changed_at = Some(self.host.now());
        self.is_refusing = !self.is_refusing && self.chance(2);
        if self.is_refusing {
            self.health.refuse_traffic("for a while");
        } else {
            self.health.accept_traffic();
        }
    }
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
