//! The two ways in which probe answers and other responses get one body type.

use std::fmt;

use http::Response;

use super::body::{ProbeBody, ResponseBody};

/// How a [`HealthService`](crate::HealthService) makes one body type of two. Implemented by
/// [`EitherBody`] and [`MapBody`] only.
pub trait WrapBody<B>: sealed::Sealed {
    /// The body of every response.
    type Body;

    /// Takes a response of the inner service.
    fn wrap_inner(response: Response<B>) -> Response<Self::Body>;

    /// Takes the body of a probe answer.
    fn wrap_probe(&self, body: ProbeBody) -> Self::Body;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::EitherBody {}
    impl<F> Sealed for super::MapBody<F> {}
}

/// Every response has a [`ResponseBody`], whatever the body of the inner service is.
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

/// Every response has the body type of the inner service, and a function makes it from a
/// [`ProbeBody`]; made by [`HealthLayer::map_body`](crate::HealthLayer::map_body).
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
