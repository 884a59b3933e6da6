//! What bounds a call while its request has not arrived: a place among all such calls, and a time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

use super::call::PendingCall;
use super::status::{Code, GrpcStatus};
use crate::state::{Full, Place, SharedState, clock};

/// A call whose request has not arrived completely.
pub(super) struct Waiting {
    until: Instant,
    /// `None` if whatever polls the call has no timer of tokio. The time is then looked at whenever
    /// more of the request arrives.
    alarm: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Waiting {
    /// Begins to wait, or goes on. Resolves to the reason why the wait is over.
    // Out of line, since most requests are there when they are first looked at.
    #[cold]
    #[inline(never)]
    pub(super) fn poll(
        waiting: &mut Option<Self>,
        call: &PendingCall,
        state: &SharedState,
        cx: &mut Context<'_>,
    ) -> Poll<GrpcStatus> {
        if waiting.is_none() {
            match Self::begin(call, state) {
                Ok(begun) => *waiting = Some(begun),
                Err(status) => return Poll::Ready(status),
            }
        }
        let is_over = waiting.as_mut().is_some_and(|waiting| waiting.is_over(cx));
        if is_over {
            let message = "the request did not arrive in time";
            return Poll::Ready(GrpcStatus::new(Code::DeadlineExceeded, message));
        }
        Poll::Pending
    }

    fn begin(call: &PendingCall, state: &SharedState) -> Result<Self, GrpcStatus> {
        let place = state.services.pending_calls.take(call.peer);
        let place = place.map_err(|full| {
            let message = match full {
                Full::InAll => "too many calls whose request has not arrived",
                Full::ForPeer => "too many calls of this peer whose request has not arrived",
            };
            GrpcStatus::new(Code::ResourceExhausted, message)
        })?;
        let time = state.limits.read_timeout;
        let until = clock::now() + call.timeout.map_or(time, |timeout| timeout.min(time));
        Ok(Self {
            until,
            alarm: state.timer.sleep_until(until),
            _place: place,
        })
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if clock::now() >= self.until {
            return true;
        }
        let alarm = self.alarm.as_mut();
        alarm.is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready())
    }
}
