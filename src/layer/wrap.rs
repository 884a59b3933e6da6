//! The two ways to give probe answers and other responses one body type.

use std::fmt;

use http::Response;

use super::body::{ProbeBody, ResponseBody};

/// Gives probe answers and other responses one body type.
///
/// Only [`EitherBody`] and [`MapBody`] implement it.
pub trait WrapBody<B>: sealed::Sealed {
    /// The body of every response.
    type Body;

    /// Converts a response of the inner service.
    fn wrap_inner(response: Response<B>) -> Response<Self::Body>;

    /// Converts the body of a probe answer.
    fn wrap_probe(&self, body: ProbeBody) -> Self::Body;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::EitherBody {}
    impl<F> Sealed for super::MapBody<F> {}
}

/// Makes each response body a [`ResponseBody`], whatever the inner service has.
///
/// This is the default of [`HealthLayer`](crate::HealthLayer), which has an example.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct EitherBody;

impl<B> WrapBody<B> for EitherBody {
    type Body = ResponseBody<B>;

    #[inline]
    fn wrap_inner(response: Response<B>) -> Response<ResponseBody<B>> {
        response.map(ResponseBody::inner)
    }

    fn wrap_probe(&self, body: ProbeBody) -> ResponseBody<B> {
        ResponseBody::probe(body)
    }
}

/// Keeps the body type of the inner service, and converts each [`ProbeBody`] into it.
///
/// [`HealthLayer::map_body`](crate::HealthLayer::map_body) creates it, and has an example.
#[derive(Clone, Copy)]
pub struct MapBody<F>(pub(super) F);

impl<F, B> WrapBody<B> for MapBody<F>
where
    F: Fn(ProbeBody) -> B,
{
    type Body = B;

    #[inline]
    fn wrap_inner(response: Response<B>) -> Response<B> {
        response
    }

    fn wrap_probe(&self, body: ProbeBody) -> B {
        (self.0)(body)
    }
}

impl<F> fmt::Debug for MapBody<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MapBody")
            .field(&std::any::type_name::<F>())
            .finish()
    }
}
