//! The URL of a request, and the part of it that may be shown.

use std::fmt;

use http::Uri;

#[derive(Clone)]
pub(super) struct Target {
    pub(super) uri: Uri,
    /// Without the query, which may contain keys and tokens, and perhaps without the path.
    shown: String,
    is_path_hidden: bool,
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
        Ok(Self {
            uri,
            shown,
            is_path_hidden: false,
        })
    }

    pub(super) fn is_path_hidden(&self) -> bool {
        self.is_path_hidden
    }

    /// Shows the scheme, the host and the port only.
    pub(super) fn hide_path(&mut self) {
        let end = self.shown.len() - self.uri.path().len();
        if !self.is_path_hidden && self.uri.path() != "/" {
            self.shown.replace_range(end.., "/…");
        }
        self.is_path_hidden = true;
    }

    /// The URL with this path and query added to its own path.
    pub(super) fn join(&self, path_and_query: &str) -> Result<Self, String> {
        let (Some(scheme), Some(authority)) = (self.uri.scheme(), self.uri.authority()) else {
            return Err("url has no host".to_owned());
        };
        if self.uri.query().is_some() {
            return Err("url has a query, but must be the base of the server's API".to_owned());
        }
        let base = self.uri.path().trim_end_matches('/');
        let mut joined = Self::parse(&format!("{scheme}://{authority}{base}{path_and_query}"))?;
        if self.is_path_hidden {
            joined.hide_path();
        }
        Ok(joined)
    }

    /// A text that a client wrote, without the parts of the URL that are hidden.
    pub(super) fn censor(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some(query) = self.uri.query().filter(|query| !query.is_empty()) {
            text = text.replace(&format!("?{query}"), "");
        }
        match self.uri.path() {
            path if self.is_path_hidden && path.len() > 1 => text.replace(path, "/…"),
            _ => text,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
