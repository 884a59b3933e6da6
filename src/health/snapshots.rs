//! The stream of snapshots, for readers that follow what the refresher publishes.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::watch::Receiver;

use super::{Health, WeakHealth};
use crate::model::Snapshot;

/// Streams the snapshots of a [`Health`] as they are published.
///
/// [`Health::snapshots`] creates it. Whoever is slower than the refresher gets the latest and misses
/// those before it. The stream ends when the refresher has ended, at the latest with the last
/// [`Health`], which it does not keep alive. A [`Health`] whose refresher has ended still has a
/// [`snapshot`](Health::snapshot), whose checks are stale.
///
/// ```
/// use tower_health::{Health, Probe, Status};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().start()?;
/// let mut snapshots = health.snapshots();
/// health.drain();
/// while let Some(snapshot) = snapshots.next().await {
///     if snapshot.is_draining() {
///         assert_eq!(snapshot.status(Probe::Readiness), Status::Fail);
///         break;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "read snapshots with `next` or as a `Stream`"]
pub struct Snapshots {
    health: WeakHealth,
    changed: Changed,
}

/// Resolves to whether there was a publication, and the receiver that it came from.
type Changed = Pin<Box<dyn Future<Output = (bool, Receiver<()>)> + Send + Sync>>;

fn changed(mut publications: Receiver<()>) -> Changed {
    Box::pin(async move {
        let is_published = publications.changed().await.is_ok();
        (is_published, publications)
    })
}

impl Health {
    /// Returns a stream of the snapshots that are published from now on.
    ///
    /// A snapshot is published within 10 ms after each run of a check and each change of the
    /// lifecycle. What changes by itself, such as a result that expires, is in
    /// [`snapshot`](Self::snapshot) first.
    pub fn snapshots(&self) -> Snapshots {
        let mut publications = self.state().watch_publications();
        publications.mark_unchanged();
        Snapshots {
            health: self.downgrade(),
            changed: changed(publications),
        }
    }
}

impl Snapshots {
    /// Waits for the next publication; returns `None` after the refresher has ended.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: no publication is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Arc<Snapshot>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Snapshots {
    type Item = Arc<Snapshot>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Arc<Snapshot>>> {
        let (is_published, publications) = ready!(self.changed.as_mut().poll(cx));
        self.changed = changed(publications);
        let health = self.health.upgrade().filter(|_| is_published);
        Poll::Ready(health.map(|health| health.snapshot()))
    }
}

impl fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots").finish_non_exhaustive()
    }
}
