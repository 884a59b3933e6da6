//! `Watch`: the status of one service now, and again whenever it changes.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::code::{Code, GrpcStatus};
use super::services::ServingStatus;
use crate::clock;
use crate::health::Health;
use crate::lifecycle::{delay_over, first_of, is_delay_over};
use crate::published::Published;
use crate::refresh::Verdicts;

/// Clients come back after this with a backoff. Never `UNIMPLEMENTED`: they would take it for
/// "healthy, and do not ask again".
const LEAVING: GrpcStatus = GrpcStatus::new(Code::Unavailable, "the server is shutting down");

/// How long a watch waits that nobody can be relied on to wake.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A watch of one service. It keeps nobody alive: neither the refresher nor, once the drain delay
/// has passed, the connection.
pub(super) struct Watch {
    service: String,
    published: Arc<Published>,
    verdicts: watch::Receiver<Verdicts>,
    sent: Option<ServingStatus>,
    /// Gives its place back when it is dropped.
    _place: Place,
}

impl Watch {
    pub(super) fn open(health: &Health, service: String) -> Result<Self, GrpcStatus> {
        let published = Arc::clone(health.published());
        // A message would reset the backoff of clients: they would come back in a loop.
        if is_delay_over(&published.lifecycle) {
            return Err(LEAVING);
        }
        let place = Place::take(&published, &service).ok_or(GrpcStatus::new(
            Code::ResourceExhausted,
            "too many open watches",
        ))?;
        Ok(Self {
            service,
            published,
            verdicts: health.verdicts(),
            sent: None,
            _place: place,
        })
    }

    pub(super) fn start(self) -> Watching {
        Watching {
            next: Box::pin(self.next()),
        }
    }

    /// Waits for a status that was not sent yet, or for the end. A slow reader gets the latest.
    async fn next(mut self) -> Next {
        loop {
            // Seen before it is looked at, so that a change in between is not lost.
            self.verdicts.mark_unchanged();
            let found = self.published.meaning(&self.service);
            let status = found.unwrap_or(ServingStatus::ServiceUnknown);
            if self.sent != Some(status) {
                self.sent = Some(status);
                return Ok((status, self));
            }
            let is_told = self.verdicts.borrow().serving.get(&self.service) == found.as_ref();
            let verdicts = &mut self.verdicts;
            let changed = async {
                changed(verdicts, is_told).await;
                Ok(())
            };
            let lifecycle = &self.published.lifecycle;
            let left = async {
                if !lifecycle.is_draining() {
                    pending::<()>().await;
                }
                // Boxed, so that a watch is small as long as nobody leaves.
                Box::pin(delay_over(lifecycle)).await;
                Err(LEAVING)
            };
            first_of(changed, left).await?;
        }
    }
}

/// Waits until the status may be another one.
///
/// The refresher tells of every change that it sees (`is_told`: also of the present status). What
/// it has not seen may be taken back before it looks, and without a refresher nobody tells: then
/// the watch looks again by itself.
async fn changed(verdicts: &mut watch::Receiver<Verdicts>, is_told: bool) {
    if is_told && verdicts.changed().await.is_ok() {
        return;
    }
    let told = async {
        if verdicts.changed().await.is_err() {
            pending::<()>().await;
        }
    };
    first_of(told, Box::pin(sleep(LOOK_AGAIN))).await;
}

/// The next message and what watches on, or the end.
type Next = Result<(ServingStatus, Watch), GrpcStatus>;

/// A watch that waits for its next message.
pub(super) struct Watching {
    next: Pin<Box<dyn Future<Output = Next> + Send + Sync>>,
}

impl Watching {
    /// Must not be called again after an error.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ServingStatus, GrpcStatus>> {
        let (status, watch) = ready!(self.next.as_mut().poll(cx))?;
        *self = watch.start();
        Poll::Ready(Ok(status))
    }
}

/// One of the places for open watches. As long as it is taken, somebody asks for what is watched.
struct Place {
    published: Arc<Published>,
    is_of_checks: bool,
}

impl Place {
    fn take(published: &Arc<Published>, service: &str) -> Option<Self> {
        let services = &published.services;
        let more = |open: usize| (open < services.max_watches).then_some(open + 1);
        let open = &services.open_watches;
        open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()?;
        let is_of_checks = published.is_of_checks(service);
        if is_of_checks {
            services.watches_of_checks.fetch_add(1, Ordering::Relaxed);
        }
        Some(Self {
            published: Arc::clone(published),
            is_of_checks,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let services = &self.published.services;
        if self.is_of_checks {
            // Asked until now: noted first, so that there is no moment at which nobody did.
            self.published.note_probe(clock::now());
            services.watches_of_checks.fetch_sub(1, Ordering::Relaxed);
        }
        services.open_watches.fetch_sub(1, Ordering::Relaxed);
    }
}
