//! How far the connection of a request has got, so that a failure can name the step.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    hosts: Mutex<Hosts>,
}

/// Where a line connects to.
#[derive(Default)]
struct Hosts {
    /// That of the last request.
    current: String,
    known: Vec<Host>,
}

struct Host {
    authority: String,
    /// How often the line has begun to connect to it.
    dials: usize,
    /// `Some` once it was connected.
    connected_at: Option<Instant>,
}

/// How often a line had begun to connect to each host.
pub(in super::super) struct Dials(Vec<(String, usize)>);

/// More than any provider needs. The first one of them is forgotten.
const MOST_HOSTS: usize = 8;

impl Hosts {
    fn at(&mut self, authority: &str) -> &mut Host {
        let known = { self.known.iter() }.position(|host| host.authority == authority);
        let index = known.unwrap_or_else(|| {
            if self.known.len() == MOST_HOSTS {
                self.known.remove(0);
            }
            self.known.push(Host {
                authority: authority.to_owned(),
                dials: 0,
                connected_at: None,
            });
            self.known.len() - 1
        });
        &mut self.known[index]
    }

    fn dials(&self, authority: &str) -> usize {
        let host = { self.known.iter() }.find(|host| host.authority == authority);
        host.map_or(0, |host| host.dials)
    }
}

fn authority(uri: &Uri) -> &str {
    uri.authority().map_or("", |authority| authority.as_str())
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

    /// A request to this host begins, over a connection that there is or a new one.
    pub(super) fn begin(&self, uri: &Uri) {
        self.set(Step::Response);
        authority(uri).clone_into(&mut self.hosts().current);
    }

    pub(super) fn dials(&self) -> Dials {
        let hosts = self.hosts();
        let dials = { hosts.known.iter() }.map(|host| (host.authority.clone(), host.dials));
        Dials(dials.collect())
    }

    /// Whether the line has begun to connect since then to the host of its last request.
    pub(super) fn has_dialed_since(&self, dials: &Dials) -> bool {
        let hosts = self.hosts();
        let before = { dials.0.iter() }.find(|(authority, _)| *authority == hosts.current);
        hosts.dials(&hosts.current) != before.map_or(0, |(_, dials)| *dials)
    }

    /// How old the oldest of its connections is.
    pub(super) fn age(&self) -> Duration {
        let hosts = self.hosts();
        let ages = { hosts.known.iter() }.filter_map(|host| Some(host.connected_at?.elapsed()));
        ages.max().unwrap_or_default()
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner)
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
        let host = (after == Step::Response).then(|| authority(&uri).to_owned());
        if let Some(host) = &host {
            progress.hosts().at(host).dials += 1;
        }
        let connecting = self.inner.call(uri);
        Box::pin(async move {
            let connection = connecting.await?;
            progress.set(after);
            if let Some(host) = &host {
                progress.hosts().at(host).connected_at = Some(Instant::now());
            }
            Ok(connection)
        })
    }
}
