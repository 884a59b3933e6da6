//! A client of HTTPS that asks a probe.

use std::fs;
use std::path::Path;
use std::time::Duration;

use humantime::format_duration;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::reach::Reach;
use crate::Error;
use crate::cli::{Verification, Watch};

pub(super) struct Client {
    agent: Agent,
    url: String,
    timeout: Duration,
}

impl Client {
    /// # Errors
    ///
    /// Returns an error if there is no certificate to trust.
    pub(super) fn new(watch: &Watch) -> Result<Self, Error> {
        let tls = TlsConfig::builder();
        let tls = match &watch.verification {
            Verification::System if !watch.url.starts_with("https:") => tls,
            Verification::System => tls.root_certs(roots(&of_system()?)),
            Verification::File(file) => tls.root_certs(roots(&of_file(file)?)),
            Verification::None => {
                eprintln!("service: --dev-insecure takes any certificate, also of an attacker");
                tls.disable_verification(true)
            }
        };
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(watch.timeout))
            // An answer is an answer: a 503 is no error, and a redirect is not what was asked.
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Each time a connection of its own: whether one can be made is the question.
            .max_idle_connections(0)
            .user_agent(concat!(
                env!("CARGO_BIN_NAME"),
                "-watch/",
                env!("CARGO_PKG_VERSION")
            ))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            url: watch.url.clone(),
            timeout: watch.timeout,
        })
    }

    /// Returns what it got, and why.
    pub(super) fn ask(&self) -> (Reach, String) {
        match self.agent.get(&self.url).call() {
            Ok(answer) => {
                let status = answer.status();
                let reach = if status.is_success() {
                    Reach::Ready
                } else {
                    Reach::NotReady
                };
                (reach, format!("status {}", status.as_u16()))
            }
            Err(error) => (Reach::Unreachable, self.reason(&error)),
        }
    }

    fn reason(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => {
                format!("no answer within {}", format_duration(self.timeout))
            }
            // An error may quote the URL.
            error => tower_health::redact_credentials(&error.to_string()),
        }
    }
}

fn roots(certificates: &[Certificate<'static>]) -> RootCerts {
    RootCerts::new_with_certs(certificates)
}

fn of_system() -> Result<Vec<Certificate<'static>>, Error> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})"));
        let why = why.unwrap_or_default();
        return Err(format!(
            "this system trusts no authority{why}: install ca-certificates, or use \
            --root-certificate"
        )
        .into());
    }
    let certificates = found.certs.iter();
    Ok(certificates
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect())
}

fn of_file(file: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let wrong = |why: &str| format!("--root-certificate {}: {why}", file.display());
    let text = fs::read(file).map_err(|error| wrong(&error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        // A key beside it is of no use here.
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| wrong(&error.to_string()))?
        {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in PEM").into());
    }
    Ok(certificates)
}
