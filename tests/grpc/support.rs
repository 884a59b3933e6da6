//! What every test of this folder uses: checks that do as they are told, calls, and open watches.

use std::convert::Infallible;
use std::future::{Ready, pending, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use tower::util::ServiceFn;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{
    Check, CheckResult, Health, HealthBuilder, HealthLayer, HealthService, Observation,
    ResponseBody, ServingStatus, Status, indicator_fn,
};

pub(crate) const CHECK: &str = "/grpc.health.v1.Health/Check";
pub(crate) const WATCH: &str = "/grpc.health.v1.Health/Watch";
pub(crate) const LIST: &str = "/grpc.health.v1.Health/List";

/// What the application says to everything that is not for the layer.
pub(crate) const APPLICATION: &str = "the application";

/// A builder whose checks run exactly once a second.
pub(crate) fn steady() -> HealthBuilder {
    Health::builder().jitter(0.0)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets this much time pass on the paused clock, and everything happen that is due in it.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets the runs that are due now end and be published.
pub(crate) async fn settle() {
    pass(Duration::from_millis(50)).await;
}

/// A check that brings back what the test last told it.
#[derive(Clone)]
pub(crate) struct Dial(Arc<(Mutex<Status>, AtomicUsize)>);

impl Dial {
    pub(crate) fn at(status: Status) -> Self {
        Self(Arc::new((Mutex::new(status), AtomicUsize::new(0))))
    }

    pub(crate) fn turn(&self, status: Status) {
        *self.0.0.lock().unwrap() = status;
    }

    pub(crate) fn runs(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self, name: &str) -> Check {
        let dial = self.clone();
        Check::new(indicator_fn(name, move || {
            let result = dial.run();
            async { result }
        }))
    }

    fn run(&self) -> CheckResult {
        self.0.1.fetch_add(1, Ordering::Relaxed);
        match *self.0.0.lock().unwrap() {
            Status::Pass => Ok(Observation::pass()),
            Status::Warn => Ok(Observation::warn("slow")),
            Status::Fail => Err("refused".into()),
        }
    }
}

/// A check, `db`, that passes once and then comes back no more.
pub(crate) fn hangs_after_its_first_run() -> Check {
    let runs = AtomicUsize::new(0);
    Check::new(indicator_fn("db", move || {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move {
            if run > 0 {
                pending::<()>().await;
            }
            Ok::<_, std::io::Error>(())
        }
    }))
}

/// A health with this one critical check, `db`, after its first run.
pub(crate) async fn with_db(db: &Dial) -> Health {
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    health
}

/// A message in its frame: not compressed, and its length.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    frame
}

/// The frame of a `HealthCheckRequest`, as clients in other languages encode it.
pub(crate) fn asking(service: &str) -> Vec<u8> {
    if service.is_empty() {
        return frame(&[]);
    }
    let mut message = vec![0x0a, u8::try_from(service.len()).unwrap()];
    message.extend(service.as_bytes());
    frame(&message)
}

/// A well-formed call.
pub(crate) fn request(path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(path)
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::from(body))
        .unwrap()
}

type Answering = Ready<Result<Response<Full<Bytes>>, Infallible>>;
pub(crate) type Application<B> = ServiceFn<fn(Request<B>) -> Answering>;
pub(crate) type AppBody = ResponseBody<Full<Bytes>>;

fn application<B>(_: Request<B>) -> Answering {
    ready(Ok(Response::new(Full::from(APPLICATION))))
}

/// The layer around an application that says [`APPLICATION`] to everything.
pub(crate) fn around<B>(layer: &HealthLayer) -> HealthService<Application<B>> {
    layer.layer(service_fn(application::<B> as fn(_) -> _))
}

pub(crate) fn site<B>(health: &Health) -> HealthService<Application<B>> {
    around(&HealthLayer::new(health.clone()))
}

pub(crate) async fn respond<B>(health: &Health, request: Request<B>) -> Response<AppBody>
where
    B: Body,
{
    site(health).oneshot(request).await.unwrap()
}

pub(crate) async fn send<B: Body>(health: &Health, request: Request<B>) -> Reply {
    Reply::of(respond(health, request).await).await
}

/// What a Check of this service is answered with.
pub(crate) async fn check(health: &Health, service: &str) -> Result<ServingStatus, Code> {
    let reply = send(health, request(CHECK, asking(service))).await;
    reply.status().map(|message| decoded(&message))
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) data: Vec<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
}

/// The value of `grpc-status` where it is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u16);

