//! A service that holds its caller to the contract of tower, word for word.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use tower::Service;

use super::support::{Body, ok};

/// What every instance says when it is polled for readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Ready,
    Pending,
    Broken,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// An instance, which panics if it is called without a `Ready(Ok)` of its own right before, or
/// touched after it failed. A clone has said nothing yet.
pub(crate) struct Strict {
    id: usize,
    world: World,
}

/// All instances together.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    says: Option<Says>,
    /// What each instance that is alive said last; `None` if nothing since it was made or called.
    said: BTreeMap<usize, Option<Says>>,
    made: usize,
    asked: usize,
    failed: Vec<usize>,
    /// Who waits to be woken, by instance.
    wakers: BTreeMap<usize, Waker>,
    served: Vec<(usize, String)>,
}

impl Strict {
    /// Instance 0, ready.
    pub(crate) fn new() -> (Self, World) {
        let world = World::default();
        (world.instance(), world)
    }
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        // A broken contract panics with it, and instances are dropped while that unwinds.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn instance(&self) -> Strict {
        let mut state = self.state();
        let id = state.made;
        state.made += 1;
        state.said.insert(id, None);
        Strict {
            id,
            world: self.clone(),
        }
    }

    /// From now on every instance says this. Waiting tasks are woken unless it is to wait.
    pub(crate) fn say(&self, says: Says) {
        let mut state = self.state();
        state.says = Some(says);
        if says != Says::Pending {
            for waker in std::mem::take(&mut state.wakers).into_values() {
                waker.wake();
            }
        }
    }

    fn who_said(&self, what: Says) -> BTreeSet<usize> {
        let state = self.state();
        let said = state.said.iter().filter(|(_, said)| **said == Some(what));
        said.map(|(id, _)| *id).collect()
    }

    /// Those that said they are ready and were not called: they hold a permit.
    pub(crate) fn holding(&self) -> BTreeSet<usize> {
        self.who_said(Says::Ready)
    }

    /// Those that were told to wait: they hold a place in the queue.
    pub(crate) fn queued(&self) -> BTreeSet<usize> {
        self.who_said(Says::Pending)
    }

    pub(crate) fn alive(&self) -> Vec<usize> {
        self.state().said.keys().copied().collect()
    }

    pub(crate) fn failed(&self) -> Vec<usize> {
        self.state().failed.clone()
    }

    /// Which instance served which path, in order.
    pub(crate) fn served(&self) -> Vec<(usize, String)> {
        self.state().served.clone()
    }

    /// How often instances were made, polled or called: changes whenever an instance is touched.
    pub(crate) fn touched(&self) -> [usize; 3] {
        let state = self.state();
        [state.made, state.asked, state.served.len()]
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        self.world.instance()
    }
}

impl Drop for Strict {
    fn drop(&mut self) {
        let mut state = self.world.state();
        state.said.remove(&self.id);
        state.wakers.remove(&self.id);
    }
}

impl Service<Request<Body>> for Strict {
    type Response = Response<Body>;
    type Error = Broken;
    type Future = OnceMore;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let mut state = self.world.state();
        let says = state.says.unwrap_or(Says::Ready);
        let before = state.said.insert(self.id, Some(says)).flatten();
        assert_ne!(before, Some(Says::Broken), "asked after it failed");
        state.asked += 1;
        match says {
            Says::Ready => Poll::Ready(Ok(())),
            Says::Pending => {
                state.wakers.insert(self.id, cx.waker().clone());
                Poll::Pending
            }
            Says::Broken => {
                state.failed.push(self.id);
                Poll::Ready(Err(Broken))
            }
        }
    }

    fn call(&mut self, request: Request<Body>) -> OnceMore {
        let mut state = self.world.state();
        let before = state.said.insert(self.id, None).flatten();
        assert_eq!(before, Some(Says::Ready), "called without being ready");
        let path = request.uri().path().to_owned();
        state.served.push((self.id, path));
        OnceMore { polled: false }
    }
}

/// Answers when it is polled for the second time, so that it can be dropped in the middle.
pub(crate) struct OnceMore {
    polled: bool,
}

impl Future for OnceMore {
    type Output = Result<Response<Body>, Broken>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polled {
            return Poll::Ready(Ok(ok()));
        }
        self.polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
