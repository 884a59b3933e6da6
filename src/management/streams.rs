//! The open streams of events: how many there are, and that the oldest makes room.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::activity::Activity;
use super::backlog::Backlog;
use crate::page::Events;

/// How many streams are open at most.
const STREAMS: usize = 16;

/// The open streams of a port, oldest first.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<VecDeque<Place>>);

/// A stream that the port may end: it ends when this is dropped.
#[derive(Debug)]
struct Place {
    /// Nothing is sent.
    end: oneshot::Sender<()>,
    hold: Arc<Hold>,
}

/// What keeps a connection from being idle while it has a stream.
#[derive(Debug)]
struct Hold {
    /// `None` if the server is one of the application.
    activity: Option<Arc<Activity>>,
    is_over: AtomicBool,
}

/// The body of a stream of events, which ends when another one needs its place.
#[derive(Debug)]
pub(super) struct Stream {
    events: Events,
    /// `None` once the port has ended the stream.
    ended: Option<oneshot::Receiver<()>>,
    hold: Arc<Hold>,
    backlog: Backlog,
}

impl Streams {
    /// Opens a stream. The oldest one ends if there are as many as there may be: a page that is
    /// looked at opens it again, and one that nobody reads does not.
    pub(super) fn open(
        &self,
        events: Events,
        activity: Option<Arc<Activity>>,
        backlog: Backlog,
    ) -> Stream {
        if let Some(activity) = &activity {
            activity.began();
        }
        let hold = Arc::new(Hold {
            activity,
            is_over: AtomicBool::new(false),
        });
        let (end, ended) = oneshot::channel();
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|place| !place.end.is_closed());
        while places.len() >= STREAMS {
            // Its connection may be stuck, and never poll the stream again.
            if let Some(oldest) = places.pop_front() {
                oldest.hold.release();
            }
        }
        let of_place = Arc::clone(&hold);
        places.push_back(Place {
            end,
            hold: of_place,
        });
        Stream {
            events,
            ended: Some(ended),
            hold,
            backlog,
        }
    }
}

impl Hold {
    fn release(&self) {
        if self.is_over.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(activity) = &self.activity {
            activity.ended(Instant::now());
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.hold.release();
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(ended) = &mut self.ended else {
            return Poll::Ready(None);
        };
        if Pin::new(ended).poll(cx).is_ready() {
            self.ended = None;
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.events).poll_frame(cx));
        let event = frame.and_then(|Ok(frame)| frame.into_data().ok());
        // Without room the stream ends too: the page opens it again.
        let event = event.and_then(|event| self.backlog.admit(event));
        if event.is_none() {
            self.ended = None;
        }
        Poll::Ready(event.map(|event| Ok(Frame::data(event))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended.is_none() || self.events.is_end_stream()
    }
}
