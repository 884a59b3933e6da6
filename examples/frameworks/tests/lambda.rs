//! The Lambda example as its own process, between a gateway and the runtime API on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

#[allow(dead_code, reason = "its `main` is not called")]
#[path = "../src/bin/lambda.rs"]
mod example;
#[allow(dead_code, reason = "the check of the process is its own")]
mod support;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use lambda_http::tower::ServiceExt;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, oneshot};

use support::{Site, answers_probes};

#[tokio::test(flavor = "multi_thread")]
async fn lambda_answers_probes() {
    let database = TcpSocket::new_v4().unwrap();
    database.bind("127.0.0.1:0".parse().unwrap()).unwrap(); // Refuses until it listens.
    let (runtime, gateway) = Lambda::start().await;
    let function = Command::new(env!("CARGO_BIN_EXE_lambda"))
        .env("DATABASE", database.local_addr().unwrap().to_string())
        .env("AWS_LAMBDA_RUNTIME_API", runtime.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "hello")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .stdout(Stdio::null())
        .spawn();
    let _function = Function(function.unwrap());

    let mut listening = None;
    answers_probes(gateway, || listening = Some(database.listen(64).unwrap())).await;
}

#[tokio::test]
async fn a_draining_function_is_not_ready_and_serves() {
    let site = Site::new();
    site.health.drain();
    let invoke = async |path| {
        let event = event("GET", path, "", HashMap::new()).to_string();
        let request = lambda_http::request::from_str(&event).unwrap();
        let response = example::app(site.layer()).oneshot(request).await.unwrap();
        response.status().as_u16()
    };
    assert_eq!(invoke("/readyz").await, 503);
    assert_eq!(invoke("/livez").await, 200);
    assert_eq!(invoke("/").await, 200);
}

/// The process is gone when the test is.
struct Function(Child);

impl Drop for Function {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Both sides of the service: requests come in at the gateway, the function asks for them at the
/// runtime API.
struct Lambda {
    invoke: mpsc::UnboundedSender<Value>,
    invoked: tokio::sync::Mutex<mpsc::UnboundedReceiver<Value>>,
    /// Functions run one invocation at a time.
    waiting: tokio::sync::Mutex<()>,
    responds: Mutex<Option<oneshot::Sender<Value>>>,
}

impl Lambda {
    /// The addresses of the runtime API and of the gateway.
    async fn start() -> (SocketAddr, SocketAddr) {
        let (invoke, invoked) = mpsc::unbounded_channel();
        let lambda = Arc::new(Self {
            invoke,
            invoked: invoked.into(),
            waiting: tokio::sync::Mutex::default(),
            responds: Mutex::default(),
        });
        let runtime = Arc::clone(&lambda).listen(Self::runtime_api).await;
        let gateway = lambda.listen(Self::gateway).await;
        (runtime, gateway)
    }

    async fn listen<F>(
        self: Arc<Self>,
        answer: impl Fn(Arc<Self>, Request<Incoming>) -> F + Copy + Send + 'static,
    ) -> SocketAddr
    where
        F: Future<Output = Response<String>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let lambda = Arc::clone(&self);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let response = answer(Arc::clone(&lambda), request);
                        async { Ok::<_, Infallible>(response.await) }
                    });
                    auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        address
    }

    async fn runtime_api(self: Arc<Self>, request: Request<Incoming>) -> Response<String> {
        let path = request.uri().path().to_owned();
        if path == "/2018-06-01/runtime/invocation/next" {
            let event = self.invoked.lock().await.recv().await.unwrap();
            return Response::builder()
                .header("lambda-runtime-aws-request-id", "1")
                .header("lambda-runtime-deadline-ms", "4102444800000")
                .body(event.to_string())
                .unwrap();
        }
        assert_eq!(path, "/2018-06-01/runtime/invocation/1/response");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let response = serde_json::from_slice(&body).unwrap();
        let responds = self.responds.lock().unwrap().take().unwrap();
        responds.send(response).unwrap();
        Response::builder().status(202).body(String::new()).unwrap()
    }

    async fn gateway(self: Arc<Self>, request: Request<Incoming>) -> Response<String> {
        let _one_at_a_time = self.waiting.lock().await;
        let (responds, response) = oneshot::channel();
        *self.responds.lock().unwrap() = Some(responds);
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap()));
        let (method, uri) = (request.method().as_str(), request.uri());
        let query = uri.query().unwrap_or_default();
        let event = event(method, uri.path(), query, headers.collect());
        self.invoke.send(event).unwrap();

        let answer = response.await.unwrap();
        assert_ne!(answer["isBase64Encoded"], true, "text: {answer}");
        let status = answer["statusCode"].as_u64().unwrap();
        let mut response = Response::builder().status(status as u16);
        for (name, value) in answer["headers"].as_object().unwrap() {
            response = response.header(name, value.as_str().unwrap());
        }
        let body = answer["body"].as_str().unwrap_or_default().to_owned();
        response.body(body).unwrap()
    }
}

/// What API Gateway sends (payload format 2.0).
fn event(method: &str, path: &str, query: &str, headers: HashMap<String, &str>) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "1", "apiId": "1", "domainName": "test", "domainPrefix": "test",
            "requestId": "1", "routeKey": "$default", "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1767225600000_i64,
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1", "userAgent": "test",
            },
        },
        "isBase64Encoded": false,
    })
}
