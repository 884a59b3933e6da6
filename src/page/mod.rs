//! The status page: one HTML document in the order of the questions at 3 a.m., kept live by a stream
//! of server-sent events.
//!
//! Data flows one way: [`Health`] to [`View`], which is plain data, to [`markup`], to bytes that all
//! readers share. The page has no external resource, and its policy allows no script but its own.

mod events;
mod markup;
#[cfg(test)]
mod pictures;
mod policy;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tests;
mod text;
mod view;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::time::Instant;

pub(crate) use self::events::Events;
pub(crate) use self::policy::{EVENTS_HEADERS, PAGE_HEADERS};
use self::view::View;
#[cfg(test)]
use crate::state::clock::wall;
use crate::{Health, Lateness, Probe, Snapshot, Status};

/// For how long a page is shared although nothing has changed, so that its ages stay right to about
/// a second. It also bounds how often a page is made, whatever the number of readers and of runs.
const FRESH: Duration = Duration::from_secs(1);

/// Makes the page of one health, and shares it among its readers.
///
/// Clones share it too. It keeps no health alive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    latest: Arc<Mutex<Option<Latest>>>,
}

/// The whole document, and the event that brings an open page up to date.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The document, to be served with [`PAGE_HEADERS`].
    pub(crate) html: Bytes,
    event: Bytes,
    /// Another number once something has changed that a reader should see at once.
    digest: u64,
    /// The moment of the snapshot that it shows.
    snapshot: SystemTime,
    /// How late the refresher was; it grows while no snapshot comes.
    lateness: Lateness,
}

/// Returns the time of day.
#[cfg(not(test))]
fn wall() -> SystemTime {
    SystemTime::now()
}

#[derive(Debug)]
struct Latest {
    page: Page,
    made: Instant,
    standing: Standing,
}

/// What no reader should see late, be it by a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    probes: [Status; 3],
    is_draining: bool,
}

impl Standing {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        Self {
            probes: [Probe::Liveness, Probe::Readiness, Probe::Startup]
                .map(|probe| snapshot.status(probe)),
            is_draining: snapshot.is_draining(),
        }
    }
}

impl Pages {
    /// Returns the page of the present state.
    ///
    /// It is made anew when a probe has changed or a drain has begun, and otherwise at most once a
    /// second. No check runs for it.
    pub(crate) fn page(&self, health: &Health) -> Page {
        let standing = Standing::new(&health.snapshot());
        // Others wait for the page that is being made, rather than make the same again.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(latest) = &*latest {
            if latest.standing == standing && latest.made.elapsed() < FRESH {
                return latest.page.clone();
            }
        }
        let page = Page::new(health, wall());
        *latest = Some(Latest {
            page: page.clone(),
            made: Instant::now(),
            standing,
        });
        page
    }

    /// Returns the stream that keeps an open page up to date, to be served with [`EVENTS_HEADERS`].
    ///
    /// It ends with the health, and when the drain delay is over. It must be polled in a runtime of
    /// tokio whose timer is on.
    pub(crate) fn events(&self, health: &Health) -> Events {
        Events::new(self.clone(), health.downgrade())
    }
}

impl Page {
    fn new(health: &Health, now: SystemTime) -> Self {
        let view = View::new(health, now);
        let main = markup::main(&view).into_string();
        Self {
            event: events::state(&main),
            html: markup::document(&view, main).into_string().into(),
            digest: view.digest(),
            snapshot: view.taken,
            lateness: view.facts.lateness,
        }
    }
}
