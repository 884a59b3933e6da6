//! How far the connection of a request has got, so that a failure can name the step.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Uri;
use tower_service::Service;

#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
pub(super) enum Step {
    Response,
    Lookup,
    Connect,
    Tunnel,
    Handshake,
}

const STEPS: [Step; 5] = [
    Step::Response,
    Step::Lookup,
    Step::Connect,
    Step::Tunnel,
    Step::Handshake,
];

/// The progress of the requests of a line, which are sent one after the other. A request on a kept
/// connection begins at the response.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<State>);

#[derive(Default)]
struct State {
    step: AtomicU8,
    dials: AtomicUsize,
    connected_at: Mutex<Option<Instant>>,
}

impl Progress {
    pub(super) fn set(&self, step: Step) {
        self.0.step.store(step as u8, Ordering::Relaxed);
    }

    fn step(&self) -> Step {
        let step = usize::from(self.0.step.load(Ordering::Relaxed));
        STEPS.get(step).copied().unwrap_or(Step::Response)
    }

    pub(super) fn is_looking_up(&self) -> bool {
        self.step() == Step::Lookup
    }

    /// How often the line has begun to connect.
    pub(super) fn dials(&self) -> usize {
        self.0.dials.load(Ordering::Relaxed)
    }

    /// How old its connection is.
    pub(super) fn age(&self) -> Duration {
        let connected_at = self.0.connected_at.lock();
        let connected_at = *connected_at.unwrap_or_else(PoisonError::into_inner);
        connected_at.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// The step in words. `proxy` is where the line connects to instead of the target.
    pub(super) fn describe(&self, proxy: Option<&dyn fmt::Display>) -> String {
        match (self.step(), proxy) {
            (Step::Lookup, None) => "looking up the host".to_owned(),
            (Step::Lookup, Some(proxy)) => format!("looking up the proxy {proxy}"),
            (Step::Connect, None) => "connecting".to_owned(),
            (Step::Connect, Some(proxy)) => format!("connecting to the proxy {proxy}"),
            (Step::Tunnel, None) => "waiting for a tunnel".to_owned(),
            (Step::Tunnel, Some(proxy)) => format!("waiting for a tunnel by the proxy {proxy}"),
            (Step::Handshake, _) => "TLS handshake".to_owned(),
            (Step::Response, None) => "waiting for the answer".to_owned(),
            (Step::Response, Some(proxy)) => {
                format!("waiting for the answer by way of the proxy {proxy}")
            }
        }
    }

    /// Wraps a connector so that it records when it starts and when it is done.
    pub(super) fn stage<S>(&self, inner: S, during: Step, after: Step) -> Staged<S> {
        Staged {
            inner,
            during,
            after,
            progress: self.clone(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Staged<S> {
    inner: S,
    during: Step,
    after: Step,
    progress: Progress,
}

impl<S> Service<Uri> for Staged<S>
where
    S: Service<Uri>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (progress, after) = (self.progress.clone(), self.after);
        progress.set(self.during);
        // The outermost stage ends at the response.
        if after == Step::Response {
            progress.0.dials.fetch_add(1, Ordering::Relaxed);
        }
        let connecting = self.inner.call(uri);
        Box::pin(async move {
            let connection = connecting.await?;
            progress.set(after);
            if after == Step::Response {
                let connected_at = progress.0.connected_at.lock();
                *connected_at.unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            Ok(connection)
        })
    }
}
