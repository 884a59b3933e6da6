//! Answers to probes for frameworks that are not built on tower.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Version};

use super::layer::HealthLayer;
use super::response::ProbeResponse;
use super::router::Route;

impl<M> HealthLayer<M> {
    /// Answers a probe for a framework that is not built on tower; returns `None` if the request is
    /// not a probe.
    ///
    /// `path` is percent-encoded, as it was sent, and has no query. Only the
    /// [details policy](crate::Details) reads the headers; it sees no extensions here. Headers that
    /// HTTP does not allow are left out. Calls of the gRPC health service return `None`, since they
    /// need a stream.
    ///
    /// The [guide for other frameworks](crate::guides::other_frameworks) shows complete services.
    ///
    /// ```
    /// use tower_health::{Health, HealthLayer, Status};
    ///
    /// let layer = HealthLayer::new(Health::fixed(Status::Pass));
    /// let headers = [("host", "localhost")];
    /// let answer = layer.answer("GET", "/readyz", None, headers).ok_or("no probe")?;
    /// assert_eq!((answer.status(), answer.body()), (200, &br#"{"status":"pass"}"#[..]));
    /// assert!(layer.answer("GET", "/orders", None, headers).is_none());
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use = "the answer has to be sent"]
    pub fn answer<N, V>(
        &self,
        method: &str,
        path: &str,
        query: Option<&str>,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Option<Answer>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let shared = self.shared();
        let route = shared.router.route(path)?;
        // Only the details policy reads headers: without one, none are copied.
        let headers = shared.responder.may_show_details().then_some(headers);
        let request = request(method, path, query, headers.into_iter().flatten())?;
        let response = match route {
            Route::Probe(probe) => shared.responder.probe(probe, &request),
            Route::Check(probe) => shared.responder.check(probe, &request)?,
            #[cfg(feature = "grpc")]
            Route::Grpc(_) => return None,
        };
        Some(Answer::new(response))
    }
}

/// Makes a request head for the details policy; returns `None` if the path cannot be requested. A
/// query that cannot be requested is left out.
fn request<N, V>(
    method: &str,
    path: &str,
    query: Option<&str>,
    headers: impl Iterator<Item = (N, V)>,
) -> Option<Request<()>>
where
    N: AsRef<str>,
    V: AsRef<[u8]>,
{
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut request = Request::new(());
    *request.uri_mut() = target.parse().or_else(|_| path.parse()).ok()?;
    // An invalid method is answered like every method that probe paths do not allow.
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap_or(Method::TRACE);
    // Keeps `connection: close` out of the answer: the framework manages its connections.
    *request.version_mut() = Version::HTTP_2;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_ref().as_bytes());
        let value = HeaderValue::from_bytes(value.as_ref());
        if let (Ok(name), Ok(value)) = (name, value) {
            // An error means that the map is full. No framework accepts that many header fields.
            let _ = map.try_append(name, value);
        }
    }
    *request.headers_mut() = map;
    Some(request)
}

/// Complete response to a probe, made by [`HealthLayer::answer`].
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: HeaderMap,
    body: bytes::Bytes,
}

impl Answer {
    fn new(response: ProbeResponse) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.into_bytes(),
        }
    }

    /// Returns the status code: 200 or 503, or 405 for a method that probe paths do not allow.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the header fields, with lower-case names. `content-length` is among them: a framework
    /// that computes it from the body can skip it, except in the answer to HEAD.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// Returns the body, which is empty in the answer to HEAD and OPTIONS.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Converts the answer into its body.
    pub fn into_body(self) -> Vec<u8> {
        self.body.into()
    }
}
