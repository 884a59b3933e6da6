//! Names that move to another address, and resolvers that lose a packet.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tower_health::indicators::{DnsIndicator, HttpIndicator, TcpIndicator};
use tower_health::{HealthIndicator, Status};

use super::namespace::{enter, write};
use crate::support::eventually;
use crate::support::site::{Site, http, silence, text};
use crate::support::verdict::{failure, passes};

/// A site at this address that counts its requests.
async fn counting(address: SocketAddr) -> (Site, Arc<AtomicUsize>) {
    let requests = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&requests);
    let site = Site::start_at(address, move |connection| {
        let counted = Arc::clone(&counted);
        http(connection, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { text(200, "ok") }
        })
    })
    .await;
    (site, requests)
}

#[tokio::test]
#[ignore = "needs unshare and ip: .ci/test installs them"]
async fn a_name_that_moves_is_followed_although_the_old_server_goes_on() {
    const NAME: &str = "a_name_that_moves_is_followed_although_the_old_server_goes_on";
    let Some(files) = enter(module_path!(), NAME, "127.0.0.2 db.test\n") else {
        return;
    };
    let (old, of_old) = counting(([127, 0, 0, 2], 0).into()).await;
    let port = old.address().port();
    let (_new, of_new) = counting(([127, 0, 0, 3], port).into()).await;
    let indicator = HttpIndicator::new("db", &format!("http://db.test:{port}/"));
    let indicator = indicator.reconnect_after(Duration::from_millis(300));
    passes(&indicator).await;
    assert_eq!(of_new.load(Ordering::SeqCst), 0);

    write(&files, "hosts", "127.0.0.3 db.test\n");
    eventually("the new server gets the requests", async || {
        passes(&indicator).await;
        of_new.load(Ordering::SeqCst) > 0
    })
    .await;
    let before = of_old.load(Ordering::SeqCst);
    for _ in 0..20 {
        passes(&indicator).await;
    }
    assert_eq!(of_old.load(Ordering::SeqCst), before);
}

/// A DNS server that knows one address for every name, and loses questions while it is told to.
async fn name_server(address: [u8; 4]) -> Arc<AtomicBool> {
    let socket = UdpSocket::bind("127.0.0.1:53").await.unwrap();
    let loses = Arc::<AtomicBool>::default();
    let is_lost = Arc::clone(&loses);
    tokio::spawn(async move {
        let mut question = [0; 512];
        loop {
            let (length, from) = socket.recv_from(&mut question).await.unwrap();
            if is_lost.load(Ordering::SeqCst) {
                continue;
            }
            let answer = answer(&question[..length], address);
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    loses
}

/// RFC 1035, section 4: the question again, and an address if that is what it is for.
fn answer(question: &[u8], address: [u8; 4]) -> Vec<u8> {
    let name = question[12..].iter().position(|byte| *byte == 0).unwrap();
    let end = 12 + name + 5;
    let is_for_ipv4 = question[end - 4..end - 2] == [0, 1];
    let mut answer = question[..end].to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_for_ipv4), 0, 0, 0, 0]);
    if is_for_ipv4 {
        // The name of the question, IPv4, Internet, for 0 s, four bytes.
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend_from_slice(&address);
    }
    answer
}

#[tokio::test]
#[ignore = "needs unshare and ip: .ci/test installs them"]
async fn a_lost_packet_of_the_resolver_warns_once_and_a_resolver_that_is_down_fails() {
    const NAME: &str = "a_lost_packet_of_the_resolver_warns_once_and_a_resolver_that_is_down_fails";
    if enter(module_path!(), NAME, "").is_none() {
        return;
    }
    let loses = name_server([127, 0, 0, 1]).await;
    let site = Site::start(silence).await;
    let port = site.address().port();
    let dns = DnsIndicator::new("peers", "db.test");
    let tcp = TcpIndicator::new("db", &format!("db.test:{port}"));
    passes(&dns).await;
    passes(&tcp).await;

    loses.store(true, Ordering::SeqCst);
    let seen = dns.check().await.unwrap();
    let said = seen.output().unwrap();
    assert_eq!(seen.status(), Status::Warn, "{said}");
    assert!(
        said.starts_with("looking up db.test: no answer within "),
        "{said}"
    );
    assert!(said.ends_with(" s ago"), "{said}");
    let seen = tcp.check().await.unwrap();
    let said = seen.output().unwrap();
    assert_eq!(seen.status(), Status::Warn, "{said}");
    assert!(said.ends_with(" s ago"), "{said}");

    // The same lookup still waits: five seconds, then once more.
    for said in [failure(&dns).await, failure(&tcp).await] {
        assert!(said.starts_with("looking up db.test, begun "), "{said}");
        assert!(said.contains("no answer within "), "{said}");
    }
    loses.store(false, Ordering::SeqCst);
    eventually("names are looked up again", async || {
        dns.check().await.is_ok()
    })
    .await;
    eventually("the port is found again", async || {
        tcp.check().await.is_ok()
    })
    .await;
    passes(&dns).await;
    passes(&tcp).await;
}

#[tokio::test]
#[ignore = "needs unshare and ip: .ci/test installs them"]
async fn a_pod_with_both_families_is_one_host() {
    const NAME: &str = "a_pod_with_both_families_is_one_host";
    let Some(files) = enter(module_path!(), NAME, "10.0.0.1 peers\nfd00::1 peers\n") else {
        return;
    };
    let two = DnsIndicator::new("peers", "peers").at_least(2);
    let said = failure(&two).await;
    assert_eq!(said, "peers has addresses of 1 host, fewer than 2");
    let hosts = "10.0.0.1 peers\nfd00::1 peers\n10.0.0.2 peers\nfd00::2 peers\n";
    write(&files, "hosts", hosts);
    passes(&two).await;
}
