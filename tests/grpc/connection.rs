//! Servers and clients with real HTTP between them, but no sockets: so the clock can stay paused.

use std::io;
use std::sync::Arc;

use futures_util::{Stream, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::{Service, service_fn};

/// Where clients dial.
#[derive(Clone)]
pub(crate) struct Port(mpsc::UnboundedSender<DuplexStream>);

/// Where a server takes what clients dialled.
pub(crate) struct Listener(mpsc::UnboundedReceiver<DuplexStream>);

pub(crate) fn port() -> (Port, Listener) {
    let (port, listener) = mpsc::unbounded_channel();
    (Port(port), Listener(listener))
}

impl Listener {
    /// As tonic takes it.
    pub(crate) fn incoming(self) -> impl Stream<Item = io::Result<DuplexStream>> {
        stream::unfold(self.0, async |mut dialled| {
            let connection = dialled.recv().await?;
            Some((Ok(connection), dialled))
        })
    }

    /// Serves each connection with a clone of this service, as plain hyper does.
    pub(crate) async fn serve<S, B>(mut self, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        while let Some(connection) = self.0.recv().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                // A client may leave as it likes.
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(connection), service)
                    .await;
            });
        }
    }
}

/// As axum takes it.
impl axum::serve::Listener for Listener {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(connection) => (connection, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Port {
    fn dial(&self) -> io::Result<TokioIo<DuplexStream>> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let sent = self.0.send(far);
        sent.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(TokioIo::new(near))
    }

    /// A connection of its own, and tonic's generated client on it.
    pub(crate) async fn tonic(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel().await)
    }

    pub(crate) async fn channel(&self) -> Channel {
        let port = Arc::new(self.clone());
        let connector = service_fn(move |_| std::future::ready(port.dial()));
        Endpoint::from_static("http://health.test")
            .connect_with_connector(connector)
            .await
            .unwrap()
    }

    /// An HTTP/2 connection of its own.
    pub(crate) async fn http2(&self) -> http2::SendRequest<Full<Bytes>> {
        self.http2_with_body().await
    }

    /// An HTTP/2 connection of its own, for requests with bodies of this type.
    pub(crate) async fn http2_with_body<B>(&self) -> http2::SendRequest<B>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let io = self.dial().unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// One GET as an HTTP prober sends it: the code and the body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let (mut sender, connection) = http1::handshake(self.dial().unwrap()).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(path).header("host", "health.test");
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let code = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }
}

/// The request of tonic-health's generated client.
pub(crate) fn ask(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}
