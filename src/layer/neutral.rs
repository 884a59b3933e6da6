//! Probe answers for frameworks that are not built on tower, without a type of `http` in any
//! signature.

use bytes::Bytes;
use http::header::CONNECTION;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use super::desk::Target;
use super::layer::HealthLayer;

/// Answer to a probe, for a framework that is not built on tower.
///
/// Made by [`HealthLayer::answer`].
#[derive(Clone, Debug)]
#[must_use = "a probe gets its answer only if this is sent"]
pub struct Answer {
    head: Parts,
    body: Bytes,
}

impl Answer {
    /// Returns the status code: 200 or 503, 405 for a method that probes do not have, or 404 for a
    /// check that does not exist.
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// Returns the header fields, with names in lower case.
    ///
    /// `content-length` is among them, and for HEAD it is the length of what GET returns.
    /// `connection` is not, because HTTP/2 forbids it and the version is unknown here.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head
            .headers
            .iter()
            // The layer itself makes every value, of visible ASCII.
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// Returns the content, which only an answer to GET has.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl<M> HealthLayer<M> {
    /// Answers a probe for a framework that is not built on tower; `None` if the request is not a
    /// probe.
    ///
    /// Call it before the framework routes the request, and send the answer in place of a response.
    /// `path` is the path as the client sent it, still percent-encoded, without the query. `headers`
    /// are read only if the layer may show [details](crate::Details). What is no valid method,
    /// query or header field counts as one that the client did not send; it is never an error.
    ///
    /// A [predicate](crate::Details::when) over the details sees no extensions. gRPC health calls
    /// are not answered here.
    ///
    /// Many frameworks drop the content of a response to HEAD by themselves and send its length.
    /// There, ask for `GET` when the client sent `HEAD`.
    ///
    /// ```
    /// use tower_health::{Health, HealthLayer, Status};
    ///
    /// let layer = HealthLayer::new(Health::fixed(Status::Pass));
    /// let none: [(&str, &str); 0] = [];
    ///
    /// let answer = layer.answer("GET", "/readyz", None, none).ok_or("not a probe")?;
    /// assert_eq!(answer.status(), 200);
    /// assert_eq!(answer.body(), br#"{"status":"pass"}"#);
    ///
    /// assert!(layer.answer("GET", "/", None, none).is_none());
    /// # Ok::<(), &str>(())
    /// ```
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
        let desk = self.desk();
        let target = desk.target(path)?;
        let mut request = Request::new(());
        // CONNECT stands for what is no method: probes have neither.
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap_or(Method::CONNECT);
        if desk.may_show_details() {
            *request.uri_mut() = uri(path, query)?;
            *request.headers_mut() = header_map(headers);
        }
        let answer = match target {
            Target::Probe(probe) => desk.answer_probe(probe, &request),
            Target::Check => desk.answer_check(&request)?,
            Target::Call(_) => return None,
        };
        let (mut head, body) = answer.into_parts();
        head.headers.remove(CONNECTION);
        let body = body.into_bytes();
        Some(Answer { head, body })
    }
}

/// Leaves out a query that no request could have had.
fn uri(path: &str, query: Option<&str>) -> Option<Uri> {
    let with_query = query.map(|query| format!("{path}?{query}"));
    let parse = |target: &str| Uri::builder().path_and_query(target).build().ok();
    with_query
        .as_deref()
        .and_then(parse)
        .or_else(|| parse(path))
}

fn header_map<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> HeaderMap
where
    N: AsRef<str>,
    V: AsRef<[u8]>,
{
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_ref().as_bytes());
        let value = HeaderValue::from_bytes(value.as_ref());
        let (Ok(name), Ok(value)) = (name, value) else {
            continue;
        };
        if map.try_append(name, value).is_err() {
            break; // The map is full: `append` would panic.
        }
    }
    map
}
