//! AWS Lambda: the layer around the function, behind a function URL or API Gateway.
//!
//! ```sh
//! cargo lambda build --release --bin lambda && cargo lambda deploy lambda
//! ```

use std::convert::Infallible;
use std::time::Duration;

use lambda_http::{Body, Error, Request, Response, Service, service_fn, tower::Layer};
use tokio::net::TcpStream;
use tower_health::{Check, Health, HealthLayer, ResponseBody, indicator_fn};

pub fn app(
    probes: HealthLayer,
) -> impl Service<Request, Response = Response<ResponseBody<Body>>, Error = Infallible, Future: Send>
{
    probes.layer(service_fn(hello))
}

async fn hello(_: Request) -> Result<Response<Body>, Infallible> {
    Ok(Response::new("hello\n".into()))
}

/// Connects to the database: the address is the function's setting `DATABASE`.
async fn ping() -> std::io::Result<()> {
    let address = std::env::var("DATABASE").map_err(std::io::Error::other)?;
    TcpStream::connect(address).await.map(drop)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let db = Check::new(indicator_fn("db", ping))
        // No check runs while the sandbox is frozen between invocations, so results get old.
        .stale_after(Duration::from_secs(3600));
    let health = Health::builder().readiness(db).start()?;
    lambda_http::run(app(HealthLayer::new(health))).await
}
