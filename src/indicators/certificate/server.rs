//! The certificates that a server presents.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{ActiveKeyExchange, CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, NamedGroup, SignatureScheme};
use tokio::io::AsyncWrite;
use tokio_rustls::TlsConnector;

use crate::Failure;
use crate::indicators::shared::address::{Address, Connection};
use crate::indicators::shared::budget::Budget;
use crate::indicators::shared::config;

#[derive(Debug)]
pub(super) struct Server {
    address: Address,
    /// `Err` holds the configuration error.
    server_name: Result<ServerName<'static>, String>,
    provider: Arc<CryptoProvider>,
}

impl Server {
    /// The error is the fault of the `address` setting.
    pub(super) fn new(address: &str) -> Result<Self, String> {
        let address = Address::parse(address)?;
        Ok(Self {
            server_name: server_name(address.host()),
            address,
            provider: Arc::new(provider()),
        })
    }

    pub(super) fn set_server_name(&mut self, name: &str) {
        self.server_name = server_name(name);
    }

    pub(super) fn config_error(&self) -> Option<String> {
        self.server_name.as_ref().err().cloned()
    }

    pub(super) async fn fetch(
        &self,
        budget: &Budget,
        timeout: Duration,
    ) -> Result<(Vec<CertificateDer<'static>>, Option<String>), Failure> {
        let server_name = config::parsed(&self.server_name)?.clone();
        let Connection { stream: tcp, note } = self.address.connect(budget, timeout).await?;
        let verifier = Arc::new(CapturingVerifier::default());
        let config = self.config(&verifier)?;
        let step = format!("TLS handshake with {self}");
        let handshake = TlsConnector::from(Arc::new(config)).connect(server_name, tcp);
        let outcome = budget.within(&step, handshake).await?;
        let chain = verifier.take();
        match outcome {
            Ok(mut stream) => {
                // The chain is here. A server that does not wait for the shutdown does no harm.
                let shutdown = poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx));
                let _ = budget.within(&step, shutdown).await;
            }
            // The server may require a client certificate, but it has sent its own.
            Err(_) if !chain.is_empty() => {}
            Err(error) => return Err(Failure::new(format!("{step}: {error}"))),
        }
        Ok((chain, note))
    }

    /// A new configuration for each run, because a resumed session would show an old certificate.
    fn config(&self, verifier: &Arc<CapturingVerifier>) -> Result<ClientConfig, Failure> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(verifier) as _)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// With P-521 as the last of the curves: over TLS 1.2, a server whose key is on a curve presents it
/// only to clients that name this curve (RFC 8422, section 5.1.1).
fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.kx_groups.push(&P521);
    provider
}

/// Named, and not implemented: servers agree on one of the curves before it.
#[derive(Debug)]
struct P521;

impl SupportedKxGroup for P521 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Err(Error::General("the server agrees on P-521 only".to_owned()))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| format!("server_name {name:?} is neither a DNS name nor an IP address"))
}

/// All that a server may have a key for: a signature that is not verified needs no code for it.
const SCHEMES: [SignatureScheme; 13] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::ECDSA_SHA1_Legacy,
    SignatureScheme::RSA_PKCS1_SHA1,
];

/// Accepts and stores every certificate. This is safe because the run sends nothing over the
/// connection and trusts nothing that it receives.
#[derive(Debug, Default)]
struct CapturingVerifier {
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl CapturingVerifier {
    fn take(&self) -> Vec<CertificateDer<'static>> {
        std::mem::take(&mut *self.chain.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerCertVerifier for CapturingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut chain = vec![end_entity.clone().into_owned()];
        chain.extend(
            intermediates
                .iter()
                .map(|certificate| certificate.clone().into_owned()),
        );
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}
