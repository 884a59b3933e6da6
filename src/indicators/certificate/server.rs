//! The certificates that a server presents.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::AsyncWrite;
use tokio_rustls::TlsConnector;

use super::chain::{Validity, dates};
use crate::Failure;
use crate::indicators::IndicatorError;
use crate::indicators::shared::address::Address;
use crate::indicators::shared::budget::Budget;

#[derive(Debug)]
pub(super) struct Server {
    address: Address,
    server_name: ServerName<'static>,
    provider: Arc<CryptoProvider>,
}

impl Server {
    pub(super) fn new(
        indicator: &str,
        address: &str,
        server_name: &str,
    ) -> Result<Self, IndicatorError> {
        let server_name = ServerName::try_from(server_name.to_owned()).map_err(|_| {
            let fault = "is neither a DNS name nor an IP address";
            IndicatorError::new(indicator, "server_name", fault)
        })?;
        Ok(Self {
            address: Address::parse(indicator, address)?,
            server_name,
            provider: Arc::new(ring::default_provider()),
        })
    }

    pub(super) async fn ask(
        &self,
        budget: &Budget,
        timeout: Duration,
    ) -> Result<Vec<Validity>, Failure> {
        let tcp = self.address.connect(budget, timeout).await?;
        let seen = Arc::new(Seen::new(&self.provider));
        let config = self.config(&seen)?;
        let step = format!("TLS handshake with {self}");
        let handshake = TlsConnector::from(Arc::new(config)).connect(self.server_name.clone(), tcp);
        let outcome = budget.within(&step, handshake).await?;
        let chain = seen.take();
        match outcome {
            Ok(mut stream) => {
                // The answer is here. A server that does not wait for goodbye does no harm.
                let goodbye = poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx));
                let _ = budget.within(&step, goodbye).await;
            }
            // It wants a client certificate, for instance, but it has shown its own.
            Err(_) if !chain.is_empty() => {}
            Err(error) => return Err(Failure::new(format!("{step}: {error}"))),
        }
        dates(&chain).map_err(|fault| Failure::new(format!("{self}: {fault}")))
    }

    /// One for each run: a session that is resumed would show the certificate of the first one.
    fn config(&self, seen: &Arc<Seen>) -> Result<ClientConfig, Failure> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(seen) as _)
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

/// Accepts every certificate and keeps it: nothing is sent over the connection, and nothing that
/// comes over it is believed.
#[derive(Debug)]
struct Seen {
    chain: Mutex<Vec<CertificateDer<'static>>>,
    schemes: Vec<SignatureScheme>,
}

impl Seen {
    fn new(provider: &CryptoProvider) -> Self {
        Self {
            chain: Mutex::default(),
            schemes: provider
                .signature_verification_algorithms
                .supported_schemes(),
        }
    }

    fn take(&self) -> Vec<CertificateDer<'static>> {
        std::mem::take(&mut *self.chain.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerCertVerifier for Seen {
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
        self.schemes.clone()
    }
}
