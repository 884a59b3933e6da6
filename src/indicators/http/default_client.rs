//! The client of an indicator that has none from the application. It reports the step at which its
//! connection is.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Empty;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use super::boxed::{Client, CloneClient, SendFuture};
use crate::indicators::shared::budget;
use crate::indicators::shared::resolver::Resolver;

/// The root certificates of the system for `https`. None for `http`, which must work without them.
pub(super) fn tls_config(uri: &Uri) -> Result<ClientConfig, io::Error> {
    // Explicit, because rustls panics when it has to choose between two providers.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let config = match uri.scheme_str() {
        Some("https") => config.with_native_roots()?,
        _ => config.with_root_certificates(RootCertStore::empty()),
    };
    Ok(config.with_no_client_auth())
}

type Connector = Staged<HttpsConnector<Staged<HttpConnector<Lookup>>>>;

pub(super) struct DefaultClient {
    tls: ClientConfig,
    progress: Progress,
    client: CloneClient<legacy::Client<Connector, Empty<Bytes>>, Empty<Bytes>>,
}

impl DefaultClient {
    pub(super) fn new(mut tls: ClientConfig, timeout: Duration) -> Self {
        // hyper-rustls sets the protocols, and panics if they are already set.
        tls.alpn_protocols.clear();
        let progress = Progress::default();
        let client = CloneClient::new(pool(&tls, &progress, timeout));
        Self {
            tls,
            progress,
            client,
        }
    }
}

impl Client for DefaultClient {
    fn send(&self, request: Request<()>) -> SendFuture<'_> {
        self.progress.set(Step::Response);
        self.client.send(request)
    }

    fn step(&self) -> &'static str {
        self.progress.text()
    }

    fn set_timeout(&mut self, timeout: Duration) {
        self.client = CloneClient::new(pool(&self.tls, &self.progress, timeout));
    }
}

fn pool(
    tls: &ClientConfig,
    progress: &Progress,
    timeout: Duration,
) -> legacy::Client<Connector, Empty<Bytes>> {
    let lookup = Lookup {
        resolver: Resolver::default(),
        progress: progress.clone(),
    };
    let mut tcp = HttpConnector::new_with_resolver(lookup);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // All addresses of a name share this time, because the first may not respond.
    tcp.set_connect_timeout(Some(timeout / 10 * 8));
    let tcp = progress.stage(tcp, Step::Connect, Step::Handshake);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(tcp);
    let https = progress.stage(https, Step::Connect, Step::Response);
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        // A stream that times out leaves its HTTP/2 connection open. Without pings, a connection
        // that the network dropped would fail every run until the kernel stops retransmitting.
        .http2_keep_alive_interval(budget::TTL)
        .http2_keep_alive_timeout(budget::TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .build(https)
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum Step {
    Response,
    Lookup,
    Connect,
    Handshake,
}

/// The step at which the connection of the current run is. A pooled connection is at the response.
#[derive(Clone, Default)]
struct Progress(Arc<AtomicU8>);

impl Progress {
    fn set(&self, step: Step) {
        self.0.store(step as u8, Ordering::Relaxed);
    }

    fn text(&self) -> &'static str {
        const LOOKUP: u8 = Step::Lookup as u8;
        const CONNECT: u8 = Step::Connect as u8;
        const HANDSHAKE: u8 = Step::Handshake as u8;
        match self.0.load(Ordering::Relaxed) {
            LOOKUP => "looking up the host",
            CONNECT => "connecting",
            HANDSHAKE => "TLS handshake",
            _ => "waiting for the answer",
        }
    }

    fn stage<S>(&self, inner: S, during: Step, after: Step) -> Staged<S> {
        Staged {
            inner,
            during,
            after,
            progress: self.clone(),
        }
    }
}

/// A connector that records when it starts and when it is done.
#[derive(Clone)]
struct Staged<S> {
    inner: S,
    during: Step,
    after: Step,
    progress: Progress,
}

impl<S> Service<Uri> for Staged<S>
where
    S: Service<Uri>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        self.progress.set(self.during);
        let connecting = self.inner.call(uri);
        let (progress, after) = (self.progress.clone(), self.after);
        Box::pin(async move {
            let connection = connecting.await?;
            progress.set(after);
            Ok(connection)
        })
    }
}

/// The system's resolver. A lookup that hangs blocks at most one thread.
#[derive(Clone)]
struct Lookup {
    resolver: Resolver,
    progress: Progress,
}

impl Service<Name> for Lookup {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { resolver, progress } = self.clone();
        progress.set(Step::Lookup);
        Box::pin(async move {
            let addresses = resolver.lookup(name.as_str(), 0).await?;
            progress.set(Step::Connect);
            Ok(addresses.into_iter())
        })
    }
}
