//! Posts a message once.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::censor::Censor;
use super::retry::retry_after;

/// Identifies a message to receivers that ignore what they have already got.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";

pub(super) struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    headers: HeaderMap,
    timeout: Duration,
    censor: Censor,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Attempt {
    Delivered,
    /// Worth another attempt, perhaps not before the time that the receiver asked for.
    Failed {
        fault: String,
        retry_after: Option<Duration>,
    },
    /// Another attempt would be refused, too.
    Refused {
        fault: String,
    },
}

impl Client {
    pub(super) fn new(
        uri: Uri,
        mut headers: HeaderMap,
        tls: ClientConfig,
        timeout: Duration,
    ) -> Self {
        let agent = concat!("tower-health/", env!("CARGO_PKG_VERSION"));
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(agent));
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // The addresses of a host share this time, so that one that is dead leaves some to the next.
        tcp.set_connect_timeout(Some(timeout / 10 * 8));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        // Messages are rare: a connection that was kept would mostly be dead when it is needed.
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build(https);
        let censor = Censor::new(&uri, &headers);
        Self {
            http,
            uri,
            headers,
            timeout,
            censor,
        }
    }

    /// Posts a message once. Redirects are not followed: they would take secrets elsewhere.
    pub(super) async fn post(self: Arc<Self>, id: String, body: Bytes, json: bool) -> Attempt {
        let Ok(attempt) = timeout(self.timeout, self.attempt(id, body, json)).await else {
            let timeout = humantime::format_duration(self.timeout);
            return Attempt::Failed {
                fault: format!("no answer within {timeout}"),
                retry_after: None,
            };
        };
        attempt
    }

    async fn attempt(&self, id: String, body: Bytes, json: bool) -> Attempt {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let headers = request.headers_mut();
        if json {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Ok(id) = HeaderValue::try_from(id) {
            headers.entry(IDEMPOTENCY_KEY).or_insert(id);
        }
        let response = match self.http.request(request).await {
            Ok(response) => response,
            Err(error) => {
                return Attempt::Failed {
                    fault: self.censor.line(&describe(&error)),
                    retry_after: None,
                };
            }
        };
        let status = response.status();
        if status.is_success() {
            return Attempt::Delivered;
        }
        let asked = response.headers().get(RETRY_AFTER);
        let asked = asked.and_then(|value| retry_after(value.to_str().ok()?, SystemTime::now()));
        let (body, is_whole) = read(response.into_body(), self.censor.enough()).await;
        let fault = refusal(status, &self.censor.body(&body, is_whole));
        if is_passing(status) {
            return Attempt::Failed {
                fault,
                retry_after: asked,
            };
        }
        Attempt::Refused { fault }
    }
}

/// Describes an answer that is no success.
fn refusal(status: StatusCode, body: &str) -> String {
    let mut fault = format!("answered {status}");
    if status.is_redirection() {
        fault.push_str(", and redirects are not followed");
    }
    if !body.is_empty() {
        fault.push_str(": ");
        fault.push_str(body);
    }
    fault
}

/// Reads a body up to a limit, and returns whether that is all of it.
async fn read(mut body: impl Body<Data = Bytes> + Unpin, limit: usize) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        // A body that breaks off may do so within a secret.
        let Ok(frame) = frame else {
            return (read, false);
        };
        let data = frame.data_ref().map_or(&[][..], |data| data);
        let left = limit - read.len();
        read.extend_from_slice(&data[..data.len().min(left)]);
        if data.len() > left {
            return (read, false);
        }
    }
    (read, true)
}

/// Returns whether a refusal may end by itself.
fn is_passing(status: StatusCode) -> bool {
    // 408 Request Timeout, 425 Too Early, 429 Too Many Requests.
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// Describes an error with its sources.
fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    // Bounded, because an error could be its own source.
    for _ in 0..16 {
        let Some(cause) = source else { break };
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Returns the root certificates of the system for `https`, and none for `http`, which works without
/// them.
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
