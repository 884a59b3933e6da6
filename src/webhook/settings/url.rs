//! The URL of a webhook, whose path and query are secrets.

use http::Uri;

/// Returns the scheme, the host and the port.
pub(super) fn shown(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}")
}

/// Reads the URL. The error quotes none of it, since a part that is misplaced may be a secret.
pub(super) fn parse(url: &str) -> Result<Uri, String> {
    let uri: Uri = url
        .parse()
        .map_err(|error| format!("url is not a URL: {error}"))?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(_) => return Err("url must begin with http:// or https://".to_owned()),
        None => {
            return Err("url has no scheme: it must begin with http:// or https://".to_owned());
        }
    }
    let Some(authority) = uri
        .authority()
        .filter(|authority| !authority.host().is_empty())
    else {
        return Err("url has no host".to_owned());
    };
    if authority.as_str().contains('@') {
        let fault = "url has a user, which would not be sent: use `header(\"authorization\", …)`";
        return Err(fault.to_owned());
    }
    let port = authority.as_str().strip_prefix(authority.host());
    if port.is_some_and(|port| !port.is_empty()) && !matches!(authority.port_u16(), Some(1..)) {
        return Err("url has a port on which no server listens".to_owned());
    }
    Ok(uri)
}
