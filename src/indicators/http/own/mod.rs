//! The client of an indicator that has none from the application. It keeps one connection between
//! runs, and opens another one when that is old or in doubt.

mod connect;
mod line;
mod progress;
mod proxy;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Uri;
use hyper_rustls::ConfigBuilderExt;
use rustls::crypto::ring;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

pub(super) use self::line::Line;
pub(super) use self::proxy::{Proxy, TunnelError};
use crate::indicators::shared::budget;
use crate::indicators::shared::resolver::Resolver;

/// How long a connection is kept. A DNS failover is followed within it.
const RECONNECT_AFTER: Duration = Duration::from_secs(60);

/// The root certificates of the system for `https`. None for `http`, which must work without them.
pub(super) fn tls_config(uri: &Uri) -> Result<ClientConfig, io::Error> {
    match uri.scheme_str() {
        Some("https") => trusting_system(),
        _ => {
            let config = tls_builder()?.with_root_certificates(RootCertStore::empty());
            Ok(config.with_no_client_auth())
        }
    }
}

fn trusting_system() -> Result<ClientConfig, io::Error> {
    Ok(tls_builder()?.with_native_roots()?.with_no_client_auth())
}

fn tls_builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, io::Error> {
    // Explicit, because rustls panics when it has to choose between two providers.
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)
}

pub(super) struct OwnClient {
    pub(super) settings: Settings,
    resolver: Resolver,
    /// The connection that passed last; `None` before the first pass and after a failure.
    kept: Mutex<Option<Arc<Line>>>,
}

pub(super) struct Settings {
    tls: ClientConfig,
    pub(super) proxy: Option<Proxy>,
    pub(super) timeout: Duration,
    pub(super) reconnect_after: Duration,
}

/// The connection of the last run that passed.
pub(super) enum Kept {
    None,
    Young(Arc<Line>),
    /// Due for a replacement, and good enough to stand in for one that fails.
    Old(Arc<Line>),
}

impl OwnClient {
    pub(super) fn new(mut tls: ClientConfig) -> Self {
        // hyper-rustls sets the protocols, and panics if they are already set.
        tls.alpn_protocols.clear();
        Self {
            settings: Settings {
                tls,
                proxy: None,
                timeout: budget::TIMEOUT,
                reconnect_after: RECONNECT_AFTER,
            },
            resolver: Resolver::default(),
            kept: Mutex::default(),
        }
    }

    /// Trusts the root certificates of the system from now on, if there are any.
    pub(super) fn trust_system(&mut self) {
        if let Ok(tls) = trusting_system() {
            self.settings.tls = tls;
        }
    }

    pub(super) fn kept(&self) -> Kept {
        let mut place = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = place.clone() else {
            return Kept::None;
        };
        let (age, limit) = (line.age(), line.limit());
        if age < limit {
            Kept::Young(line)
        } else if age < limit.saturating_mul(2) {
            Kept::Old(line)
        } else {
            *place = None;
            Kept::None
        }
    }

    /// A line without a connection, which its first request opens.
    pub(super) fn fresh(&self) -> Arc<Line> {
        Arc::new(Line::new(&self.settings, &self.resolver))
    }

    /// Keeps this line for later runs, and closes the connection of any other.
    pub(super) fn keep(&self, line: Option<&Arc<Line>>) {
        let mut place = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *place = line.cloned();
    }
}
