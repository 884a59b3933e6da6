//! Ports that are open, closed, full.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tower_health::indicators::TcpIndicator;
use tower_health::{ComponentType, Criticality, HealthIndicator, Status};

use super::site::{Site, silence};
use super::verdict::{failure, passes};
use crate::support::eventually;
use crate::support::port::ClosedPort;
use crate::support::watched::{Watched, refused};

fn of(address: &str) -> TcpIndicator {
    let indicator = TcpIndicator::new("mail", address);
    indicator.timeout(Duration::from_millis(500))
}

#[tokio::test]
async fn an_open_port_passes_a_closed_one_is_refused_and_an_open_one_again_passes() {
    let site = Site::silent().await;
    let address = site.address();
    let watched = Watched::start("mail", of(&address.to_string()));
    watched.passes().await;
    let readings: Vec<_> = watched.state().readings().to_vec();
    assert_eq!(readings[0].measurement(), Some("responseTime"));

    drop(site);
    let said = watched.fails().await;
    let wanted = format!("connecting to {address}: {address}: Connection refused (os error 111)");
    assert_eq!(said, wanted);

    let _site = Site::start_at(address, silence).await;
    watched.passes().await;
}

#[tokio::test]
async fn each_run_is_a_connection_that_is_closed_at_once() {
    let site = Site::silent().await;
    let indicator = of(&site.address().to_string());
    for _ in 0..50 {
        passes(&indicator).await;
    }
    eventually("all connections were seen", async || site.accepted() == 50).await;
    eventually("no connection is open", async || site.open() == 0).await;
}

#[tokio::test]
async fn a_name_is_looked_up_and_its_addresses_are_reported() {
    let site = Site::silent().await;
    let port = site.address().port();
    passes(&of(&format!("localhost:{port}"))).await;
    let absent = ClosedPort::bind();
    let closed = absent.address().port();
    let said = failure(&of(&format!("localhost:{closed}"))).await;
    let wanted = format!("connecting to localhost:{closed}: ");
    assert!(said.starts_with(&wanted), "{said}");
    assert!(
        said.contains(&format!("127.0.0.1:{closed}: Connection refused")),
        "{said}"
    );
    let nobody = of("name.invalid:25").timeout(Duration::from_secs(20));
    let said = failure(&nobody).await;
    assert!(said.starts_with("looking up name.invalid: "), "{said}");
}

/// A listener whose queue is full: the kernel drops what else comes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_port_that_swallows_connections_fails_at_the_timeout() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    let patience = Duration::from_millis(200);
    while let Ok(connection) = timeout(patience, TcpStream::connect(address)).await {
        queue.push(connection.unwrap());
        assert!(queue.len() < 100, "the queue has no end");
    }

    let watched = Watched::start("mail", of(&address.to_string()));
    let said = watched.turns_with(Status::Fail, "no answer").await;
    let wanted = format!("connecting to {address}: {address}: no answer within 0.");
    assert!(said.starts_with(&wanted), "{said}");

    let accepting = tokio::spawn(async move {
        let mut connections = Vec::new();
        loop {
            connections.push(listener.accept().await);
        }
    });
    watched.passes().await;
    accepting.abort();
}

#[test]
fn an_address_that_cannot_work_is_refused() {
    let cases = [
        ("", "has no port"),
        ("smtp.internal", "has no port"),
        (":25", "has no host"),
        ("smtp.internal:", "has no valid port"),
        ("smtp.internal:mail", "has no valid port"),
        ("smtp.internal:65536", "has no valid port"),
        ("smtp.internal:0", "has port 0"),
        ("::1:25", "needs brackets"),
        ("[::1:25", "must be `host:port`"),
        ("[smtp]:25", "has no IPv6 address in its brackets"),
        ("http://smtp.internal:25", "needs brackets"),
        ("user@smtp.internal:25", "characters that no host name has"),
        ("smtp internal:25", "characters that no host name has"),
    ];
    for (address, fault) in cases {
        let said = refused(TcpIndicator::new("mail", address));
        let begin = "\"mail\": address ";
        assert!(
            said.starts_with(begin) && said.contains(fault),
            "{address}: {said}"
        );
    }
    let mail = TcpIndicator::new("mail", "[::1]:25");
    assert_eq!(mail.config_error(), None);
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    let mail = TcpIndicator::new("mail", "smtp.internal:25");
    assert_eq!(HealthIndicator::timeout(&mail).unwrap().as_secs(), 2);
    assert_eq!(mail.ttl().unwrap().as_secs(), 5);
    assert_eq!(mail.criticality(), Criticality::Critical);
    assert_eq!(mail.component_type(), Some(ComponentType::Component));
}
