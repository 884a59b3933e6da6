//! `Watch`: the status of one service now, and again whenever it changes.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::status::{Code, GrpcStatus};
use crate::state::{ServingStatus, SharedState, Statuses, clock, race};

/// Clients retry with a backoff after this status. After `UNIMPLEMENTED` they would assume that the
/// server is healthy, and never watch it again.
const SHUTTING_DOWN: GrpcStatus = GrpcStatus::new(Code::Unavailable, "the server is shutting down");

/// How often a watch polls a status whose change would not wake it.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A watch of one service. It keeps neither the refresher alive nor, once the drain delay has
/// passed, the connection open.
pub(super) struct Watch {
    service: String,
    state: Arc<SharedState>,
    statuses: watch::Receiver<Statuses>,
    sent: Option<ServingStatus>,
    _permit: Permit,
}

impl Watch {
    pub(super) fn open(state: &Arc<SharedState>, service: String) -> Result<Self, GrpcStatus> {
        // Ends without a message: one would reset the backoff of clients, which would retry at once.
        if state.lifecycle.drain.is_delay_over() {
            return Err(SHUTTING_DOWN);
        }
        let permit = Permit::acquire(state, &service).ok_or(GrpcStatus::new(
            Code::ResourceExhausted,
            "too many open watches",
        ))?;
        Ok(Self {
            service,
            statuses: state.watch_statuses(),
            state: Arc::clone(state),
            sent: None,
            _permit: permit,
        })
    }

    pub(super) fn start(self) -> Watching {
        Watching {
            next: Box::pin(self.next()),
        }
    }

    /// Waits for a status that was not sent yet, or for the end. A slow client gets the latest.
    async fn next(mut self) -> Next {
        loop {
            // Marked as seen before the status is read, so that no change in between is lost.
            self.statuses.mark_unchanged();
            let found = self.state.service_status(&self.service);
            let status = found.unwrap_or(ServingStatus::ServiceUnknown);
            if self.sent != Some(status) {
                self.sent = Some(status);
                return Ok((status, self));
            }
            let is_published = self.statuses.borrow().services.get(&self.service) == found.as_ref();
            let statuses = &mut self.statuses;
            let changed = async {
                changed(statuses, is_published).await;
                Ok(())
            };
            let lifecycle = &self.state.lifecycle;
            let shut_down = async {
                if !lifecycle.is_draining() {
                    pending::<()>().await;
                }
                // Boxed, so that a watch stays small until a drain begins.
                Box::pin(lifecycle.drain.delay_passed()).await;
                Err(SHUTTING_DOWN)
            };
            race(changed, shut_down).await?;
        }
    }
}

/// Waits until the status may have changed.
///
/// The refresher publishes every change that it sees. A status that it has not published may be
/// taken back before it looks, and after its end it publishes nothing: in both cases the watch polls.
async fn changed(statuses: &mut watch::Receiver<Statuses>, is_published: bool) {
    if is_published && statuses.changed().await.is_ok() {
        return;
    }
    let published = async {
        if statuses.changed().await.is_err() {
            pending::<()>().await;
        }
    };
    race(published, Box::pin(sleep(POLL_INTERVAL))).await;
}

/// The next message and the watch that goes on, or the end.
type Next = Result<(ServingStatus, Watch), GrpcStatus>;

/// A watch that waits for its next message.
pub(super) struct Watching {
    next: Pin<Box<dyn Future<Output = Next> + Send + Sync>>,
}

impl Watching {
    /// Polls for the next status. Must not be called again after an error.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ServingStatus, GrpcStatus>> {
        let (status, watch) = ready!(self.next.as_mut().poll(cx))?;
        *self = watch.start();
        Poll::Ready(Ok(status))
    }
}

/// A permit for one open watch. While it is held, the watched checks count as probed.
struct Permit {
    state: Arc<SharedState>,
    of_checks: bool,
}

impl Permit {
    fn acquire(state: &Arc<SharedState>, service: &str) -> Option<Self> {
        let of_checks = state.depends_on_checks(service);
        state.services.open_watch(of_checks).then(|| Self {
            state: Arc::clone(state),
            of_checks,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.of_checks {
            // Noted before the count falls, so that there is no moment without a probe.
            self.state.note_probe(clock::now());
        }
        self.state.services.close_watch(self.of_checks);
    }
}
