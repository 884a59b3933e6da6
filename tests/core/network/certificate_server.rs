//! Certificates that servers present.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;
use tower_health::Status;
use tower_health::indicators::CertificateIndicator;

use super::authority::Authority;
use super::site::Site;
use super::verdict::{failure, passes};
use crate::support::eventually;
use crate::support::port::ClosedPort;
use crate::support::watched::{Watched, refused};

/// What a client sent until it said goodbye, or how else the connection ended.
type Heard = Result<Vec<u8>, String>;

/// Presents what is in the place at the time, and notes what clients send.
struct Presenting {
    site: Site,
    acceptor: Arc<Mutex<TlsAcceptor>>,
    /// One entry for each connection that came to its end.
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Presenting {
    async fn start(acceptor: TlsAcceptor) -> Self {
        let acceptor = Arc::new(Mutex::new(acceptor));
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let (now, notes) = (Arc::clone(&acceptor), Arc::clone(&heard));
        let site = Site::start(move |connection| {
            let (acceptor, notes) = (now.lock().unwrap().clone(), Arc::clone(&notes));
            async move {
                let mut sent = Vec::new();
                let heard = match acceptor.accept(connection).await {
                    Ok(mut connection) => connection.read_to_end(&mut sent).await,
                    Err(error) => Err(error),
                };
                let heard = heard.map(|_| sent).map_err(|error| error.to_string());
                notes.lock().unwrap().push(heard);
            }
        })
        .await;
        Self {
            site,
            acceptor,
            heard,
        }
    }

    fn indicator(&self) -> CertificateIndicator {
        of(&self.site.address().to_string())
    }
}

fn of(address: &str) -> CertificateIndicator {
    let indicator = CertificateIndicator::from_server("partner", address).server_name("localhost");
    indicator.timeout(Duration::from_millis(500))
}

#[tokio::test]
async fn what_a_server_presents_is_judged_and_its_renewal_is_seen() {
    // No client here trusts this authority: dates are all that is looked at.
    let authority = Authority::new();
    let server = Presenting::start(authority.for_days(90).acceptor(&[])).await;
    let watched = Watched::start("partner", server.indicator());
    watched.passes().await;

    let present = |days| {
        *server.acceptor.lock().unwrap() = authority.for_days(days).acceptor(&[]);
    };
    present(10);
    let said = watched.turns(Status::Warn).await;
    let begin = format!(
        "{}: certificate CN=localhost of the test",
        server.site.address()
    );
    assert!(
        said.starts_with(&begin) && said.ends_with("in 10 days"),
        "{said}"
    );
    present(-1);
    let said = watched.fails().await;
    assert!(
        said.contains("CN=localhost of the test expired at 20"),
        "{said}"
    );
    present(90);
    watched.passes().await;
}

#[tokio::test]
async fn the_server_hears_a_handshake_and_a_goodbye_and_no_data() {
    let server = Presenting::start(Authority::new().for_days(90).acceptor(&[])).await;
    let indicator = server.indicator();
    for _ in 0..20 {
        passes(&indicator).await;
    }
    eventually("all connections are closed", async || {
        server.site.open() == 0
    })
    .await;
    let heard = server.heard.lock().unwrap();
    // An end without goodbye would be an error to rustls.
    assert_eq!(*heard, vec![Ok(Vec::new()); 20]);
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_has_shown_its_own() {
    let authority = Authority::new();
    let site = Presenting::start(authority.for_days(90).mutual(&authority)).await;
    passes(&site.indicator()).await;
}

#[tokio::test]
async fn a_server_that_does_not_show_one_fails_with_words() {
    let absent = ClosedPort::bind();
    let nobody = absent.address().to_string();
    let said = failure(&of(&nobody)).await;
    assert_eq!(
        said,
        format!("connecting to {nobody}: {nobody}: Connection refused (os error 111)")
    );

    let silent = Site::silent().await;
    let said = failure(&of(&silent.address().to_string())).await;
    let wanted = format!(
        "TLS handshake with {}: no answer within 0.",
        silent.address()
    );
    assert!(said.starts_with(&wanted), "{said}");
    eventually("the connection is closed", async || silent.open() == 0).await;

    let plain = Site::says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let said = failure(&of(&plain.address().to_string())).await;
    assert!(
        said.contains("TLS handshake with") && said.contains("corrupt message"),
        "{said}"
    );

    let rude = Site::says(b"").await;
    let said = failure(&of(&rude.address().to_string())).await;
    assert!(
        said.contains("TLS handshake with") && said.contains("eof"),
        "{said}"
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let partner = |address| CertificateIndicator::from_server("partner", address);
    let said = refused(partner("api.example.com"));
    assert!(
        said.starts_with("\"partner\": address has no port"),
        "{said}"
    );
    let said = refused(partner(":443"));
    assert!(said.contains("address has no host"), "{said}");
    let said = refused(partner("api.example.com:443").server_name("not a name"));
    assert!(
        said.contains("server_name \"not a name\" is neither a DNS name nor an IP address"),
        "{said}"
    );
}
