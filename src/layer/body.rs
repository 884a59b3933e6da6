//! Response bodies: the layer's own, and one that is either that or the inner service's.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

#[cfg(feature = "grpc")]
use crate::grpc::GrpcBody;

/// Response body of a probe: a few bytes, or the messages and trailers of a gRPC call.
///
/// [`HealthLayer::map_body`](crate::HealthLayer::map_body) converts it into the body type of the
/// application. Middleware can make an empty one:
///
/// ```
/// use http_body::Body;
/// use tower_health::ProbeBody;
///
/// assert!(ProbeBody::default().is_end_stream());
/// ```
#[derive(Debug)]
pub struct ProbeBody(BodyKind);

#[derive(Debug)]
enum BodyKind {
    /// `None` if the body is empty, or was read.
    Bytes(Option<Bytes>),
    #[cfg(feature = "grpc")]
    Grpc(GrpcBody),
}

impl ProbeBody {
    pub(super) fn new(bytes: Bytes) -> Self {
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        Self(BodyKind::Bytes(bytes))
    }

    #[cfg(feature = "grpc")]
    pub(super) fn grpc(body: Option<GrpcBody>) -> Self {
        body.map_or_else(Self::default, |body| Self(BodyKind::Grpc(body)))
    }

    /// Returns the bytes; none for a gRPC call.
    pub(super) fn into_bytes(self) -> Bytes {
        match self.0 {
            BodyKind::Bytes(bytes) => bytes.unwrap_or_default(),
            #[cfg(feature = "grpc")]
            BodyKind::Grpc(_) => Bytes::new(),
        }
    }
}

/// An empty body, for middleware that makes responses itself.
impl Default for ProbeBody {
    fn default() -> Self {
        Self(BodyKind::Bytes(None))
    }
}

impl Body for ProbeBody {
    type Data = Bytes;
    type Error = Infallible;

    #[cfg_attr(not(feature = "grpc"), expect(unused_variables))]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            BodyKind::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            #[cfg(feature = "grpc")]
            BodyKind::Grpc(body) => body.poll_frame(cx).map(|frame| frame.map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            BodyKind::Bytes(bytes) => bytes.is_none(),
            #[cfg(feature = "grpc")]
            BodyKind::Grpc(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            BodyKind::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            #[cfg(feature = "grpc")]
            BodyKind::Grpc(_) => SizeHint::default(),
        }
    }
}

pin_project! {
    /// Response body of [`HealthService`](crate::HealthService): that of the inner service, or that
    /// of a probe.
    ///
    /// It boxes neither, and passes the frames, trailers, size hint and end of an inner body through
    /// unchanged. Outer middleware can make an empty one:
    ///
    /// ```
    /// use http_body::Body;
    /// use tower_health::ResponseBody;
    ///
    /// let body = ResponseBody::<String>::default();
    /// assert!(body.is_end_stream());
    /// ```
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    #[derive(Debug)]
    enum Kind<B> {
        Inner { #[pin] body: B },
        Probe { #[pin] body: ProbeBody },
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn inner(body: B) -> Self {
        Self {
            kind: Kind::Inner { body },
        }
    }

    pub(super) fn probe(body: ProbeBody) -> Self {
        Self {
            kind: Kind::Probe { body },
        }
    }
}

/// An empty body, for outer middleware that makes responses itself.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::probe(ProbeBody::default())
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Data: From<Bytes>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Inner { body } => body.poll_frame(cx),
            KindProj::Probe { body } => body.poll_frame(cx).map(|frame| {
                frame.map(|frame| match frame {
                    Ok(frame) => Ok(frame.map_data(Into::into)),
                    Err(never) => match never {},
                })
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Probe { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Probe { body } => body.size_hint(),
        }
    }
}
