//! The thread that records metrics: it follows publications, and nothing waits for it.
//!
//! A recorder is code of the application. A task that it blocks would hold a worker of the runtime,
//! and on a runtime with one thread every probe with it.

use crate::catch::{catch_panic, log};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::facade::Facade;
use super::view::View;
use crate::{Health, Snapshots, WeakHealth};

/// The shortest time between two recordings, so that checks that end one after the other do not
/// occupy a core.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest time: a result that expires and a refresher that is late publish nothing.
const LONGEST: Duration = Duration::from_secs(1);

/// Starts the thread, which ends with the last handle, unless the health has one already: two would
/// record each duration twice.
pub(super) fn start(health: &Health) -> io::Result<()> {
    if !health.begin_recording() {
        return Ok(());
    }
    let (snapshots, weak) = (health.snapshots(), health.downgrade());
    let thread = thread::Builder::new().name("health-metrics".to_owned());
    let started = thread.spawn(move || follow(&weak, snapshots)).map(drop);
    if started.is_err() {
        health.end_recording();
    }
    started
}

fn follow(health: &WeakHealth, snapshots: Snapshots) {
    let mut snapshots = Some(snapshots);
    let mut facade = Facade::default();
    let mut has_panicked = false;
    while let Some(health) = health.upgrade() {
        let view = View::of(&health);
        drop(health);
        let recorded = catch_panic(|| facade.record(&view));
        if recorded.is_none() && !has_panicked {
            has_panicked = true;
            log!(ERROR, "the recorder of metrics panicked");
        }
        drop(view);
        thread::sleep(SHORTEST);
        wait(&mut snapshots, LONGEST - SHORTEST);
    }
}

/// Waits for the next publication, or until this time has passed.
fn wait(snapshots: &mut Option<Snapshots>, longest: Duration) {
    let deadline = Instant::now() + longest;
    let Some(stream) = snapshots else {
        return thread::sleep(longest);
    };
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match Pin::new(&mut *stream).poll_next(&mut context) {
            Poll::Ready(Some(_)) => return,
            Poll::Ready(None) => {
                // The refresher has ended, with the health or before it.
                *snapshots = None;
                return;
            }
            Poll::Pending => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
