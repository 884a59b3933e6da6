//! A dependency judged by the requests of the application itself: a layer around the client counts
//! them, an indicator looks at the counts.

mod body;
mod call;
mod count;
mod layer;
mod paired;
mod returns;
mod settings;
mod streak;
mod totals;
mod verdict;
mod window;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

pub use self::body::PassiveBody;
pub use self::call::PassiveCall;
use self::call::{LastError, Recorder};
pub use self::layer::{PassiveFuture, PassiveLayer, PassiveService};
pub use self::paired::PairedIndicator;
use self::totals::Totals;
use self::verdict::Seen;
use self::window::Window;
use crate::indicators::shared::config;
use crate::indicators::shared::limits::Limits;
use crate::{CheckResult, ComponentType, Criticality, HealthIndicator};

/// Judges a dependency by the requests of the application, which its [layer](Self::layer) around the
/// client counts.
///
/// It needs no request of its own and sees what users see: a backend that answers its health check
/// and nothing else, or one of three backends that is broken. Where there is no traffic it knows
/// nothing, unless it is [paired](Self::when_idle) with an active indicator.
///
/// ```
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use tower_health::indicators::PassiveIndicator;
/// use tower_health::{Health, HealthIndicator, Status};
/// # use std::convert::Infallible;
/// # use http::{Request, Response};
/// # use http_body_util::Empty;
/// # use hyper::body::Bytes;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = service_fn(async |_: Request<Empty<Bytes>>| {
/// #     Ok::<_, Infallible>(Response::builder().status(503).body(Empty::<Bytes>::new()).unwrap())
/// # });
/// let payments = PassiveIndicator::new("payments");
/// // `client` is a client of hyper-util, a channel of tonic, or any other service over HTTP.
/// let mut client = ServiceBuilder::new()
///     .concurrency_limit(100) // limits, retries and timeouts stand outside
///     .layer(payments.layer()) // right around the client
///     .service(client);
/// for _ in 0..20 {
///     let request = Request::get("http://payments/charge").body(Empty::<Bytes>::new())?;
///     let response = client.ready().await?.call(request).await?;
///     assert_eq!(response.status(), 503);
/// }
/// let failure = payments.check().await.unwrap_err();
/// assert!(failure.output().starts_with("20 of 20 requests failed"), "{failure}");
///
/// let health = Health::builder().readiness(payments).start()?;
/// # drop(health);
/// # use tower::Service;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// Nothing, however many instances there are. A request costs two readings of the clock and five
/// atomic operations, some 1,050 instructions in all; it allocates nothing and waits for
/// nobody. A run reads at most 400 counters, and the counters take 3 KiB.
///
/// # Verdicts
///
/// They are about the requests of the last [`window`](Self::window):
///
/// | outcome | counts as |
/// |---|---|
/// | the head of an answer | a success; a slow one if it took longer than [`slow_above`](Self::slow_above) |
/// | HTTP 500–599, or what [`http_failure`](Self::http_failure) says | an error |
/// | gRPC status UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE or DATA_LOSS, or what [`grpc_failure`](Self::grpc_failure) says | an error |
/// | an error of the client | unanswered |
/// | a body that breaks off, or ends with such a status of gRPC | a failure then, and no success any more |
/// | the future is dropped after more than `slow_above`, as a timeout outside the layer does | unanswered |
/// | the future is dropped earlier, and after longer than 95 % of the answers took | given up |
/// | the future is dropped as early as answers come | nothing |
/// | no head yet, and all that began in the same tenth of the window have waited for more than `slow_above` | unanswered, until it ends or leaves the window |
/// | no head yet, and it began before the window | stuck, until it ends |
///
/// - With less than [`min_requests`](Self::min_requests) in the window it **passes**; it **warns** if
///   more of them failed than `fail_above` says. It never fails by so few.
/// - It **warns** if more than [`warn_above`](Self::warn_above) of the requests failed, were slow,
///   are stuck or were given up (with those, there must be `min_requests` in all).
/// - It **fails** if more than [`fail_above`](Self::fail_above) of them failed. It need not wait until
///   an outage fills half of the window: it also fails if `min_requests` failed since the last
///   answer, over at least a second, or a tenth of the window if that is shorter. A connection that
///   breaks with all its requests is no such outage. This ends with an answer, or once nothing has
///   failed for as long as the outage went on, at least a tenth of the window and a second.
///
/// Slow answers never make it fail, but requests that still wait do. Those that were given up or are
/// stuck do not: whoever dropped or kept them may be the reason.
///
/// The codes of gRPC are those that the
/// [semantic conventions of OpenTelemetry](https://opentelemetry.io/docs/specs/semconv/rpc/grpc/)
/// call errors of a server.
///
/// A failing check that is critical takes the instance out of traffic, and so takes away what the
/// verdict is made of. Without a failure it therefore turns green by itself: after a short outage in a
/// tenth of the window, and after about one window if more than `fail_above` failed. The instance
/// gets traffic again, and if that fails without any answer it fails at once, and stays out for twice
/// as long as before, up to a window. With
/// [`when_idle`](Self::when_idle) an active check decides instead whether traffic may come back.
///
/// # What it cannot see
///
/// - A dependency that nobody calls, unless it is paired.
/// - Whose fault an error is. Requests that make the dependency answer 500 may all come from one of
///   your users: with a critical check such a user can take the instances out of traffic. So it is
///   not critical by default.
/// - Why a request was dropped. If a timeout outside the layer is shorter than `slow_above`, an outage
///   that hangs is a warning and not a failure, and there is none if answers come nearly as late as
///   the timeout. So choose a `slow_above` below the timeout.
/// - Chance. With 20 requests in the window, and one backend of three that fails, more than half of
///   the requests fail by chance in 4 % of all windows; with 100 requests in 0.02 %. Raise `min_requests`
///   where a third of the traffic may fail.
/// - A body that hangs. Its request counts by its head.
/// - Whether a stream without a head is well: see [`PassiveLayer::streams`].
/// - A pause of its own process. The refresher [repeats](crate::guides::hostile_hosts) a run that
///   fails because of one, but timeouts of the client that ended with the pause count as any other.
/// - Requests that wait outside the layer, such as for a permit of a limit or a connection of a pool.
/// - The status of a gRPC-Web response, which is in its body.
///
/// # Defaults
///
/// Window 30 s, at least 20 requests, slow above 1 s, warns above 10 % and fails above 50 %. Not
/// critical; timeout and TTL are those of the [`HealthConfig`](crate::HealthConfig), 5 s and 1 s;
/// component type `component`. Readings: `requests`, `inFlight` and `givenUp` in `requests`; if there
/// are requests, `failureRate` and `slowRate` in `percent`; and if any was answered, `p50` and `p95`
/// of the times to the head of the answer in `ms`, rounded up to a power of two (at most 32,768).
#[derive(Clone, Debug)]
#[must_use = "an indicator does nothing until it is registered"]
pub struct PassiveIndicator {
    name: String,
    recorder: Arc<Recorder>,
    min_requests: u32,
    limits: Limits,
    /// What was wrong with the order of the settings.
    faults: Vec<String>,
}

