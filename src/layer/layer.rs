//! The layer: it wraps services, and recognises probes.

use std::fmt;
use std::sync::Arc;

use http::Request;
use tower_layer::Layer;

use super::body::ProbeBody;
use super::details::Details;
#[cfg(feature = "grpc")]
use super::grpc::GrpcOptions;
use super::paths::PathTable;
use super::service::HealthService;
use super::shared::Shared;
use super::wrap::{EitherBody, MapBody};
use crate::health::Health;

/// Layer that applies the [`HealthService`] middleware, which answers probes from a [`Health`].
///
/// Put it outermost; see the [ordering guide](crate::guides::ordering).
///
/// ```
/// use http::{Request, Response, StatusCode};
/// use tower::{Layer, Service, ServiceExt, service_fn};
/// use tower_health::{Health, HealthLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().start()?;
/// let app = service_fn(async |_: Request<String>| {
///     Ok::<_, std::convert::Infallible>(Response::new(String::from("hello")))
/// });
/// let mut service = HealthLayer::new(health).layer(app);
///
/// let request = Request::get("/readyz").body(String::new())?;
/// let response = service.ready().await?.call(request).await?;
/// assert_eq!(response.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
///
/// # gRPC
///
/// With feature `grpc`, every layer answers the calls below `/grpc.health.v1.Health/` too, in front
/// of any health service that the inner service has. Cargo unifies the features of a program: if
/// one crate in the tree enables `grpc`, the layers of all others have it too. A layer built
/// [`without_grpc`](crate::HealthLayerBuilder::without_grpc) leaves these calls to the inner
/// service, whatever other crates enable.
///
/// # Request bodies
///
/// The request body must implement [`http_body::Body`]. In a test, send a
/// `Request<String>` or a `Request<axum::body::Body>`; a `Request<()>` does not compile.
#[derive(Clone)]
pub struct HealthLayer<M = EitherBody> {
    shared: Arc<Shared>,
    wrap: M,
}

impl HealthLayer {
    /// Creates a layer that answers `/livez`, `/readyz` and `/startupz`, and with feature `grpc` the
    /// gRPC health service. It shows details to no caller.
    pub fn new(health: Health) -> Self {
        Self::of(Shared::new(
            health,
            PathTable::default(),
            Details::never(),
            #[cfg(feature = "grpc")]
            GrpcOptions::default(),
        ))
    }

    pub(super) fn of(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
            wrap: EitherBody,
        }
    }

    /// Keeps the body type of the inner service: `map` converts a [`ProbeBody`] into it, and no other
    /// body is touched.
    ///
    /// You need it where the response must have one particular body type. `axum::serve`, for example,
    /// expects `axum::body::Body`; the compiler then reports `expected Response<axum::body::Body>,
    /// found Response<ResponseBody<Body>>`. It also helps inside `axum::Router::layer`, which
    /// otherwise boxes every body once more.
    ///
    /// ```
    /// use axum::ServiceExt;
    /// use axum::{Router, body::Body, extract::Request};
    /// use tower::Layer;
    /// use tower_health::{Health, HealthLayer, Status};
    ///
    /// let layer = HealthLayer::new(Health::fixed(Status::Pass)).map_body(Body::new);
    /// let make_service = ServiceExt::<Request>::into_make_service(layer.layer(Router::new()));
    /// # drop(make_service);
    /// ```
    pub fn map_body<F, B>(self, map: F) -> HealthLayer<MapBody<F>>
    where
        F: Fn(ProbeBody) -> B + Clone,
    {
        HealthLayer {
            shared: self.shared,
            wrap: MapBody(map),
        }
    }
}

impl<M> HealthLayer<M> {
    /// Returns whether this layer answers the request as a probe, so that tracing and metrics
    /// outside of it can skip probes. A path below that of a probe, such as `/readyz/db`, does not
    /// count.
    ///
    /// ```
    /// use http::Request;
    /// use tower_health::{Health, HealthLayer, Status};
    ///
    /// let layer = HealthLayer::new(Health::fixed(Status::Pass));
    /// assert!(layer.is_probe(&Request::get("/livez?verbose").body(())?));
    /// assert!(!layer.is_probe(&Request::get("/").body(())?));
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn is_probe<B>(&self, request: &Request<B>) -> bool {
        self.shared.is_probe(request.uri().path())
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl<S, M: Clone> Layer<S> for HealthLayer<M> {
    type Service = HealthService<S, M>;

    /// Wraps a service. Starts nothing, since a framework may call it once for each route.
    fn layer(&self, inner: S) -> Self::Service {
        HealthService::new(inner, Arc::clone(&self.shared), self.wrap.clone())
    }
}

impl<M> fmt::Debug for HealthLayer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthLayer")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
