//! `rediss://`: a certificate of a test CA, of another one, for another name, and an expired one.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use redis::{Client, TlsCertificates};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::support::{NAME, fails_with, indicator, watch};
use crate::servers::redis::RedisServer;
use crate::support::port::free_port;
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_certificate_of_the_authority_that_the_client_trusts_passes() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.certificate("127.0.0.1", 2099)).await;
    for protocol in ["", "/?protocol=resp3"] {
        let client = server.client(&authority, protocol);
        let redis = indicator(client).round_trip().expect_primary();
        Watched::start(NAME, redis).passes().await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_certificate_of_another_authority_is_named() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.certificate("127.0.0.1", 2099)).await;
    let watched = watch(server.client(&Authority::named("another authority"), ""));
    fails_with(&watched, "no authority that this client trusts has signed").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn an_expired_certificate_is_named() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.certificate("127.0.0.1", 2020)).await;
    let watched = watch(server.client(&authority, ""));
    fails_with(&watched, "the certificate of the server has expired").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_certificate_for_another_name_is_named() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.certificate("cache.internal", 2099)).await;
    let watched = watch(server.client(&authority, ""));
    fails_with(
        &watched,
        "the certificate of the server is for another name",
    )
    .await;
}

// Redis itself waits for the end of what it takes for a command.
#[tokio::test]
async fn a_port_that_answers_without_tls_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rediss://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(b"-ERR no TLS here\r\n").await;
        }
    });
    let client = Client::build_with_tls(url, Authority::new().trusted()).unwrap();
    fails_with(&watch(client), "the server does not speak TLS at this port").await;
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, both in PEM.
struct Identity(String, String);

impl Authority {
    fn new() -> Self {
        Self::named("the test authority")
    }

    fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// A certificate for this name that expires at the beginning of this year.
    fn certificate(&self, name: &str, year: i32) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2010, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity(certificate.pem(), key.serialize_pem())
    }

    fn trusted(&self) -> TlsCertificates {
        TlsCertificates {
            client_tls: None,
            root_cert: Some(self.pem.clone().into_bytes()),
        }
    }
}

struct TlsServer {
    _server: RedisServer,
    _directory: TempDir,
    port: u16,
}

impl TlsServer {
    async fn start(Identity(certificate, key): &Identity) -> Self {
        let directory = TempDir::new().unwrap();
        let write = |name: &str, content: &str| {
            let path = directory.path().join(name);
            fs::write(&path, content).unwrap();
            show(&path)
        };
        let certificate = write("server.crt", certificate);
        let key = write("server.key", key);
        let port = free_port();
        let options = format!(
            "--tls-port {port} --tls-auth-clients no --tls-cert-file {certificate} \
             --tls-key-file {key} --tls-ca-cert-file {certificate}"
        );
        Self {
            _server: RedisServer::start_with(&options).await,
            _directory: directory,
            port,
        }
    }

    fn client(&self, authority: &Authority, protocol: &str) -> Client {
        let url = format!("rediss://127.0.0.1:{}{protocol}", self.port);
        Client::build_with_tls(url, authority.trusted()).unwrap()
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
