//! The future of a response: most are made at once, and some wait for the archive.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;

use super::response::ManagementBody;

type Result = std::result::Result<Response<ManagementBody>, Infallible>;

/// Response future of [`ManagementService`](super::ManagementService).
///
/// It is ready at once, unless `/history` asks the archive: then it is within seconds. Poll it in a
/// runtime of tokio with a timer.
#[must_use = "futures do nothing unless polled"]
pub struct ManagementFuture(Kind);

#[cfg_attr(
    feature = "__recorder",
    expect(
        clippy::large_enum_variant,
        reason = "an answer that is ready needs no allocation"
    )
)]
enum Kind {
    Ready(Ready<Result>),
    #[cfg(feature = "__recorder")]
    Waiting(Pin<Box<dyn Future<Output = Response<ManagementBody>> + Send>>),
}

impl ManagementFuture {
    #[cfg(feature = "__recorder")]
    pub(super) fn waiting(
        answer: impl Future<Output = Response<ManagementBody>> + Send + 'static,
    ) -> Self {
        Self(Kind::Waiting(Box::pin(answer)))
    }
}

impl From<Response<ManagementBody>> for ManagementFuture {
    fn from(response: Response<ManagementBody>) -> Self {
        Self(Kind::Ready(ready(Ok(response))))
    }
}

impl Future for ManagementFuture {
    type Output = Result;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result> {
        match &mut self.0 {
            Kind::Ready(response) => Pin::new(response).poll(cx),
            #[cfg(feature = "__recorder")]
            Kind::Waiting(answer) => answer.as_mut().poll(cx).map(Ok),
        }
    }
}

impl fmt::Debug for ManagementFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagementFuture").finish_non_exhaustive()
    }
}
