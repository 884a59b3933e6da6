//! One connection: HTTP/1.1 or HTTP/2 until the client leaves or its time is over.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use http::Version;
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::time::{Instant, sleep_until, timeout};

use super::activity::{Activity, HEAD_TIME};
use super::io::Watched;
use super::service::ManagementService;

/// How long a connection may take to say that it ends.
const GOODBYE: Duration = Duration::from_secs(1);

/// The bytes of a head, and of the fields of a request in HTTP/2.
const HEAD_BYTES: usize = 16 * 1024;

/// The requests of one HTTP/2 connection that are open at once.
const STREAMS: u32 = 16;

pub(super) type Http = auto::Builder<TokioExecutor>;

/// Returns the limits of every connection.
pub(super) fn http() -> Http {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        // The activity of the connection bounds it, and knows an idle one from one that drips.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_BYTES as u32)
        .max_send_buf_size(4 * HEAD_BYTES);
    http
}

/// Serves one connection to its end.
pub(super) async fn serve<I>(
    io: I,
    http: Arc<Http>,
    service: ManagementService,
    activity: Arc<Activity>,
) where
    I: Read + Write + Unpin + Send + 'static,
{
    let of_requests = Arc::clone(&activity);
    let service = service.of_connection(Arc::clone(&activity));
    let service = service_fn(move |request: http::Request<_>| {
        let is_http2 = request.version() >= Version::HTTP_2;
        of_requests.requested(Instant::now(), is_http2);
        service.respond(&request)
    });
    let io = Watched::new(io, Arc::clone(&activity));
    let mut connection = pin!(http.serve_connection(io, service));
    let mut deadline = pin!(sleep_until(Instant::now() + HEAD_TIME));
    let is_overdue = poll_fn(|cx| {
        // An error is a client that broke off, or that did not speak HTTP.
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(false);
        }
        loop {
            // The connection may have moved it either way.
            let now = Instant::now();
            if deadline.deadline() != activity.deadline(now) {
                deadline.as_mut().reset(activity.deadline(now));
            }
            ready!(deadline.as_mut().poll(cx));
            if activity.deadline(now) <= now {
                return Poll::Ready(true);
            }
        }
    })
    .await;
    if is_overdue {
        connection.as_mut().graceful_shutdown();
        // The port cuts off a client that has not closed by then.
        let _ = timeout(GOODBYE, connection).await;
    }
}
