//! OpenID Connect providers.

use serde_json::Value;

use super::json;
use crate::indicators::HttpIndicator;
use crate::indicators::http::{Follow, Target};
use crate::{Failure, Observation};

/// Providers with many keys and certificates publish more than the default limit.
const BODY_LIMIT: usize = 1024 * 1024;

impl HttpIndicator {
    /// Checks that an OpenID Connect provider serves its configuration and its keys, which a service
    /// needs to verify tokens. The URL is the issuer: `https://login.example.com/realms/shop`.
    ///
    /// A run sends two requests, and each of them again if it is repeated on a new connection: four at
    /// most, to two hosts. 500 instances send 100 a second to each host, at the default TTL. The
    /// first is for `/.well-known/openid-configuration` (OpenID Connect
    /// Discovery 1.0, section 4), whose `issuer` must be the URL itself (section 4.3). The second
    /// is for its `jwks_uri`, which must return a set with at least one key (RFC 7517, section 5).
    /// That URL may be of another host, so the second request has none of the headers that were set.
    /// [`hide_path`](Self::hide_path) hides its path too, and [`reconnect_after`](Self::reconnect_after)
    /// counts for the older of the two connections.
    ///
    /// The keys of an `http` issuer may be at an `https` URL, for which [`new`](Self::new) reads the
    /// root certificates of the system. The limit of the bodies is at least 1 MiB.
    ///
    /// - **pass**: both answers are as they must be.
    /// - **fail**: everything else, another issuer included: no token of it would be accepted.
    ///
    /// A service that has the keys can verify tokens without the provider. Make the check
    /// [non-critical](crate::Criticality::NonCritical) in such a service, and give it a TTL of a
    /// minute: providers limit the number of requests.
    ///
    /// ```
    /// use tower_health::indicators::HttpIndicator;
    ///
    /// let login = HttpIndicator::new("login", "http://login.internal/realms/shop").openid_provider();
    /// ```
    pub fn openid_provider(self) -> Self {
        let endpoint = self.endpoint.as_ref().ok();
        let issuer = endpoint.map(|endpoint| endpoint.target.uri.to_string());
        let issuer = issuer.unwrap_or_default();
        let mut provider = self.path("/.well-known/openid-configuration");
        provider.follow = Some(Follow {
            target: keys_url,
            judge: keys,
        });
        provider.body_limit = provider.body_limit.max(BODY_LIMIT);
        if let (Ok(endpoint), false) = (&mut provider.endpoint, provider.has_own_tls) {
            endpoint.trust_system_beyond_http();
        }
        provider.body(move |body| configuration(body, &issuer))
    }
}

fn configuration(body: &[u8], issuer: &str) -> Result<Observation, Failure> {
    let configuration = json(body)?;
    let Some(found) = configuration.get("issuer").and_then(Value::as_str) else {
        return Err(Failure::new("it has no issuer"));
    };
    // An issuer without a path has no slash at its end, or has one: the parser of the URL adds it.
    if found.trim_end_matches('/') != issuer.trim_end_matches('/') {
        return Err(Failure::new("it is of another issuer than the URL"));
    }
    Ok(Observation::pass())
}

fn keys_url(body: &[u8]) -> Result<Target, Failure> {
    let configuration = json(body)?;
    let Some(url) = configuration.get("jwks_uri").and_then(Value::as_str) else {
        return Err(Failure::new("it has no jwks_uri"));
    };
    Target::parse(url).map_err(|fault| Failure::new(format!("its jwks_uri is no URL: {fault}")))
}

fn keys(body: &[u8]) -> Result<(), Failure> {
    let set = json(body)?;
    match set.get("keys").and_then(Value::as_array) {
        Some(keys) if !keys.is_empty() => Ok(()),
        Some(_) => Err(Failure::new("there is no key in the set")),
        None => Err(Failure::new("it is no set of keys")),
    }
}
