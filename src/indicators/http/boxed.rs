//! Any HTTP client, behind one boxed type.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tower_service::Service;

use super::own::Proxy;

pub(super) type BoxError = Box<dyn Error + Send + Sync>;
pub(super) type ResponseBody = UnsyncBoxBody<Bytes, BoxError>;
pub(super) type SendFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, BoxError>> + Send + 'a>>;

/// Sends the requests of an indicator.
pub(super) trait Sender: Send + Sync {
    fn send(&self, request: Request<()>) -> SendFuture<'_>;

    /// What a request without a response waits for; empty if the client does not report it.
    fn step(&self) -> String {
        String::new()
    }

    /// The proxy that requests go to, if the client reports it.
    fn proxy(&self) -> Option<&Proxy> {
        None
    }
}

/// Each run uses a clone of the service. The lock is held only while the service is cloned, and
/// makes stacks usable that are not `Sync`.
pub(super) struct CloneClient<C, R> {
    client: Mutex<C>,
    _request: PhantomData<fn() -> R>,
}

impl<C, R> CloneClient<C, R> {
    pub(super) fn new(client: C) -> Self {
        Self {
            client: Mutex::new(client),
            _request: PhantomData,
        }
    }
}

impl<C, R, B> Sender for CloneClient<C, R>
where
    C: Service<Request<R>, Response = Response<B>> + Clone + Send,
    C::Future: Send,
    C::Error: Into<BoxError>,
    R: Default,
    B: Body + Send + 'static,
    B::Data: Buf,
    B::Error: Into<BoxError>,
{
    fn send(&self, request: Request<()>) -> SendFuture<'_> {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let mut client = client.clone();
        Box::pin(async move {
            poll_fn(|cx| client.poll_ready(cx))
                .await
                .map_err(Into::into)?;
            let response = client.call(request.map(|()| R::default()));
            let response = response.await.map_err(Into::into)?;
            Ok(response.map(|body| {
                body.map_frame(|frame| {
                    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
                })
                .map_err(Into::into)
                .boxed_unsync()
            }))
        })
    }
}
