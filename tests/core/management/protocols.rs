//! HTTP/1.0, HTTP/1.1, HTTP/2, a Unix socket, and TLS through an acceptor of the application.

use std::io::{Read, Write};
use std::sync::Arc;

use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tower::ServiceExt;
use tower_health::management::Management;
use tower_health::{Health, Status};

use super::support::{Port, Reply};
use crate::support::PATIENCE;
use crate::support::authority::Authority;

#[test]
fn http_1_0_without_a_host_gets_a_probe() {
    let port = Port::fixed(Status::Warn);
    let reply = port.exchange("GET /readyz HTTP/1.0\r\n\r\n");
    assert_eq!(
        (reply.code, reply.body.as_str()),
        (200, r#"{"status":"warn"}"#)
    );
    let reply = port.exchange("HEAD /readyz HTTP/1.0\r\n\r\n");
    assert_eq!((reply.code, reply.body.as_str()), (200, ""));
    assert_eq!(port.exchange("GET /info HTTP/1.0\r\n\r\n").code, 421);
    assert_eq!(
        port.exchange("GET /info HTTP/1.0\r\nhost: localhost\r\n\r\n")
            .code,
        200
    );
}

#[test]
fn requests_follow_each_other_on_one_connection() {
    let port = Port::fixed(Status::Pass);
    let mut stream = port.connect();
    let request = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let last = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream
        .write_all(format!("{request}{request}{last}").as_bytes())
        .unwrap();
    let rest = Reply::read(stream);
    assert_eq!(rest.body.matches("HTTP/1.1 200 OK").count(), 2);
}

#[tokio::test]
async fn http_2_with_prior_knowledge_gets_every_route() {
    let port = Port::fixed(Status::Pass);
    let stream = TcpStream::connect(port.address()).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let authority = port.address();
    for (target, code) in [
        (format!("http://{authority}/readyz"), 200),
        (format!("http://{authority}/info"), 200),
        (format!("http://{authority}/nothing"), 404),
        ("http://attacker.example/info".to_owned(), 421),
        ("http://attacker.example/readyz".to_owned(), 200),
    ] {
        let request = Request::get(&target).body(Empty::<Bytes>::new()).unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.status().as_u16(), code, "{target}");
        assert!(!response.headers().contains_key("connection"));
        response.into_body().collect().await.unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_whatever_host_is_named() {
    use std::os::unix::net::{UnixListener, UnixStream};

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("health.sock");
    let health = Health::fixed(Status::Pass);
    let server = health
        .serve_management(UnixListener::bind(&path).unwrap())
        .unwrap();
    assert_eq!(server.address(), None);
    for host in ["", "host: health.sock\r\n"] {
        let mut stream = UnixStream::connect(&path).unwrap();
        let request = format!("GET /info HTTP/1.1\r\n{host}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(Reply::read(stream).code, 200, "{host}");
    }
    server.stop();
}

#[tokio::test]
async fn the_service_serves_behind_a_tls_acceptor_of_the_application() {
    let authority = Authority::new();
    let acceptor = authority.for_days(30).acceptor(&[]);
    let health = Health::fixed(Status::Pass);
    let service = Management::new(&health).service().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = acceptor.accept(stream).await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            let server = auto::Builder::new(TokioExecutor::new());
            server
                .serve_connection(TokioIo::new(stream), service)
                .await
                .unwrap();
        }
    });
    let config = Arc::new(authority.client());
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(config);
    let name = "localhost".try_into().unwrap();
    let stream = TokioIo::new(connector.connect(name, stream).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/info").header("host", "localhost");
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_stream_of_the_service_holds_no_shutdown_up_once_the_health_is_given_up() {
    let health = Health::fixed(Status::Pass);
    let service = Management::new(&health).service().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let mut client = client.await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let graceful = GracefulShutdown::new();
    let connection = tokio::spawn(graceful.watch(connection));
    let request = b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut seen = String::new();
    while !seen.contains("event: state") {
        let mut bytes = [0; 4096];
        let read = client.read(&mut bytes).await.unwrap();
        seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    tokio::spawn(async move { tokio::io::copy(&mut client, &mut tokio::io::sink()).await });

    drop(health);
    timeout(PATIENCE, graceful.shutdown())
        .await
        .expect("the end of the stream");
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_service_answers_any_body_type_and_keeps_no_health_alive() {
    let health = Health::fixed(Status::Pass);
    let weak = health.downgrade();
    let service = Management::new(&health).service().unwrap();
    let request = Request::get("/info")
        .header("host", "[::1]:80")
        .body(())
        .unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let request = Request::head("/info")
        .header("host", "localhost")
        .body(())
        .unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    assert!(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .is_empty()
    );
    drop(health);
    assert!(weak.upgrade().is_none());
    let request = Request::get("/info").header("host", "localhost");
    let request = request.body(()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn http_2_is_told_its_bounds() {
    let port = Port::fixed(Status::Pass);
    let mut stream = port.connect();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .unwrap();
    stream.write_all(&settings).unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[3], 4, "SETTINGS");
    let mut payload = vec![0; usize::from(head[2])];
    stream.read_exact(&mut payload).unwrap();
    // RFC 9113, section 6.5.2.
    let setting = |wanted: u8| {
        let mut all = payload.chunks_exact(6);
        let found = all.find(|setting| setting[..2] == [0, wanted])?;
        Some(u32::from_be_bytes(found[2..].try_into().unwrap()))
    };
    assert_eq!(setting(3), Some(16), "streams");
    assert_eq!(setting(6), Some(16 * 1024), "bytes of a head");
}
