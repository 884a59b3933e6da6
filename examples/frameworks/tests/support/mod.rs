//! What every framework has to do, spoken over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tower_health::{Check, Details, Health, HealthLayer, indicator_fn};

/// A health whose one check, `db`, fails until the test says otherwise.
pub struct Site {
    pub health: Health,
    db_is_up: Arc<AtomicBool>,
}

impl Site {
    pub fn new() -> Self {
        let db_is_up = Arc::new(AtomicBool::new(false));
        let up = Arc::clone(&db_is_up);
        let ping = indicator_fn("db", move || {
            let up = up.load(Ordering::Relaxed);
            async move {
                if up {
                    Ok(())
                } else {
                    Err("connection refused")
                }
            }
        });
        let db = Check::new(ping).ttl(Duration::from_millis(20));
        let health = Health::builder().readiness(db).start().unwrap();
        Self { health, db_is_up }
    }

    /// Details for the bearer of a token, so that there is a `/readyz/db` to hide.
    pub fn layer(&self) -> HealthLayer {
        let layer = HealthLayer::builder(self.health.clone());
        layer.details(Details::bearer("s3cret")).build().unwrap()
    }

    /// The whole story, told to the server at this address.
    pub async fn is_answered_at(&self, address: SocketAddr) {
        answers_probes(address, || self.db_is_up.store(true, Ordering::Relaxed)).await;
        shows_details(address).await;

        self.health.drain();
        assert_eq!(get(address, "/readyz").await.status, 503, "draining");
        assert_eq!(get(address, "/livez").await.status, 200, "draining");
        assert_eq!(get(address, "/").await.body, "hello\n", "draining");
    }
}

/// What anonymous callers get, before and after the check `db` has passed.
pub async fn answers_probes(address: SocketAddr, let_db_pass: impl FnOnce()) {
    let live = eventually(address, "/livez", 200).await;
    assert_eq!(live.body, r#"{"status":"pass"}"#);
    assert_eq!(live.header("content-type"), ["application/health+json"]);
    assert_eq!(live.header("content-length"), ["17"]);
    assert_eq!(live.header("cache-control"), ["no-store"]);

    let down = get(address, "/readyz?verbose&exclude=db").await;
    assert_eq!((down.status, &*down.body), (503, r#"{"status":"fail"}"#));

    let_db_pass();
    eventually(address, "/readyz", 200).await;
    assert_eq!(get(address, "/startupz").await.status, 200);

    let head = request(address, "HEAD", "/readyz", "").await;
    assert_eq!((head.status, &*head.body), (200, ""));
    assert_eq!(head.header("content-length"), ["17"], "that of GET");

    let options = request(address, "OPTIONS", "/readyz", "").await;
    assert_eq!((options.status, &*options.body), (200, ""));

    for method in ["POST", "PUT", "DELETE"] {
        let refused = request(address, method, "/livez", "").await;
        assert_eq!((refused.status, &*refused.body), (405, ""), "{method}");
        assert_eq!(refused.header("allow"), ["GET, HEAD, OPTIONS"], "{method}");
    }

    let hello = get(address, "/").await;
    assert_eq!((hello.status, &*hello.body), (200, "hello\n"));
    assert!(hello.header("cache-control").is_empty(), "left alone");
}

/// Details are there for the token; for other callers the path is the application's.
async fn shows_details(address: SocketAddr) {
    let hidden = get(address, "/readyz/db").await;
    let unknown = get(address, "/no/such/path").await;
    assert_eq!(hidden.status, 404);
    assert_eq!(hidden.body, unknown.body, "the application's 404");

    let token = "authorization: Bearer s3cret\r\n";
    let report = request(address, "GET", "/readyz/db?verbose", token).await;
    assert_eq!(
        (report.status, &*report.body),
        (200, "[+]db ok\ndb check passed\n")
    );
    let report = request(address, "GET", "/readyz", token).await;
    assert!(report.body.contains(r#""db":"#), "{}", report.body);
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    /// Every value of this header field.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let named = fields.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value).collect()
    }
}

pub async fn get(address: SocketAddr, target: &str) -> Response {
    request(address, "GET", target, "").await
}

/// One request of HTTP/1.1 on a connection of its own. `headers` end with a line break.
pub async fn request(address: SocketAddr, method: &str, target: &str, headers: &str) -> Response {
    let send = async {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        std::io::Result::Ok(response)
    };
    let response = timeout(Duration::from_secs(10), send)
        .await
        .unwrap()
        .unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Asks until the status is this one, for ten seconds at most.
async fn eventually(address: SocketAddr, target: &str, status: u16) -> Response {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let response = get(address, target).await;
        if response.status == status {
            return response;
        }
        assert!(Instant::now() < deadline, "{response:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Awaits the end of a server that was asked to stop.
pub async fn ends<T>(server: tokio::task::JoinHandle<T>) -> T {
    let ended = timeout(Duration::from_secs(10), server).await;
    ended.expect("still serves").unwrap()
}
