//! The requests that are measured.

use axum::body::Body;
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderValue, Method, Request, StatusCode, Uri, Version};

/// What a subject is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A request that passes through.
    Pass,
    /// One whose path is as long as that of a probe: lengths do not tell them apart.
    LikePass,
    /// As a browser sends one: a longer path, with a query.
    LongPass,
    Livez,
    Readyz,
    /// A unary call of an application's own service.
    Unary,
    /// `grpc.health.v1.Health/Check` of the service `""`.
    GrpcCheck,
}

impl Ask {
    const ALL: [Self; 7] = [
        Self::Pass,
        Self::LikePass,
        Self::LongPass,
        Self::Livez,
        Self::Readyz,
        Self::Unary,
        Self::GrpcCheck,
    ];

    /// The one with this [`target`](Self::target).
    pub fn by_target(target: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ask| ask.target() == target)
    }

    pub const fn target(self) -> &'static str {
        match self {
            Self::Pass => "/users/123",
            Self::LikePass => "/orders",
            Self::LongPass => "/orders/2026/11/customers?page=3&sort=name",
            Self::Livez => "/livez",
            Self::Readyz => "/readyz",
            Self::Unary => "/shop.Orders/List",
            Self::GrpcCheck => "/grpc.health.v1.Health/Check",
        }
    }

    /// What every subject answers; none that answers otherwise is measured.
    pub(crate) fn expected(self) -> StatusCode {
        StatusCode::OK
    }

    /// Makes requests, each as cheaply as can be: it is part of what is timed.
    pub(crate) fn requests(self) -> impl Fn() -> Request<Body> + Send + 'static {
        let uri = Uri::from_static(self.target());
        move || match self {
            Self::Unary | Self::GrpcCheck => unary(&uri),
            _ => {
                let mut request = Request::new(Body::empty());
                *request.uri_mut() = uri.clone();
                request
            }
        }
    }
}

/// The frame of an empty message, which names the service `""`.
pub(crate) const NO_SERVICE: [u8; 5] = [0; 5];

/// What a `Check` of a healthy service is answered with: a frame of gRPC with a message.
pub(crate) const SERVING: [u8; 7] = [0, 0, 0, 0, 2, 8, 1];
pub(crate) const NOT_SERVING: [u8; 7] = [0, 0, 0, 0, 2, 8, 2];

/// One empty message: that of `Check` for the service `""`.
fn unary(uri: &Uri) -> Request<Body> {
    let mut request = Request::new(Body::from(&NO_SERVICE[..]));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    request
}
