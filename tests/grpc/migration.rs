//! Coming from tonic-health: the same client against its reporter and against this crate, and each
//! difference that the guide names.

use http::{Request, Response};
use hyper::body::{Body as HttpBody, Bytes};
use tonic::body::Body;
use tonic::{Code, Streaming};
use tonic_health::pb::HealthCheckResponse;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::{HealthReporter, health_reporter};
use tower::Service;
use tower_health::Health;

use crate::calls::site;
use crate::connection::ask;
use crate::support::settle;

/// What code with a reporter does.
trait Reporter {
    async fn set(&mut self, service: &str, serving: bool);
    async fn clear(&mut self, service: &str);
}

impl Reporter for HealthReporter {
    async fn set(&mut self, service: &str, serving: bool) {
        let status = if serving {
            tonic_health::ServingStatus::Serving
        } else {
            tonic_health::ServingStatus::NotServing
        };
        self.set_service_status(service, status).await;
    }

    async fn clear(&mut self, service: &str) {
        self.clear_service_status(service).await;
    }
}

impl Reporter for Health {
    async fn set(&mut self, service: &str, serving: bool) {
        let status = if serving {
            tower_health::ServingStatus::Serving
        } else {
            tower_health::ServingStatus::NotServing
        };
        self.set_serving_status(service, status).unwrap();
    }

    async fn clear(&mut self, service: &str) {
        self.clear_serving_status(service);
    }
}

/// A client of either.
struct Client<S>(HealthClient<S>);

impl<S, B> Client<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    async fn check(&mut self, service: &str) -> Result<ServingStatus, Code> {
        let checked = self.0.check(ask(service)).await;
        let response = checked.map_err(|status| status.code())?;
        Ok(response.into_inner().status())
    }

    async fn watch(&mut self, service: &str) -> Result<Watching, Code> {
        let watched = self.0.watch(ask(service)).await;
        let response = watched.map_err(|status| status.code())?;
        Ok(Watching(response.into_inner()))
    }
}

struct Watching(Streaming<HealthCheckResponse>);

impl Watching {
    /// `None` when it has ended.
    async fn next(&mut self) -> Option<ServingStatus> {
        let message = self.0.message().await.unwrap();
        message.map(|message| message.status())
    }

    /// Whether there is nothing to read for now.
    async fn is_silent(&mut self) -> bool {
        let now = std::time::Duration::ZERO;
        settle().await;
        tokio::time::timeout(now, self.0.message()).await.is_err()
    }
}

const ORDERS: &str = "my.pkg.Orders";

async fn the_same_story<S, B>(mut reporter: impl Reporter, mut client: Client<S>)
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    assert_eq!(client.check("").await, Ok(ServingStatus::Serving));
    assert_eq!(client.check(ORDERS).await, Err(Code::NotFound));

    reporter.set(ORDERS, false).await;
    assert_eq!(client.check(ORDERS).await, Ok(ServingStatus::NotServing));
    let mut watching = client.watch(ORDERS).await.unwrap();
    assert_eq!(watching.next().await, Some(ServingStatus::NotServing));
    assert!(watching.is_silent().await);

    reporter.set(ORDERS, true).await;
    assert_eq!(client.check(ORDERS).await, Ok(ServingStatus::Serving));
    assert_eq!(watching.next().await, Some(ServingStatus::Serving));
    reporter.set(ORDERS, false).await;
    assert_eq!(watching.next().await, Some(ServingStatus::NotServing));
    assert!(watching.is_silent().await);

    reporter.set("my.pkg.Carts", true).await;
    assert!(watching.is_silent().await);
    assert_eq!(
        client.check("my.pkg.Carts").await,
        Ok(ServingStatus::Serving)
    );
    reporter.clear(ORDERS).await;
    assert_eq!(client.check(ORDERS).await, Err(Code::NotFound));
    assert_eq!(
        client.check("my.pkg.Carts").await,
        Ok(ServingStatus::Serving)
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_sees_the_same_of_both() {
    let (reporter, server) = health_reporter();
    the_same_story(reporter, Client(HealthClient::new(server))).await;
    let health = Health::builder().start().unwrap();
    let site = site(&health);
    the_same_story(health, Client(HealthClient::new(site))).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_guide_says_is_different_is() {
    let (mut theirs, server) = health_reporter();
    let mut their = Client(HealthClient::new(server));
    let mut ours = Health::builder().gate("migrations").start().unwrap();
    let mut our = Client(HealthClient::new(site(&ours)));

    // `""` is serving from the start.
    assert_eq!(their.check("").await, Ok(ServingStatus::Serving));
    assert_eq!(our.check("").await, Ok(ServingStatus::NotServing));

    // A watch of a name that is not there.
    assert_eq!(their.watch(ORDERS).await.err(), Some(Code::NotFound));
    let mut unknown = our.watch(ORDERS).await.unwrap();
    assert_eq!(unknown.next().await, Some(ServingStatus::ServiceUnknown));

    // The same status again.
    theirs.set(ORDERS, true).await;
    ours.set(ORDERS, true).await;
    let mut their_watch = their.watch(ORDERS).await.unwrap();
    let mut our_watch = our.watch(ORDERS).await.unwrap();
    assert_eq!(their_watch.next().await, Some(ServingStatus::Serving));
    assert_eq!(our_watch.next().await, Some(ServingStatus::Serving));
    theirs.set(ORDERS, true).await;
    ours.set(ORDERS, true).await;
    assert_eq!(their_watch.next().await, Some(ServingStatus::Serving));
    assert!(our_watch.is_silent().await);
    assert_eq!(unknown.next().await, Some(ServingStatus::Serving));

    // A name that is cleared.
    theirs.clear(ORDERS).await;
    ours.clear(ORDERS).await;
    assert_eq!(their_watch.next().await, None);
    assert_eq!(our_watch.next().await, Some(ServingStatus::ServiceUnknown));
}
