//! HTTPS, with a test authority.

use std::time::Duration;

use http::Version;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tower_health::indicators::HttpIndicator;

use super::authority::{Authority, Identity};
use super::site::{Site, http, text};
use super::verdict::{failure, passes};

async fn https(identity: &Identity, protocols: &[&[u8]]) -> Site {
    let acceptor = identity.acceptor(protocols);
    Site::start(move |connection| serve(acceptor.clone(), connection)).await
}

/// Reports in the status over which version of HTTP the request came.
async fn serve(acceptor: TlsAcceptor, connection: TcpStream) {
    if let Ok(connection) = acceptor.accept(connection).await {
        let answer = |request: http::Request<_>| async move {
            match request.version() {
                Version::HTTP_2 => text(202, "over HTTP/2"),
                _ => text(201, "over HTTP/1"),
            }
        };
        http(connection, answer).await;
    }
}

fn of(site: &Site, tls: ClientConfig) -> HttpIndicator {
    HttpIndicator::with_tls("api", &site.https("/"), tls)
}

#[tokio::test]
async fn a_server_of_a_trusted_authority_passes_over_http_1_and_2() {
    let authority = Authority::new();
    let cases: [(&[&[u8]], u16); 3] = [
        (&[b"h2", b"http/1.1"], 202),
        (&[b"http/1.1"], 201),
        (&[], 201),
    ];
    for (protocols, status) in cases {
        let site = https(&authority.for_days(90), protocols).await;
        let indicator = of(&site, authority.client());
        let indicator = indicator.statuses([status..=status]);
        for _ in 0..20 {
            passes(&indicator).await;
        }
        assert_eq!(site.accepted(), 1, "{protocols:?}");
    }
}

#[tokio::test]
async fn tls_settings_that_name_protocols_do_not_panic() {
    let authority = Authority::new();
    let site = https(&authority.for_days(90), &[b"h2"]).await;
    let mut tls = authority.client();
    tls.alpn_protocols = vec![b"http/1.0".to_vec()];
    passes(&of(&site, tls)).await;
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_words() {
    let (authority, stranger) = (Authority::new(), Authority::named("a stranger"));
    let impostor = Authority::new();
    let cases = [
        (
            impostor.for_days(90),
            "not signed by the authority that it names",
        ),
        (
            authority.for_days(-1),
            "the server's certificate expired at 20",
        ),
        (
            authority.issue("localhost", 2, 9),
            "the server's certificate is not valid before 20",
        ),
        (
            authority.issue("other.example", -2, 9),
            "only valid for DnsName(\"other.example\")",
        ),
        (
            stranger.for_days(90),
            "from an issuer that this client does not trust",
        ),
    ];
    for (identity, words) in cases {
        let site = https(&identity, &[]).await;
        let said = failure(&of(&site, authority.client())).await;
        let begin = format!(
            "GET {}: TLS handshake: the server's certificate",
            site.https("/")
        );
        assert!(said.starts_with(&begin) && said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn the_roots_of_the_system_do_not_trust_the_test_authority() {
    let site = https(&Authority::new().for_days(90), &[]).await;
    let indicator = HttpIndicator::new("api", &site.https("/"));
    let said = failure(&indicator).await;
    assert!(
        said.contains("from an issuer that this client does not trust"),
        "{said}"
    );
}

#[tokio::test]
async fn a_handshake_without_end_is_distinguished_from_an_answer_that_never_came() {
    let site = Site::silent().await;
    let indicator = of(&site, Authority::new().client());
    let said = failure(&indicator.timeout(Duration::from_millis(300))).await;
    assert!(
        said.contains("TLS handshake: no answer within 0."),
        "{said}"
    );
}
