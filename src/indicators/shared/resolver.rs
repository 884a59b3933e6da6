//! Host names, looked up by the system as the application looks them up.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, spawn_blocking};

/// Looks up host names with `getaddrinfo`, one at a time, on the blocking pool.
///
/// A lookup cannot be aborted. One that outlives its run is not repeated: the next run waits for it.
/// So a lookup that hangs blocks one thread, whatever the number of runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolver(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    pending: tokio::sync::Mutex<Option<Pending>>,
    /// What the pending lookup is doing, for texts.
    progress: Mutex<Progress>,
    last: Mutex<Option<Found>>,
}

#[derive(Debug)]
struct Pending {
    host: String,
    task: JoinHandle<io::Result<Vec<IpAddr>>>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Set by the thread that runs the lookup.
    is_running: Arc<AtomicBool>,
    /// When it began, if that was in an earlier run.
    joined: Option<Instant>,
    begun_at: Option<Instant>,
}

/// The addresses that a lookup found, each once, in the order of the system's preference.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) addresses: Vec<IpAddr>,
    at: Instant,
}

impl Found {
    pub(crate) fn age(&self) -> Duration {
        self.at.elapsed()
    }
}

impl Resolver {
    /// Returns each address once, in the order of the system's preference.
    pub(crate) async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let addresses = self.addresses(host).await?;
        let with_port = |address| SocketAddr::new(address, port);
        Ok(addresses.into_iter().map(with_port).collect())
    }

    pub(crate) async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // An IP address needs no thread.
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![address]);
        }
        let mut place = self.0.pending.lock().await;
        // What it found may be long out of date.
        if place
            .as_ref()
            .is_some_and(|pending| pending.task.is_finished())
        {
            *place = None;
        }
        loop {
            let pending = match &mut *place {
                Some(pending) => {
                    let mut progress = self.progress();
                    progress.joined = progress.begun_at;
                    pending
                }
                None => place.insert(self.begin(host)),
            };
            let result = (&mut pending.task).await;
            let is_ours = pending.host == host;
            *place = None;
            if !is_ours {
                continue;
            }
            let addresses =
                result.map_err(|_| io::Error::other("the blocking pool has shut down"))??;
            *self.last() = Some(Found {
                addresses: addresses.clone(),
                at: Instant::now(),
            });
            return Ok(addresses);
        }
    }

    fn begin(&self, host: &str) -> Pending {
        let is_running = Arc::<AtomicBool>::default();
        *self.progress() = Progress {
            is_running: Arc::clone(&is_running),
            joined: None,
            begun_at: Some(Instant::now()),
        };
        let name = host.to_owned();
        let task = spawn_blocking(move || {
            is_running.store(true, Ordering::Relaxed);
            lookup(&name)
        });
        let host = host.to_owned();
        Pending { host, task }
    }

    /// Takes the last answer, so that it stands in for one that does not come once, and not for ever.
    pub(crate) fn take_last(&self) -> Option<Found> {
        self.last().take()
    }

    pub(crate) fn has_last(&self) -> bool {
        self.last().is_some()
    }

    /// Whether the lookup waits for a thread.
    pub(crate) fn is_queued(&self) -> bool {
        let progress = self.progress();
        progress.begun_at.is_some() && !progress.is_running.load(Ordering::Relaxed)
    }

    /// The step in words. What it waits for is looked at when this is formatted, at the end of the
    /// wait.
    pub(crate) fn step<'a>(&'a self, host: &'a str) -> LookupStep<'a> {
        LookupStep {
            resolver: self,
            host,
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        let progress = self.0.progress.lock();
        progress.unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> MutexGuard<'_, Option<Found>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct LookupStep<'a> {
    resolver: &'a Resolver,
    host: &'a str,
}

impl fmt::Display for LookupStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "looking up {}", self.host)?;
        if let Some(begun_at) = self.resolver.progress().joined {
            write!(f, ", begun {} s ago", begun_at.elapsed().as_secs())?;
        }
        match self.resolver.is_queued() {
            true => f.write_str(": tokio's blocking pool has no free thread"),
            false => Ok(()),
        }
    }
}

/// Whether another lookup may succeed at once: the resolver got no answer from a server, or the
/// server none from another one. `io::Error` has no kind for it, so these are the texts of
/// `EAI_AGAIN` in glibc and musl.
pub(crate) fn is_transient(error: &io::Error) -> bool {
    let text = error.to_string();
    text.contains("Temporary failure in name resolution") || text.contains("Try again")
}

fn lookup(host: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses = Vec::new();
    for address in (host, 0).to_socket_addrs()? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    match addresses.is_empty() {
        true => Err(io::Error::other("the name has no address")),
        false => Ok(addresses),
    }
}
