//! The URL of a request, and the part of it that may be shown.

use std::fmt;

use http::Uri;

#[derive(Clone)]
pub(super) struct Target {
    pub(super) uri: Uri,
    /// Without the query, which may contain keys and tokens.
    shown: String,
}

impl Target {
    /// The error is the fault of the `url` setting.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let fault = |fault: &str| format!("url {fault}");
        let uri: Uri = url
            .parse()
            .map_err(|error| fault(&format!("is not a URL: {error}")))?;
        let scheme = match uri.scheme_str() {
            Some(scheme @ ("http" | "https")) => scheme,
            Some(_) => return Err(fault("must begin with http:// or https://")),
            None => {
                return Err(fault(
                    "has no scheme: it must begin with http:// or https://",
                ));
            }
        };
        let (Some(host), Some(authority)) = (uri.host(), uri.authority()) else {
            return Err(fault("has no host"));
        };
        if host.is_empty() {
            return Err(fault("has no host"));
        }
        if authority.as_str().contains('@') {
            return Err(fault(
                "has a user, which the client would not send: use `header(\"authorization\", …)`",
            ));
        }
        let port = authority.as_str().strip_prefix(host);
        if port.is_some_and(|port| !port.is_empty()) && !matches!(uri.port_u16(), Some(1..)) {
            return Err(fault("has a port on which no server listens"));
        }
        let shown = format!("{scheme}://{authority}{}", uri.path());
        Ok(Self { uri, shown })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
