//! poem: `around` the whole app answers the probes.
//!
//! ```sh
//! cargo run --manifest-path examples/frameworks/Cargo.toml --bin poem
//! curl -i localhost:3000/readyz
//! ```

use std::future::Future;
use std::io;
use std::time::Duration;

use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route, Server, get, handler};
use tokio::net::TcpListener;
use tower_health::{Health, HealthLayer, indicator_fn};

fn answer(probes: &HealthLayer, request: &Request) -> Option<Response> {
    let (uri, method) = (request.original_uri(), request.method().as_str());
    let answer = probes.answer(method, uri.path(), uri.query(), request.headers())?;
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status()).ok()?);
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    Some(response.body(answer.body().to_vec()))
}

pub fn app(probes: HealthLayer) -> impl Endpoint {
    Route::new()
        .at("/", get(hello))
        .around(move |app, request| {
            let answered = answer(&probes, &request);
            async move {
                match answered {
                    Some(response) => Ok(response),
                    None => app.call(request).await.map(IntoResponse::into_response),
                }
            }
        }) // the last call: outermost
}

#[handler]
fn hello() -> &'static str {
    "hello\n"
}

pub async fn serve(
    listener: TcpListener,
    probes: HealthLayer,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let grace = Some(Duration::from_secs(30));
    Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?)
        .run_with_graceful_shutdown(app(probes), shutdown, grace)
        .await
}

async fn ping() -> io::Result<()> {
    Ok(()) // Ping your database here.
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let health = Health::builder()
        .readiness(indicator_fn("db", ping))
        .start()?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let probes = HealthLayer::new(health.clone());
    serve(listener, probes, health.shutdown_signal()).await?;
    Ok(())
}
