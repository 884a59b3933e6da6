//! A name whose IPv6 address is dead, and whose IPv4 address answers.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tower_health::indicators::{CertificateIndicator, HttpIndicator, TcpIndicator};

use super::namespace::enter;
use crate::support::authority::Authority;
use crate::support::site::{http, text};
use crate::support::verdict::passes;

const HOSTS: &str = "::1 two.test\n127.0.0.1 two.test\n";

/// A listener whose queue is full, so that the kernel drops what else comes.
async fn black_hole(port: u16) -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v6().unwrap();
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    socket.bind(address).unwrap();
    let listener = socket.listen(1).unwrap();
    let mut queue = Vec::new();
    let patience = Duration::from_millis(500);
    while let Ok(connection) = timeout(patience, TcpStream::connect(address)).await {
        queue.push(connection.unwrap());
        assert!(queue.len() < 100, "the queue has no end");
    }
    (listener, queue)
}

#[tokio::test]
#[ignore = "needs unshare and ip: .ci/test installs them"]
async fn a_dead_ipv6_address_costs_no_verdict() {
    const NAME: &str = "a_dead_ipv6_address_costs_no_verdict";
    if enter(module_path!(), NAME, HOSTS).is_none() {
        return;
    }
    let authority = Authority::new();
    let acceptor = authority.issue("two.test", -30, 90).acceptor(&[]);
    let site = crate::support::site::Site::start(move |connection| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(connection) = acceptor.accept(connection).await {
                http(connection, |_| async { text(200, "ok") }).await;
            }
        }
    })
    .await;
    let port = site.address().port();
    let address = format!("two.test:{port}");
    let url = format!("https://{address}/");
    let all = async || {
        passes(&TcpIndicator::new("it", &address)).await;
        passes(&CertificateIndicator::from_server("it", &address)).await;
        passes(&HttpIndicator::with_tls("it", &url, authority.client())).await;
    };
    // Refused, as by a server that listens on IPv4 only.
    all().await;
    let _silent = black_hole(port).await;
    all().await;
}
