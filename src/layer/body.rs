//! The bodies of answers: the layer's own, and one that is either that or the inner service's.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::grpc::GrpcBody;

/// The body of a probe answer: a few bytes that are there already or, of a gRPC call, messages and
/// trailers.
///
/// It implements [`Body`]; [`HealthLayer::map_body`](crate::HealthLayer::map_body) converts it into
/// the body type of the application.
#[derive(Debug)]
pub struct ProbeBody(Content);

#[derive(Debug)]
enum Content {
    /// `None` once it was read, or if there is nothing to read.
    Bytes(Option<Bytes>),
    Grpc(GrpcBody),
}

impl ProbeBody {
    pub(super) fn new(bytes: Bytes) -> Self {
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        Self(Content::Bytes(bytes))
    }

    /// Returns what is there at once, which is nothing of a gRPC call.
    pub(super) fn into_bytes(self) -> Bytes {
        match self.0 {
            Content::Bytes(bytes) => bytes.unwrap_or_default(),
            Content::Grpc(_) => Bytes::new(),
        }
    }

    pub(super) fn grpc(body: Option<GrpcBody>) -> Self {
        body.map_or_else(Self::default, |body| Self(Content::Grpc(body)))
    }
}

/// An empty body, as middleware needs it that answers by itself.
impl Default for ProbeBody {
    fn default() -> Self {
        Self(Content::Bytes(None))
    }
}

impl Body for ProbeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Content::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Grpc(body) => body.poll_frame(cx).map(|frame| frame.map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Bytes(bytes) => bytes.is_none(),
            Content::Grpc(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Grpc(_) => SizeHint::default(),
        }
    }
}

pin_project! {
    /// Response body of [`HealthService`](crate::HealthService): that of the inner service, or a
    /// probe answer. It boxes neither.
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

/// An empty body, as middleware outside of the layer needs it that answers by itself.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::probe(ProbeBody::default())
    }
}

/// The body of the inner service, unchanged but for its type: frames, trailers, hint and end.
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
