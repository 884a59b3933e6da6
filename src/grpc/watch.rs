//! `Watch`: the status of one service now, and again whenever it changes.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::watch;

use super::status::{Code, GrpcStatus};
use crate::state::{Full, Peer, Permit, ServingStatus, SharedState, Stage, Statuses, clock, race};

/// Clients retry with a backoff after this status. After `UNIMPLEMENTED` they would assume that the
/// server is healthy, and never watch it again.
const SHUTTING_DOWN: GrpcStatus = GrpcStatus::new(Code::Unavailable, "the server is shutting down");

/// How often a watch polls a status whose change would not wake it.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A watch of one service. It keeps neither the refresher alive nor, once the drain delay has
/// passed, the connection open.
pub(super) struct Watch {
    service: String,
    statuses: watch::Receiver<Statuses>,
    sent: Option<ServingStatus>,
    open: OpenWatch,
}

impl Watch {
    pub(super) fn open(
        state: &Arc<SharedState>,
        service: String,
        peer: Option<Peer>,
    ) -> Result<Self, GrpcStatus> {
        // Ends without a message: one would reset the backoff of clients, which would retry at once.
        if state.lifecycle.drain.is_delay_over() {
            return Err(SHUTTING_DOWN);
        }
        let exhausted = |message| GrpcStatus::new(Code::ResourceExhausted, message);
        // A watch keeps the name for as long as it is open.
        if service.len() > state.limits.service_name_bytes {
            return Err(exhausted("the name of the service is too long"));
        }
        let open = OpenWatch::acquire(state, &service, peer).map_err(|full| match full {
            Full::InAll => exhausted("too many open watches"),
            Full::ForPeer => exhausted("too many open watches of this peer"),
        })?;
        Ok(Self {
            service,
            statuses: state.watch_statuses(),
            sent: None,
            open,
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
            let found = self.open.state.service_status(&self.service);
            let status = found.unwrap_or(ServingStatus::ServiceUnknown);
            if self.sent != Some(status) {
                self.sent = Some(status);
                return Ok((status, self));
            }
            let is_published = self.statuses.borrow().services.get(&self.service) == found.as_ref();
            let (state, statuses) = (&self.open.state, &mut self.statuses);
            let changed = async {
                changed(state, statuses, is_published).await;
                Ok(())
            };
            let shut_down = async {
                if !state.lifecycle.is_draining() {
                    pending::<()>().await;
                }
                // Boxed, so that a watch stays small until a drain begins.
                Box::pin(delay_passed(state)).await;
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
async fn changed(
    state: &SharedState,
    statuses: &mut watch::Receiver<Statuses>,
    is_published: bool,
) {
    if is_published && statuses.changed().await.is_ok() {
        return;
    }
    let published = async {
        if statuses.changed().await.is_err() {
            pending::<()>().await;
        }
    };
    let next_poll = state.timer.wait_until(clock::now() + POLL_INTERVAL);
    race(published, Box::pin(next_poll)).await;
}

/// Waits until the drain delay has passed or was ended.
async fn delay_passed(state: &SharedState) {
    let drain = &state.lifecycle.drain;
    let passed = state.timer.wait_until(drain.delay_until());
    race(passed, drain.reached(Stage::Cap)).await;
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

/// An open watch with its permit. While it is held, the watched checks count as probed.
struct OpenWatch {
    state: Arc<SharedState>,
    of_checks: bool,
    _permit: Permit,
}

impl OpenWatch {
    fn acquire(state: &Arc<SharedState>, service: &str, peer: Option<Peer>) -> Result<Self, Full> {
        let of_checks = state.depends_on_checks(service);
        Ok(Self {
            _permit: state.services.open_watch(of_checks, peer)?,
            state: Arc::clone(state),
            of_checks,
        })
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        if self.of_checks {
            // Noted before the count falls, so that there is no moment without a probe.
            self.state.note_probe(clock::now());
        }
        self.state.services.close_watch(self.of_checks);
    }
}
