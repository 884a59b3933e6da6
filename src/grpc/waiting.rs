//! What bounds a call while its request has not arrived: a permit among all such calls, and a time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::status::{Code, GrpcStatus};
use crate::state::{Peer, PendingPermit, SharedState, clock};

/// A call whose request has not arrived completely.
pub(super) struct Waiting {
    until: Instant,
    /// `None` if whatever polls the call has no timer of tokio. The time is then looked at whenever
    /// more of the request arrives.
    alarm: Option<Pin<Box<Sleep>>>,
    permit: PendingPermit,
}

impl Waiting {
    /// Begins to wait, or goes on. Resolves to the reason why the wait is over.
    // Out of line, since most requests are there when they are first looked at.
    #[cold]
    #[inline(never)]
    pub(super) fn poll(
        waiting: &mut Option<Self>,
        (timeout, peer): (Option<Duration>, Option<Peer>),
        state: &SharedState,
        cx: &mut Context<'_>,
    ) -> Poll<GrpcStatus> {
        if waiting.is_none() {
            match Self::begin(timeout, peer, state, cx) {
                Ok(begun) => *waiting = Some(begun),
                Err(status) => return Poll::Ready(status),
            }
        }
        let end = waiting.as_mut().and_then(|waiting| waiting.end(cx));
        end.map_or(Poll::Pending, Poll::Ready)
    }

    fn begin(
        timeout: Option<Duration>,
        peer: Option<Peer>,
        state: &SharedState,
        cx: &Context<'_>,
    ) -> Result<Self, GrpcStatus> {
        let pending_calls = &state.services.pending_calls;
        let permit = pending_calls.enter(peer, cx.waker().clone());
        let permit = permit.map_err(|_| {
            let message = "too many calls of this peer whose request has not arrived";
            GrpcStatus::new(Code::ResourceExhausted, message)
        })?;
        let time = state.limits.read_timeout;
        let until = clock::now() + timeout.map_or(time, |timeout| timeout.min(time));
        Ok(Self {
            until,
            alarm: state.timer.sleep_until(until),
            permit,
        })
    }

    /// Returns why the wait is over, if it is.
    fn end(&mut self, cx: &mut Context<'_>) -> Option<GrpcStatus> {
        if self.permit.is_lost(cx.waker().clone()) {
            let message = "too many calls whose request has not arrived";
            return Some(GrpcStatus::new(Code::ResourceExhausted, message));
        }
        let alarm = self.alarm.as_mut();
        let rings = alarm.is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready());
        (rings || clock::now() >= self.until).then(|| {
            let message = "the request did not arrive in time";
            GrpcStatus::new(Code::DeadlineExceeded, message)
        })
    }
}
