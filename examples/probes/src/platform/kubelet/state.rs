//! What the threads of a pod share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Event;
use crate::files::kubernetes::{Container, Which, Workload};
use crate::platform::image::Image;
use crate::platform::pace::{Pace, StopFlag};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) container: Container,
    pub(super) grace: Duration,
    pub(super) image: Image,
    pub(super) pace: Pace,
    /// Set if nobody waits for the end of the pod.
    pub(super) stop: StopFlag,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) events: Vec<Event>,
    pub(super) has_started: bool,
    pub(super) is_ready: bool,
    pub(super) is_deleted: bool,
    /// `Some` from the failure of a probe that ends the container to the next container.
    pub(super) failed: Option<Which>,
    pub(super) pid: u32,
}

impl Shared {
    pub(super) fn new(workload: &Workload, image: &Image, pace: Pace) -> Self {
        Self {
            container: workload.containers[0].clone(),
            grace: workload.grace(),
            image: image.clone(),
            pace,
            stop: StopFlag::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, or for the time.
    pub(super) fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        time: Duration,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Changes the state, and tells everyone.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    pub(super) fn tell(&self, event: Event) {
        self.change(|state| state.events.push(event));
    }

    /// Traffic ends with the deletion, whatever readiness says.
    pub(super) fn delete(&self) {
        self.change(|state| {
            state.set_ready(false);
            state.is_deleted = true;
        });
    }

    /// A new container runs.
    pub(super) fn begin(&self, pid: u32) {
        let needs_startup = self.container.startup.is_some();
        self.change(|state| {
            state.failed = None;
            state.pid = pid;
            state.events.push(Event::Started);
            if !needs_startup {
                self.set_started(state);
            }
        });
    }

    /// Whoever has no readiness probe is ready from now on.
    pub(super) fn set_started(&self, state: &mut State) {
        state.has_started = true;
        if self.container.readiness.is_none() {
            state.set_ready(true);
        }
    }
}

impl State {
    pub(super) fn set_ready(&mut self, is_ready: bool) {
        if self.is_ready != is_ready && !(is_ready && self.is_deleted) {
            self.is_ready = is_ready;
            self.events.push(if is_ready {
                Event::Ready
            } else {
                Event::Unready
            });
        }
    }
}
