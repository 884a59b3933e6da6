//! Rocket: routes of the highest rank answer the probes and forward every other request.
//!
//! ```sh
//! cargo run --manifest-path examples/frameworks/Cargo.toml --bin rocket
//! curl -i localhost:8000/readyz
//! ```

use std::io::{self, Cursor};

use rocket::http::{Method, Status};
use rocket::route::{Handler, Outcome};
use rocket::{Build, Config, Data, Request, Response, Rocket, Route, get, routes};
use tower_health::{Health, HealthLayer, indicator_fn};

#[derive(Clone)]
struct Probes(HealthLayer);

#[rocket::async_trait]
impl Handler for Probes {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        // For HEAD, Rocket itself drops the content of GET and sends its length.
        let method = match request.method() {
            Method::Head => "GET",
            method => method.as_str(),
        };
        let (path, query) = (request.uri().path(), request.uri().query());
        let headers = request.headers().iter();
        let headers = headers.map(|field| (field.name.to_string(), field.value.into_owned()));
        let query = query.as_ref().map(|query| query.as_str());
        let Some(answer) = self.0.answer(method, path.as_str(), query, headers) else {
            return Outcome::forward(data, Status::NotFound);
        };
        let mut response = Response::new();
        response.set_status(Status::new(answer.status()));
        for (name, value) in answer.headers() {
            response.set_raw_header(name.to_owned(), value.to_owned());
        }
        let body = answer.body().to_vec();
        response.set_sized_body(body.len(), Cursor::new(body));
        Outcome::Success(response)
    }
}

impl From<Probes> for Vec<Route> {
    fn from(probes: Probes) -> Self {
        use Method::{Connect, Delete, Get, Head, Options, Patch, Post, Put, Trace};
        [Get, Head, Options, Post, Put, Patch, Delete, Connect, Trace]
            .map(|method| Route::ranked(-100, method, "/<path..>", probes.clone()))
            .into()
    }
}

#[get("/")]
fn hello() -> &'static str {
    "hello\n"
}

pub fn rocket(probes: HealthLayer) -> Rocket<Build> {
    // Rocket would stop at the signal, before the drain.
    let config = Config::figment()
        .merge(("shutdown.ctrlc", false))
        .merge(("shutdown.signals", Vec::<String>::new()));
    rocket::custom(config)
        .mount("/", Probes(probes))
        .mount("/", routes![hello])
}

async fn ping() -> io::Result<()> {
    Ok(()) // Ping your database here.
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let health = Health::builder()
        .readiness(indicator_fn("db", ping))
        .start()?;
    let rocket = rocket(HealthLayer::new(health.clone())).ignite().await?;

    let (drained, shutdown) = (health.shutdown_signal(), rocket.shutdown());
    tokio::spawn(async move {
        drained.await;
        shutdown.notify();
    });
    rocket.launch().await?;
    Ok(())
}
