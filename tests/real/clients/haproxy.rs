//! HAProxy's checks: the default one, which is OPTIONS over HTTP/1.0, and those that people write.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tower_health::Status;

use super::process::{Daemon, Files, program};
use super::site::Site;

fn start(site: &Site) -> Daemon {
    let files = Files::new();
    let socket = files.path("stats");
    let config = format!(
        r#"
global
    stats socket {socket}
defaults
    mode http
    timeout connect 5s
    timeout server 5s
    timeout check 5s
    default-server check inter 100ms fall 1 rise 1
backend default-options
    option httpchk /readyz
    server site {address}
backend get-http10
    option httpchk GET /readyz
    server site {address}
backend get-http11-body
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host site.example
    http-check expect status 200
    http-check expect string '{{"status":"pass"}}'
    server site {address}
backend get-http2
    option httpchk
    http-check connect proto h2
    http-check send meth GET uri /readyz ver HTTP/2 hdr Host site.example
    http-check expect status 200
    http-check expect string '{{"status":"pass"}}'
    server site {address}
backend liveness
    option httpchk GET /livez
    server site {address}
"#,
        socket = socket.display(),
        address = site.address,
    );
    let config = files.write("haproxy.cfg", &config);
    Daemon::start(program("haproxy").arg("-db").arg("-f").arg(config), files)
}

/// What the balancer thinks of the server in each backend, and the code of its latest check.
async fn states(files: &Files) -> BTreeMap<String, String> {
    let Ok(mut stats) = UnixStream::connect(files.path("stats")).await else {
        return BTreeMap::new();
    };
    stats.write_all(b"show stat\n").await.unwrap();
    let mut table = String::new();
    stats.read_to_string(&mut table).await.unwrap();

    let rows = table.trim_start_matches("# ").lines();
    let mut rows = rows.map(|row| row.split(',').collect::<Vec<_>>());
    let columns = rows.next().unwrap();
    let column = |name| columns.iter().position(|column| *column == name).unwrap();
    let (backend, server) = (column("pxname"), column("svname"));
    let (status, code) = (column("status"), column("check_code"));
    rows.filter(|row| row.get(server) == Some(&"site"))
        .map(|row| {
            let state = format!("{} {}", row[status], row[code]);
            (row[backend].to_owned(), state)
        })
        .collect()
}

/// The same of every backend but the one for liveness.
fn all(readiness: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<_, _> = [
        "default-options",
        "get-http10",
        "get-http11-body",
        "get-http2",
    ]
    .map(|backend| (backend.to_owned(), readiness.to_owned()))
    .into();
    all.insert("liveness".to_owned(), "UP 200".to_owned());
    all
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn haproxy_takes_a_server_out_and_back_and_out_for_a_drain() {
    let site = Site::start().await;
    let mut haproxy = start(&site);
    for (status, state) in [
        (Status::Pass, "UP 200"),
        (Status::Fail, "DOWN 503"),
        (Status::Pass, "UP 200"),
    ] {
        site.turn(status).await;
        haproxy.until(all(state), states).await;
    }
    site.health.drain();
    haproxy.until(all("DOWN 503"), states).await;
}
