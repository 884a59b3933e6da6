//! The server that is probed: tonic with the layer, HTTP and gRPC on one port.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower_health::{Details, Health, HealthLayer, Observation, Probe, Status, indicator_fn};

use crate::support::PATIENCE;

/// The service that follows the one check there is.
pub(crate) const ORDERS: &str = "shop.Orders";

/// What the application says, with a 200, to everything that is not for the layer.
pub(crate) const APPLICATION: &str = "the application";

pub(crate) struct Site {
    pub(crate) health: Health,
    pub(crate) address: SocketAddr,
    check: Arc<Mutex<Status>>,
    leave: oneshot::Sender<()>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Site {
    /// A server that is ready, and that serves on for as long as the test runs when it drains.
    pub(crate) async fn start() -> Self {
        Self::with(Duration::from_secs(3600), Details::never()).await
    }

    /// A server that is ready, and that ends this long after it was told to leave.
    pub(crate) async fn leaving_after(drain_delay: Duration) -> Self {
        Self::with(drain_delay, Details::never()).await
    }

    /// A server that is ready, and that lists every gRPC service to every client.
    pub(crate) async fn listing() -> Self {
        Self::with(Duration::from_secs(3600), Details::always()).await
    }

    async fn with(drain_delay: Duration, list: Details) -> Self {
        let check = Arc::new(Mutex::new(Status::Fail));
        let seen = Arc::clone(&check);
        let indicator = indicator_fn("db", move || {
            let status = *seen.lock().unwrap();
            async move {
                match status {
                    Status::Pass => Ok(Observation::pass()),
                    Status::Warn => Ok(Observation::warn("slow")),
                    Status::Fail => Err("refused"),
                }
            }
        });
        let health = Health::builder()
            .ttl(Duration::from_millis(20))
            .readiness(indicator)
            .grpc_service(ORDERS, ["db"])
            .drain_delay(drain_delay)
            .start()
            .unwrap();
        let layer = HealthLayer::builder(health.clone()).grpc_list(list);
        let application = Router::new().fallback(async || APPLICATION);

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (leave, left) = oneshot::channel();
        let left = health.drain_on(async {
            let _ = left.await;
        });
        let server = Server::builder()
            .accept_http1(true)
            .layer(layer.build().unwrap())
            .add_routes(Routes::from(application))
            .serve_with_incoming_shutdown(TcpIncoming::from(listener), left);
        let site = Self {
            health,
            address,
            check,
            leave,
            server: tokio::spawn(server),
        };
        site.turn(Status::Pass).await;
        site
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Lets the check find this, and waits until it is what readiness says.
    pub(crate) async fn turn(&self, status: Status) {
        let mut transitions = self.health.subscribe();
        *self.check.lock().unwrap() = status;
        let turned = async {
            while self.health.status(Probe::Readiness) != status {
                transitions.next().await.expect("the health is alive");
            }
        };
        timeout(PATIENCE, turned)
            .await
            .expect("readiness follows its check");
    }

    /// Signals the process to stop. What comes back resolves when the server has ended.
    pub(crate) fn leave(self) -> impl Future<Output = ()> {
        self.leave.send(()).expect("the server is running");
        async {
            let ended = timeout(PATIENCE, self.server).await;
            let ended = ended.expect("the server ends when the drain delay has passed");
            ended.unwrap().unwrap();
        }
    }
}
