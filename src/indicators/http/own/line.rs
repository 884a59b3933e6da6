//! One connection at a time to a host, with the client that speaks HTTP over it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::PROXY_AUTHORIZATION;
use http::uri::Scheme;
use http_body_util::Empty;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::Settings;
use super::connect::{Connect, Lookup};
use super::progress::{Dials, Progress, Staged, Step};
use super::proxy::Proxy;
use crate::indicators::http::boxed::{CloneClient, SendFuture, Sender};
use crate::indicators::shared::budget;
use crate::indicators::shared::resolver::Resolver;

type Connector = Staged<HttpsConnector<Connect>>;

/// A client whose pool no other run shares, so that dropping it closes its connection. It has two if
/// a response leads to another host.
pub(in super::super) struct Line {
    client: CloneClient<legacy::Client<Connector, Empty<Bytes>>, Empty<Bytes>>,
    progress: Progress,
    proxy: Option<Arc<Proxy>>,
    resolver: Resolver,
    /// The age at which it is replaced.
    limit: Duration,
}

impl Line {
    pub(super) fn new(settings: &Settings, resolver: &Resolver) -> Self {
        let progress = Progress::default();
        let proxy = settings.proxy.clone().map(Arc::new);
        let lookup = Lookup {
            resolver: resolver.clone(),
            progress: progress.clone(),
        };
        let mut tcp = HttpConnector::new_with_resolver(lookup);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // The addresses of each family share this time. The other family starts 300 ms after the
        // preferred one, as RFC 8305 recommends.
        tcp.set_connect_timeout(Some(settings.timeout / 10 * 8));
        let tcp = progress.stage(tcp, Step::Connect, Step::Handshake);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(settings.tls.clone())
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(Connect {
                tcp,
                proxy: proxy.clone(),
                progress: progress.clone(),
            });
        let https = progress.stage(https, Step::Connect, Step::Response);
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            // A stream that times out leaves its HTTP/2 connection open.
            .http2_keep_alive_interval(budget::TTL)
            .http2_keep_alive_timeout(budget::TIMEOUT)
            .http2_keep_alive_while_idle(true)
            .build(https);
        Self {
            client: CloneClient::new(client),
            progress,
            proxy,
            resolver: resolver.clone(),
            limit: jittered(settings.reconnect_after),
        }
    }

    /// How often it has connected to each host. It connects again by itself when the server closes.
    pub(in super::super) fn dials(&self) -> Dials {
        self.progress.dials()
    }

    /// Whether it has connected since then to the host of its last request.
    pub(in super::super) fn has_dialed_since(&self, dials: &Dials) -> bool {
        self.progress.has_dialed_since(dials)
    }

    /// The age of its oldest connection.
    pub(in super::super) fn age(&self) -> Duration {
        self.progress.age()
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }
}

impl Sender for Line {
    fn send(&self, mut request: Request<()>) -> SendFuture<'_> {
        self.progress.begin(request.uri());
        let authorization = self
            .proxy
            .as_ref()
            .and_then(|proxy| proxy.authorization.as_ref());
        // The proxy of an https target has it in CONNECT already; the target must not see it.
        if let Some(authorization) = authorization {
            if request.uri().scheme() == Some(&Scheme::HTTP) {
                let headers = request.headers_mut();
                headers.insert(PROXY_AUTHORIZATION, authorization.clone());
            }
        }
        self.client.send(request)
    }

    fn step(&self) -> String {
        let proxy = self.proxy.as_deref();
        let mut step = self.progress.describe(proxy.map(|proxy| proxy as _));
        if self.progress.is_looking_up() && self.resolver.is_queued() {
            step.push_str(": tokio's blocking pool has no free thread");
        }
        step
    }

    fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_deref()
    }
}

/// Between three and five quarters of it: instances that were deployed together reconnect apart.
fn jittered(time: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let parts = u32::try_from(random % 1_000).unwrap_or(500);
    (time / 4 * 3).saturating_add(time / 2_000 * parts)
}
