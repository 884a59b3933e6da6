//! `GET /`: `OK` and the time, or `SADNESS`, the time, and what fails.

use std::convert::Infallible;
use std::fmt::Write;
use std::future::{Ready, ready};
use std::iter;
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LINK, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tower_service::Service;

use crate::{Health, HealthLayer, ObservedValue, Probe, Report, ReportEntry, Status};

/// Since when the route is deprecated, unless said otherwise: 2026-01-01.
const DEPRECATED_SINCE: u64 = 1_767_225_600;

/// What no URI contains (RFC 3986), so that no path ends the field too early. A percent sign stays: the
/// path may be encoded already.
const NO_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Answers `GET /` as earlier frameworks did, from the readiness of a [`Health`].
///
/// It is a tower service for the path `/` of a router, and mounted nowhere by default:
///
/// ```
/// use axum::Router;
/// use tower_health::legacy::LegacyRoot;
/// use tower_health::{Health, HealthLayer, Status};
///
/// let health = Health::fixed(Status::Pass);
/// let app: Router = Router::new()
///     .route_service("/", LegacyRoot::new(health.clone()))
///     .layer(HealthLayer::new(health));
/// # let _ = app;
/// ```
///
/// While readiness passes or warns, the answer is 200 with `OK 2026-11-21 03:02:11.123456Z`, without
/// an end of line. Otherwise it is 503 with `SADNESS` and the time, and a line `name: value` for each
/// check that fails; each line ends with CR and LF. The value is the first number that the check read,
/// or the seconds that its last run took. It shows no text of an error: everybody can read the route.
/// No check runs for a request.
///
/// GET and HEAD are answered, at `/` only. Each answer says that the route is deprecated (RFC 9745) and
/// what comes after it (RFC 8288 and RFC 5829).
#[derive(Clone, Debug)]
pub struct LegacyRoot {
    health: Health,
    /// Is told of each request, as it is of a probe.
    probes: HealthLayer,
    /// Seconds since 1970.
    deprecated_since: u64,
    successor: HeaderValue,
}

impl LegacyRoot {
    /// Creates the service; its successor is `/readyz`.
    pub fn new(health: Health) -> Self {
        Self {
            probes: HealthLayer::new(health.clone()),
            health,
            deprecated_since: DEPRECATED_SINCE,
            successor: HeaderValue::from_static("</readyz>; rel=\"successor-version\""),
        }
    }

    /// Sets since when the route is deprecated, to the second. Default: 2026-01-01.
    #[must_use]
    pub fn deprecated_since(mut self, time: SystemTime) -> Self {
        self.deprecated_since = time
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        self
    }

    /// Sets the path that comes after this route: that of the readiness probe, if the layer has a prefix
    /// or paths of its own. Default: `/readyz`.
    ///
    /// What a URI cannot contain is percent-encoded.
    ///
    /// ```
    /// use tower_health::legacy::LegacyRoot;
    /// use tower_health::{Health, Status};
    ///
    /// let health = Health::fixed(Status::Pass);
    /// let root = LegacyRoot::new(health).successor("/internal/readyz");
    /// # let _ = root;
    /// ```
    #[must_use]
    pub fn successor(mut self, path: &str) -> Self {
        let path = utf8_percent_encode(path, NO_URI);
        let link = format!("<{path}>; rel=\"successor-version\"");
        // It always can, as every byte is visible ASCII.
        if let Ok(link) = HeaderValue::try_from(link) {
            self.successor = link;
        }
        self
    }

    fn answer(&self, method: &Method, path: &str, now: SystemTime) -> Response<String> {
        if path != "/" {
            return respond(StatusCode::NOT_FOUND, String::new(), method);
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, String::new(), method);
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        let time = timestamp(now).unwrap_or_default();
        self.note_probe();
        // The code and the lines come from one snapshot, so that they agree.
        let snapshot = self.health.snapshot();
        let mut response = if snapshot.status(Probe::Readiness).is_healthy() {
            respond(StatusCode::OK, format!("OK {time}"), method)
        } else {
            let text = sadness(&snapshot.report(Probe::Readiness), &time);
            respond(StatusCode::SERVICE_UNAVAILABLE, text, method)
        };
        let headers = response.headers_mut();
        let date = format!("@{}", self.deprecated_since);
        if let Ok(date) = HeaderValue::try_from(date) {
            headers.insert(HeaderName::from_static("deprecation"), date);
        }
        headers.insert(LINK, self.successor.clone());
        response
    }

    /// Asks as a prober does, so that checks which run only while they are probed see it.
    fn note_probe(&self) {
        let path = Probe::Readiness.default_path();
        let fields = iter::empty::<(&str, &str)>();
        let _ = self.probes.answer("HEAD", path, None, fields);
    }
}

fn sadness(report: &Report<'_>, time: &str) -> String {
    let mut text = format!("SADNESS {time}\r\n");
    let failing = report.entries().iter();
    for entry in failing.filter(|entry| entry.status() == Status::Fail) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}: {}\r\n", entry.name(), value(entry));
    }
    text
}

impl<B> Service<Request<B>> for LegacyRoot {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (method, path) = (request.method(), request.uri().path());
        ready(Ok(self.answer(method, path, SystemTime::now())))
    }
}

/// Returns a number, as the old metrics were: with a point, even if it is whole.
fn value(entry: &ReportEntry<'_>) -> String {
    let read = entry
        .readings()
        .iter()
        .find_map(|reading| match reading.value() {
            ObservedValue::Integer(value) => Some(*value as f64),
            ObservedValue::Float(value) => Some(*value),
            _ => None,
        });
    let took = entry.duration().map(|duration| duration.as_secs_f64());
    format!("{:?}", read.or(took).unwrap_or_default())
}

