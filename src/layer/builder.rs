//! The builder of layers with other paths, or with details.

use std::fmt;
#[cfg(feature = "grpc")]
use std::hash::Hash;

use super::details::Details;
#[cfg(feature = "grpc")]
use super::details::RequestHead;
#[cfg(feature = "grpc")]
use super::grpc::{GrpcOptions, PeerOf};
use super::layer::HealthLayer;
use super::paths::PathTable;
use super::shared::Shared;
use crate::health::Health;
use crate::model::{BuildError, LayerConfig, Probe};

/// Builds a [`HealthLayer`]; made by [`HealthLayer::builder`].
///
/// Its options override the settings of [`config`](Self::config), whichever is called first.
///
/// ```
/// use http::Request;
/// use tower_health::{Details, Health, HealthLayer, Probe, Status};
///
/// let layer = HealthLayer::builder(Health::fixed(Status::Pass))
///     .alias("/health", Probe::Readiness)
///     .details(Details::bearer("s3cret"))
///     .build()?;
/// assert!(layer.is_probe(&Request::get("/health").body(())?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is answered until `build` is called"]
pub struct HealthLayerBuilder {
    health: Health,
    config: LayerConfig,
    // What the methods of the builder set; applied to `config` in this order.
    prefix: Option<String>,
    paths: Vec<(String, Probe)>,
    aliases: Vec<(String, Probe)>,
    details: Details,
    #[cfg(feature = "grpc")]
    grpc: GrpcOptions,
}

impl HealthLayer {
    /// Returns a builder, for a layer with other paths or with details.
    pub fn builder(health: Health) -> HealthLayerBuilder {
        HealthLayerBuilder {
            health,
            config: LayerConfig::default(),
            prefix: None,
            paths: Vec::new(),
            aliases: Vec::new(),
            details: Details::never(),
            #[cfg(feature = "grpc")]
            grpc: GrpcOptions::default(),
        }
    }
}

impl HealthLayerBuilder {
    /// Applies settings from a file or another source.
    ///
    /// A path or prefix of the builder overrides these settings, whether it is set before or after
    /// this call; an alias is added to them.
    pub fn config(mut self, config: LayerConfig) -> Self {
        self.config = config;
        self
    }

    /// Answers a probe at this path instead of its other ones. Defaults: `/livez`, `/readyz` and
    /// `/startupz`.
    pub fn path(mut self, path: impl Into<String>, probe: Probe) -> Self {
        self.paths.push((path.into(), probe));
        self
    }

    /// Answers a probe at this path too, such as `/health`, `/ready` or `/healthz`.
    pub fn alias(mut self, path: impl Into<String>, probe: Probe) -> Self {
        self.aliases.push((path.into(), probe));
        self
    }

    /// Puts this prefix in front of every probe path. Default: none.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Sets which callers see details. Default: [`Details::never`].
    pub fn details(mut self, details: Details) -> Self {
        self.details = details;
        self
    }

    /// Sets which callers of the gRPC method `List` get every service. All others get only the four
    /// standard ones. Default: the policy of [`details`](Self::details).
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn grpc_list(mut self, list: Details) -> Self {
        self.grpc.list = Some(list);
        self
    }

    /// Sets how the layer knows whose gRPC call it is, so that no peer can take every permit.
    ///
    /// The function sees the head of each call and returns what identifies its peer, such as the
    /// address that the server put into the extensions. Then one peer can have at most
    /// [`Limits::watches_per_peer`](crate::Limits::watches_per_peer) streams open, and
    /// [`Limits::pending_calls_per_peer`](crate::Limits::pending_calls_per_peer) calls whose request
    /// has not arrived. All calls for which it returns `None`, or panics, count as those of one peer.
    /// Default: no peer is known, and only the limits of all calls together hold.
    ///
    /// The limits count over all layers of the health: equal values of one type are one peer.
    ///
    /// Behind a proxy, every call comes from the address of the proxy. The
    /// [guide](crate::guides::grpc#one-peer) shows the servers of axum and tonic.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use axum::extract::ConnectInfo;
    /// use tower_health::{Health, HealthLayer, Status};
    ///
    /// let layer = HealthLayer::builder(Health::fixed(Status::Pass))
    ///     .grpc_peer(|head| {
    ///         let peer = head.extensions.get::<ConnectInfo<SocketAddr>>()?;
    ///         Some(peer.ip())
    ///     })
    ///     .build()?;
    /// # let _ = layer;
    /// # Ok::<(), tower_health::BuildError>(())
    /// ```
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn grpc_peer<K: Hash>(
        mut self,
        peer: impl Fn(&RequestHead<'_>) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        self.grpc.peer = Some(PeerOf::new(peer));
        self
    }

    /// Leaves the gRPC health service to the inner service.
    ///
    /// Without feature `grpc` this changes nothing. Call it all the same if the inner service has a
    /// gRPC health service of its own: any crate in the tree can enable the feature for all.
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
    #[cfg_attr(not(feature = "grpc"), expect(unused_mut))]
    pub fn without_grpc(mut self) -> Self {
        #[cfg(feature = "grpc")]
        {
            self.grpc.is_off = true;
        }
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Returns an error if a path cannot be requested or belongs to two probes, if the prefix cannot
    /// stand in front of a path, or if no client could send the token. The error names each problem.
    pub fn build(self) -> Result<HealthLayer, BuildError> {
        self.shared().map(HealthLayer::of)
    }

    /// Builds a layer that does not keep the refresher alive.
    #[cfg(feature = "management")]
    pub(super) fn build_detached(self) -> Result<HealthLayer, BuildError> {
        self.shared()
            .map(|shared| HealthLayer::of(shared.detached()))
    }

    fn shared(self) -> Result<Shared, BuildError> {
        let config = self.settled_config();
        let mut problems = Vec::new();
        let prefix = config.prefix.clone();
        let paths = PathTable::new(&prefix, &config.all_paths(), &mut problems);
        problems.extend(self.details.problem());
        #[cfg(feature = "grpc")]
        problems.extend(self.grpc.problem());
        BuildError::check(problems)?;
        Ok(Shared::new(
            self.health,
            paths,
            self.details,
            #[cfg(feature = "grpc")]
            self.grpc,
        ))
    }

    fn settled_config(&self) -> LayerConfig {
        let mut config = self.config.clone();
        if let Some(prefix) = &self.prefix {
            config.prefix.clone_from(prefix);
        }
        for (path, probe) in &self.paths {
            *config.paths_mut(*probe) = vec![path.clone()];
        }
        for (path, probe) in &self.aliases {
            config.paths_mut(*probe).push(path.clone());
        }
        config
    }
}

impl fmt::Debug for HealthLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthLayerBuilder")
            .field("config", &self.settled_config())
            .field("details", &self.details)
            .finish_non_exhaustive()
    }
}
