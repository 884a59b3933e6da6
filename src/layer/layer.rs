//! The layer, and its builder.

use std::fmt;
use std::sync::Arc;

use http::Request;
use tower_layer::Layer;

use super::body::ProbeBody;
use super::desk::Desk;
use super::details::Details;
use super::paths::Paths;
use super::service::HealthService;
use super::wrap::{EitherBody, MapBody};
use crate::config::LayerConfig;
use crate::error::BuildError;
use crate::grpc;
use crate::health::Health;
use crate::probe::Probe;

/// Layer that applies the [`HealthService`] middleware, which answers the probes of a [`Health`].
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
/// With feature `grpc` every layer answers the calls below `/grpc.health.v1.Health/` too, in front
/// of whatever health service the inner service may have. Cargo unites the features of a program:
/// one crate in the tree that turns `grpc` on turns it on for the layers of all others.
/// [`without_grpc`](HealthLayerBuilder::without_grpc) keeps a layer out of these paths, whatever
/// others turn on.
#[derive(Clone)]
pub struct HealthLayer<M = EitherBody> {
    desk: Arc<Desk>,
    wrap: M,
}

impl HealthLayer {
    /// Answers `/livez`, `/readyz` and `/startupz`, with feature `grpc` the gRPC health service too,
    /// and shows details to nobody.
    pub fn new(health: Health) -> Self {
        let grpc = grpc::Face::default();
        Self::of(Desk::new(health, Paths::default(), Details::never(), grpc))
    }

    /// Starts to build a layer with other paths, or with details.
    pub fn builder(health: Health) -> HealthLayerBuilder {
        HealthLayerBuilder {
            health,
            config: LayerConfig::default(),
            details: Details::never(),
            grpc: grpc::Face::default(),
        }
    }

    fn of(desk: Desk) -> Self {
        Self {
            desk: Arc::new(desk),
            wrap: EitherBody,
        }
    }

    /// Keeps the body type of the inner service: `map` makes it from a [`ProbeBody`], and no other
    /// body is touched.
    ///
    /// Needed where a response must have one certain body, as `axum::serve` asks for
    /// `axum::body::Body`; the compiler then says `expected Response<axum::body::Body>, found
    /// Response<ResponseBody<Body>>`. Worth it inside `axum::Router::layer` too, which otherwise
    /// boxes every body once more.
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
            desk: self.desk,
            wrap: MapBody(map),
        }
    }
}

impl<M> HealthLayer<M> {
    /// Whether this layer answers the request as a probe, so that tracing and metrics that stand
    /// outside can leave it out.
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
        self.desk.is_probe(request)
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.desk
    }
}

impl<S, M: Clone> Layer<S> for HealthLayer<M> {
    type Service = HealthService<S, M>;

    /// Starts nothing: a framework may call it once for each route.
    fn layer(&self, inner: S) -> Self::Service {
        HealthService::new(inner, Arc::clone(&self.desk), self.wrap.clone())
    }
}

impl<M> fmt::Debug for HealthLayer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthLayer")
            .field("desk", &self.desk)
            .finish_non_exhaustive()
    }
}

/// Builds a [`HealthLayer`]; made by [`HealthLayer::builder`].
///
/// ```
/// use tower_health::{Details, Health, HealthLayer, Probe, Status};
///
/// let layer = HealthLayer::builder(Health::fixed(Status::Pass))
///     .alias("/health", Probe::Readiness)
///     .details(Details::bearer("s3cret"))
///     .build()?;
/// # Ok::<(), tower_health::BuildError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is answered until `build` is called"]
pub struct HealthLayerBuilder {
    health: Health,
    config: LayerConfig,
    details: Details,
    grpc: grpc::Face,
}

impl HealthLayerBuilder {
    /// Takes these settings in place of all that were given before, details excepted.
    pub fn config(mut self, config: LayerConfig) -> Self {
        self.config = config;
        self
    }

    /// Answers this probe at this path, and no longer at those it had. Default: `/livez`,
    /// `/readyz`, `/startupz`.
    pub fn path(mut self, path: impl Into<String>, probe: Probe) -> Self {
        *self.config.paths_mut(probe) = vec![path.into()];
        self
    }

    /// Answers this probe at this path too: `/health`, `/ready`, `/healthz`.
    pub fn alias(mut self, path: impl Into<String>, probe: Probe) -> Self {
        self.config.paths_mut(probe).push(path.into());
        self
    }

    /// Puts this in front of every path. Default: nothing.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.config.prefix = prefix.into();
        self
    }

    /// Shows details according to this policy. Default: [`Details::never`].
    pub fn details(mut self, details: Details) -> Self {
        self.details = details;
        self
    }

    /// Lets the gRPC method `List` tell every name according to this policy, and else only the four
    /// that are always there. Default: the policy of the details.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn grpc_list(mut self, list: Details) -> Self {
        self.grpc.list(list);
        self
    }

    /// Leaves the gRPC health service to the inner service, which may have one of its own.
    ///
    /// It can be called without feature `grpc` too, when there is nothing to leave yet: another
    /// crate in the tree may turn the feature on for all.
    ///
    /// ```
    /// use http::Request;
    /// use tower_health::{Health, HealthLayer, Status};
    ///
    /// let layer = HealthLayer::builder(Health::fixed(Status::Pass)).without_grpc().build()?;
    /// let check = Request::post("/grpc.health.v1.Health/Check").body(())?;
    /// assert!(!layer.is_probe(&check));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn without_grpc(mut self) -> Self {
        self.grpc.turn_off();
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Names every path that cannot be asked or belongs to two probes, and a token that nobody
    /// could send.
    pub fn build(self) -> Result<HealthLayer, BuildError> {
        let mut problems = Vec::new();
        let prefix = self.config.prefix.clone();
        let paths = Paths::new(&prefix, &self.config.all_paths(), &mut problems);
        problems.extend(self.details.problem());
        problems.extend(self.grpc.problem());
        BuildError::check(problems)?;
        let desk = Desk::new(self.health, paths, self.details, self.grpc);
        Ok(HealthLayer::of(desk))
    }
}