/// RFC 9110, section 9.3.2: HEAD has the fields of GET, and no content.
fn respond(status: StatusCode, body: String, method: &Method) -> Response<String> {
    let length = body.len();
    let body = if method == Method::HEAD {
        String::new()
    } else {
        body
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length.into());
    for (name, value) in [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A time in UTC such as `2026-11-21 03:02:11.123456Z`; whole milliseconds have three digits, as in
/// Dart. `None` before 1970 and after 9999.
pub(super) fn timestamp(time: SystemTime) -> Option<String> {
    const TOO_LATE: u64 = 253_402_300_800;
    let since_1970 = time.duration_since(UNIX_EPOCH).ok()?;
    if since_1970.as_secs() >= TOO_LATE {
        return None;
    }
    let text = if since_1970.subsec_micros() % 1000 == 0 {
        humantime::format_rfc3339_millis(time).to_string()
    } else {
        humantime::format_rfc3339_micros(time).to_string()
    };
    Some(text.replacen('T', " ", 1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MICROS: u64 = 1_787_341_933_123_456;

    fn at(micros: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(micros)
    }

    fn answer(status: Status, method: &Method) -> Response<String> {
        LegacyRoot::new(Health::fixed(status)).answer(method, "/", at(MICROS))
    }

    fn fields(response: &Response<String>) -> Vec<(&str, &str)> {
        let fields = response.headers().iter();
        let mut fields: Vec<_> = fields
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("?")))
            .collect();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn a_healthy_service_is_ok_byte_for_byte() {
        for status in [Status::Pass, Status::Warn] {
            let response = answer(status, &Method::GET);
            assert_eq!(response.status(), 200);
            assert_eq!(response.body(), "OK 2026-08-21 19:52:13.123456Z");
            let expected = [
                ("cache-control", "no-store"),
                ("content-length", "30"),
                ("content-type", "text/plain; charset=utf-8"),
                ("deprecation", "@1767225600"),
                ("link", "</readyz>; rel=\"successor-version\""),
                ("x-content-type-options", "nosniff"),
            ];
            assert_eq!(fields(&response), expected);
        }
    }

    #[test]
    fn a_service_that_fails_is_sad_byte_for_byte() {
        let response = answer(Status::Fail, &Method::GET);
        assert_eq!(response.status(), 503);
        let expected = "SADNESS 2026-08-21 19:52:13.123456Z\r\nfixed: 0.0\r\n";
        assert_eq!(response.body(), expected);
        let head = answer(Status::Fail, &Method::HEAD);
        assert_eq!((head.status().as_u16(), head.body().as_str()), (503, ""));
        assert_eq!(fields(&head), fields(&response));
    }

    #[test]
    fn a_service_that_fails_names_what_fails_however_fast_it_changes() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let is_well = std::sync::atomic::AtomicBool::new(false);
        let check = crate::indicator_fn("db", move || {
            let was_well = is_well.fetch_xor(true, std::sync::atomic::Ordering::Relaxed);
            async move { was_well.then_some(()).ok_or("refused") }
        });
        let check = crate::Check::new(check).ttl(Duration::from_millis(1));
        let health = Health::builder().readiness(check.stale_after(Duration::from_secs(600)));
        let health = health.start_on(runtime.handle()).unwrap();
        runtime.block_on(health.await_ready()).unwrap();
        let root = LegacyRoot::new(health);
        let (mut changes, mut last) = (0, StatusCode::OK);
        while changes < 400 {
            let response = root.answer(&Method::GET, "/", at(MICROS));
            changes += usize::from(response.status() != last);
            last = response.status();
            let is_named = response.body().contains("\r\ndb: ");
            assert_eq!(is_named, last != 200, "{last}: {}", response.body());
        }
    }

    #[test]
    fn other_paths_and_methods_are_not_answered() {
        let root = LegacyRoot::new(Health::fixed(Status::Pass));
        for path in ["", "*", "//", "/x", "/index.html"] {
            assert_eq!(
                root.answer(&Method::GET, path, at(0)).status(),
                404,
                "{path}"
            );
        }
        let refused = root.answer(&Method::POST, "/", at(0));
        assert_eq!(refused.status(), 405);
        assert_eq!(refused.headers()["allow"], "GET, HEAD");
    }

    #[test]
    fn its_successor_is_the_path_of_the_probe_and_always_one_uri() {
        let link = |path| {
            let root = LegacyRoot::new(Health::fixed(Status::Pass)).successor(path);
            let response = root.answer(&Method::GET, "/", at(MICROS));
            response.headers()["link"].to_str().unwrap().to_owned()
        };
        for (path, uri) in [
            ("/internal/readyz", "/internal/readyz"),
            ("/a%20b", "/a%20b"),
            ("/x>; rel=\"y\"\r\n", "/x%3E;%20rel=%22y%22%0D%0A"),
            ("/ü", "/%C3%BC"),
        ] {
            let expected = format!("<{uri}>; rel=\"successor-version\"");
            assert_eq!(link(path), expected);
        }
    }

    #[test]
    fn times_have_three_or_six_digits() {
        let text = |micros| timestamp(at(micros));
        assert_eq!(text(0).as_deref(), Some("1970-01-01 00:00:00.000Z"));
        assert_eq!(text(7_000).as_deref(), Some("1970-01-01 00:00:00.007Z"));
        assert_eq!(text(7).as_deref(), Some("1970-01-01 00:00:00.000007Z"));
        assert_eq!(timestamp(UNIX_EPOCH - Duration::from_secs(1)), None);
    }
}