pub(crate) const NOT_FOUND: Code = Code(5);
pub(crate) const RESOURCE_EXHAUSTED: Code = Code(8);
pub(crate) const UNIMPLEMENTED: Code = Code(12);
pub(crate) const INTERNAL: Code = Code(13);
pub(crate) const UNAVAILABLE: Code = Code(14);

impl Reply {
    pub(crate) async fn of<B>(response: Response<B>) -> Self
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        let (head, body) = response.into_parts();
        let mut body = Box::pin(body);
        let (mut data, mut trailers) = (Vec::new(), None);
        while let Some(frame) = body.frame().await {
            assert!(trailers.is_none(), "a frame behind the trailers");
            match frame.unwrap().into_data() {
                Ok(bytes) => data.push(bytes),
                Err(frame) => trailers = Some(frame.into_trailers().unwrap()),
            }
        }
        Self {
            code: head.status.as_u16(),
            headers: head.headers,
            data,
            trailers,
        }
    }

    /// The message, or with what code the call failed. Asserts that there is exactly one of them,
    /// told in a way that every client understands.
    pub(crate) fn status(&self) -> Result<Vec<u8>, Code> {
        assert_eq!(self.code, 200, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/grpc", "{self:?}");
        let Some(trailers) = &self.trailers else {
            assert!(self.data.is_empty(), "a message without trailers: {self:?}");
            return Err(self.failure());
        };
        assert!(!self.headers.contains_key("grpc-status"), "{self:?}");
        assert_eq!(trailers["grpc-status"], "0", "{self:?}");
        assert_eq!(self.data.len(), 1, "{self:?}");
        Ok(self.data[0].to_vec())
    }

    /// The code of an answer that is nothing but header fields.
    fn failure(&self) -> Code {
        let code = grpc_status(&self.headers);
        assert_ne!(code.0, 0, "{self:?}");
        code
    }
}

pub(crate) fn grpc_status(fields: &HeaderMap) -> Code {
    let status = fields["grpc-status"].to_str().unwrap();
    Code(status.parse().unwrap())
}

fn decoded(frame: &[u8]) -> ServingStatus {
    match frame {
        [0, 0, 0, 0, 0] => ServingStatus::Unknown,
        [0, 0, 0, 0, 2, 8, 1] => ServingStatus::Serving,
        [0, 0, 0, 0, 2, 8, 2] => ServingStatus::NotServing,
        [0, 0, 0, 0, 2, 8, 3] => ServingStatus::ServiceUnknown,
        _ => panic!("not the frame of a status: {frame:?}"),
    }
}

/// What a watch tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Status(ServingStatus),
    Ended(Code),
}

/// Longer than anything that a test waits for.
const PATIENCE: Duration = secs(10_000);

pub(crate) const SERVING: Told = Told::Status(ServingStatus::Serving);
pub(crate) const NOT_SERVING: Told = Told::Status(ServingStatus::NotServing);
pub(crate) const SERVICE_UNKNOWN: Told = Told::Status(ServingStatus::ServiceUnknown);

/// An open watch.
pub(crate) struct Stream<B = AppBody>(Pin<Box<B>>);

impl Stream {
    pub(crate) async fn open(health: &Health, service: &str) -> Self {
        let response = respond(health, request(WATCH, asking(service))).await;
        Self::of(response)
    }
}

impl<B> Stream<B>
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    pub(crate) fn of(response: Response<B>) -> Self {
        assert_eq!(response.status(), 200);
        let is_open = !response.headers().contains_key("grpc-status");
        assert!(
            is_open,
            "refused: {response:?}",
            response = response.headers()
        );
        Self(Box::pin(response.into_body()))
    }

    /// The next message or the end, which is always told.
    pub(crate) async fn next(&mut self) -> Told {
        let frame = tokio::time::timeout(PATIENCE, self.0.frame()).await;
        let frame = frame.expect("nothing is told any more");
        let frame = frame.expect("no trailers").unwrap();
        match frame.into_data() {
            Ok(data) => Told::Status(decoded(&data)),
            Err(frame) => {
                let code = grpc_status(frame.trailers_ref().unwrap());
                assert!(
                    self.0.frame().await.is_none(),
                    "a frame behind the trailers"
                );
                Told::Ended(code)
            }
        }
    }

    /// Everything that is there to be read now, and nothing that is yet to come.
    pub(crate) async fn now(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Ok(next) = tokio::time::timeout(Duration::ZERO, self.next()).await {
            told.push(next);
            if matches!(next, Told::Ended(_)) {
                break;
            }
        }
        told
    }

    /// Everything that was told when the present changes have arrived.
    pub(crate) async fn told(&mut self) -> Vec<Told> {
        settle().await;
        self.now().await
    }
}
