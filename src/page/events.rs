//! The stream of server-sent events that keeps an open page up to date.
//!
//! The format is that of [HTML, section 9.2](https://html.spec.whatwg.org/#server-sent-events).

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::{Pages, wall};
use crate::{Health, Lateness, WeakHealth};

/// How often the stream looks for a change, and so the least time between two events.
const TICK: Duration = Duration::from_secs(1);

/// How often new times and durations are sent while nothing else changes. Also how often a reader
/// hears from the stream at least: `live.js` takes it for lost after more than twice that.
const NUMBERS: Duration = Duration::from_secs(5);

/// How long a browser waits before it opens the stream again, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";

/// The body of the stream.
///
/// It sends the whole state at once, again within a second after something changed, and new numbers
/// every five seconds. In between it sends nothing, or a sign of life. A reader that is slow gets
/// only the latest state: the next event is made when it is asked for.
pub(crate) struct Events {
    pages: Pages,
    health: WeakHealth,
    /// `None` until the stream is first polled, in the runtime that serves it.
    ticks: Option<Interval>,
    sent: Option<Sent>,
    has_ended: bool,
}

/// The latest state that was sent.
#[derive(Clone, Copy)]
struct Sent {
    digest: u64,
    snapshot: SystemTime,
    lateness: Lateness,
    at: Instant,
}

impl Events {
    pub(super) fn new(pages: Pages, health: WeakHealth) -> Self {
        Self {
            pages,
            health,
            ticks: None,
            sent: None,
            has_ended: false,
        }
    }

    /// Returns what to send now, if anything.
    fn next(&mut self, health: &Health, now: Instant) -> Option<Bytes> {
        if is_drain_over(health) {
            self.has_ended = true;
            let state = self.pages.page(health).event;
            return Some(
                [&state[..], b"event: end\ndata: drained\n\n"]
                    .concat()
                    .into(),
            );
        }
        let page = self.pages.page(health);
        let event = match self.sent {
            None => {
                let mut first = BytesMut::from(RETRY);
                first.extend_from_slice(&page.event);
                first.freeze()
            }
            Some(sent) if sent.digest != page.digest => page.event,
            Some(sent) if now < sent.at + NUMBERS => return None,
            Some(sent) if sent.snapshot != page.snapshot => page.event,
            // While the refresher is late no snapshot comes, and the lateness is the news.
            Some(sent) if !page.lateness.latest.is_zero() || sent.lateness != page.lateness => {
                page.event
            }
            // A comment would not reach the script, which has to know that the stream lives.
            Some(_) => Bytes::from_static(b"event: alive\ndata: 1\n\n"),
        };
        self.sent = Some(Sent {
            digest: page.digest,
            snapshot: page.snapshot,
            lateness: page.lateness,
            at: now,
        });
        Some(event)
    }
}

/// Returns whether the delay of a drain has passed. The server may wait for its streams from then on.
fn is_drain_over(health: &Health) -> bool {
    let drain = super::view::Drain::new(health, &health.snapshot());
    drain.is_some_and(|drain| drain.until <= wall())
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if self.has_ended {
                return Poll::Ready(None);
            }
            let now = ready!(self.ticks.get_or_insert_with(ticks).poll_tick(cx));
            let Some(health) = self.health.upgrade() else {
                self.has_ended = true;
                continue;
            };
            if let Some(event) = self.next(&health, now) {
                return Poll::Ready(Some(Ok(Frame::data(event))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Writes the event that replaces the state of an open page.
pub(super) fn state(html: &str) -> Bytes {
    let mut event = String::with_capacity(html.len() + 32);
    event.push_str("event: state\n");
    // A line of the stream ends at any of these.
    for line in html.split(['\n', '\r']) {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event.into()
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
