//! A server whose every connection is treated as the test says, and which counts them.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tower::{BoxError, Service, service_fn};

use super::port::listen;

/// It ends, with all of its connections, when this is dropped.
pub(crate) struct Site {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Site {
    pub(crate) async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), serve).await
    }

    /// At an address where another one has been.
    pub(crate) async fn start_at<F, Fut>(address: SocketAddr, serve: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = listen(address);
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::<AtomicUsize>::default();
        let open = Arc::<AtomicUsize>::default();
        let counts = (Arc::clone(&accepted), Arc::clone(&open));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                counts.0.fetch_add(1, Ordering::SeqCst);
                counts.1.fetch_add(1, Ordering::SeqCst);
                let (open, served) = (Arc::clone(&counts.1), serve(connection));
                connections.spawn(async move {
                    served.await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            accepted,
            open,
            task: task.abort_handle(),
        }
    }

    /// Writes this to every client, in answer to the first bytes, and hangs up.
    pub(crate) async fn says(bytes: &'static [u8]) -> Self {
        Self::start(move |mut connection| async move {
            let _ = connection.read(&mut [0; 4096]).await;
            let _ = connection.write_all(bytes).await;
            let _ = connection.shutdown().await;
        })
        .await
    }

    /// Accepts everything and says nothing.
    pub(crate) async fn silent() -> Self {
        Self::start(silence).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `localhost`, which is the name in the certificates.
    pub(crate) fn https(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// How many connections there ever were.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// How many connections there are.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads until the other end hangs up.
pub(crate) async fn silence(mut connection: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = connection.read(&mut buffer).await {}
}

/// Serves HTTP/1.1 and HTTP/2 over a connection.
pub(crate) async fn http<F, Fut, B>(
    connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    answer: F,
) where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    tower(connection, service).await;
}

/// Serves a tower service over a connection.
pub(crate) async fn tower<S, B>(
    connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    service: S,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(service))
        .await;
}

/// A site that answers each request by this function.
pub(crate) async fn answering<F>(answer: F) -> Site
where
    F: Fn(Request<Incoming>) -> Response<Full<Bytes>> + Clone + Send + Sync + 'static,
{
    Site::start(move |connection| {
        let answer = answer.clone();
        http(connection, move |request| {
            let response = answer(request);
            async move { response }
        })
    })
    .await
}

pub(crate) fn text(status: u16, body: &'static str) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status);
    response.body(Full::from(body)).unwrap()
}