impl PassiveIndicator {
    /// Creates an indicator that passes until its layer has seen requests.
    ///
    /// Call the setters first and [`layer`](Self::layer) last.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            recorder: Arc::new(Recorder {
                window: Arc::new(Window::new(Duration::from_secs(30))),
                slow_above: Duration::from_secs(1),
                http_failure: Arc::new(|status: StatusCode| status.is_server_error()),
                grpc_failure: Arc::new(|code| matches!(code, 2 | 4 | 12..=15)),
            }),
            min_requests: 20,
            limits: Limits::above(["warn_above", "fail_above"], 100.0)
                .warn(10.0)
                .fail(50.0),
            faults: Vec::new(),
        }
    }

    /// Asks another indicator while there is less than [`min_requests`](Self::min_requests) in the
    /// window, while too many are stuck or were given up, and while failures are old.
    ///
    /// The dependency then gets requests of the check only where those of the application say
    /// nothing.
    pub fn when_idle<A: HealthIndicator>(self, active: A) -> PairedIndicator<A> {
        PairedIndicator::new(self, active)
    }

    /// Returns a layer that counts the requests of the client that it wraps.
    ///
    /// Several layers of one indicator count together. A layer keeps the settings that the indicator
    /// has now: a later change of them is an error at [`start()`](crate::HealthBuilder::start).
    pub fn layer(&self) -> PassiveLayer {
        self.recorder.window.is_in_use.store(true, Relaxed);
        PassiveLayer::new(Arc::clone(&self.recorder))
    }

    /// Begins a call of a client that is not a tower service over HTTP.
    ///
    /// ```
    /// use tower_health::indicators::PassiveIndicator;
    /// # async fn publish() -> Result<u16, std::io::Error> { Ok(200) }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let broker = PassiveIndicator::new("broker");
    /// let call = broker.call();
    /// match publish().await {
    ///     Ok(200) => call.answered(),
    ///     Ok(_) => call.failed(),
    ///     Err(_) => call.unanswered(),
    /// }
    /// # }
    /// ```
    pub fn call(&self) -> PassiveCall {
        self.recorder.window.is_in_use.store(true, Relaxed);
        PassiveCall::begin(&self.recorder)
    }

    /// Returns what the window has now.
    fn seen(&self) -> Seen<'_> {
        let recorder = &self.recorder;
        self.judging(recorder.window.totals(Instant::now(), recorder.slow_above))
    }

    /// Returns what the window has now of the requests from this time on.
    fn seen_since(&self, since: Instant) -> Seen<'_> {
        let Recorder {
            window, slow_above, ..
        } = &*self.recorder;
        self.judging(window.totals_since(since, Instant::now(), *slow_above))
    }

    fn judging(&self, totals: Totals) -> Seen<'_> {
        let window = &self.recorder.window;
        Seen {
            totals,
            window: window.length(),
            stuck_after: window.stuck_after(),
            quiet_after: window.quiet_after(),
            last_error: LastError::of(window),
            min_requests: u64::from(self.min_requests),
            limits: &self.limits,
        }
    }
}

impl HealthIndicator for PassiveIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        config::validated(self)?;
        self.seen().without_old_streak().verdict()
    }

    /// Requests of a single user can make a dependency answer with errors.
    fn criticality(&self) -> Criticality {
        Criticality::NonCritical
    }

    fn config_error(&self) -> Option<String> {
        self.wrong_settings()
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Component)
    }
}
