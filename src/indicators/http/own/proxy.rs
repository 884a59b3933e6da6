//! An HTTP proxy between the client and the target.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longer than the head of any sane answer to CONNECT.
const HEAD: usize = 16 * 1024;

/// Where the proxy is, and what it wants to know. Shown without its credentials.
#[derive(Clone)]
pub(in super::super) struct Proxy {
    pub(super) uri: Uri,
    /// `Basic …`, if the URL has a user.
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxy {
    /// The error is the fault of the `proxy` setting, and names no credential.
    pub(in super::super) fn parse(url: &str) -> Result<Self, String> {
        let fault = |fault: &str| Err(format!("proxy {fault}"));
        let Ok(uri) = url.parse::<Uri>() else {
            return fault("is not a URL");
        };
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return fault("must begin with http://");
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return fault("has a path, which a proxy has no use for");
        }
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        if authority.host().is_empty() {
            return fault("has no host");
        }
        if !matches!(authority.port_u16(), None | Some(1..)) {
            return fault("has a port on which no server listens");
        }
        let Ok(uri) = format!("http://{host}/").parse() else {
            return fault("is not a URL");
        };
        Ok(Self {
            uri,
            authorization: user.map(basic),
        })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uri.authority() {
            Some(authority) => write!(f, "http://{authority}"),
            None => Ok(()),
        }
    }
}

/// Asks the proxy at the other end of `stream` for a connection to `target`, which is `host:port`
/// (RFC 9110, section 9.3.6).
pub(super) async fn tunnel(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    target: &str,
) -> Result<(), TunnelError> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let broken = |error: std::io::Error| TunnelError(error.to_string());
    stream.write_all(&request).await.map_err(broken)?;

    let mut head = Vec::new();
    // One byte at a time: what follows the head belongs to the target. It is some hundred bytes,
    // once for each connection.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD {
            return Err(TunnelError("it sends no end of its answer".to_owned()));
        }
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(TunnelError("it closed the connection".to_owned()));
            }
            Err(error) => return Err(broken(error)),
        }
    }
    verdict(&head, target)
}

fn verdict(head: &[u8], target: &str) -> Result<(), TunnelError> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let Some(status) = line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split_once(' '))
        .map(|(_, status)| status)
    else {
        return Err(TunnelError("it does not answer in HTTP".to_owned()));
    };
    // The reason is the proxy's own text.
    let status: String = status.chars().take(80).collect();
    match status.as_bytes() {
        [b'2', _, _, ..] => Ok(()),
        // Tinyproxy answers 401 to credentials that are wrong.
        [b'4', b'0', b'1' | b'7', ..] => Err(TunnelError(format!(
            "it answered {status}, so it wants other credentials"
        ))),
        _ => Err(TunnelError(format!(
            "it answered {status}, so there is no way to {target}"
        ))),
    }
}

/// Why there is no tunnel. The step before it names the proxy.
#[derive(Debug)]
pub(in super::super) struct TunnelError(String);

impl fmt::Display for TunnelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for TunnelError {}

/// The credentials of RFC 7617, from the user part of a URL.
fn basic(user: &str) -> HeaderValue {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut plain: Vec<u8> = percent_decode_str(name).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let value = format!("Basic {}", base64(&plain));
    // Base64 has no character that a header could not have.
    let mut value = HeaderValue::from_maybe_shared(Bytes::from(value))
        .unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// RFC 4648, section 4. A dependency would be larger.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit > chunk.len() {
                text.push('=');
            } else {
                let index = (bits >> (18 - 6 * digit)) & 63;
                text.push(char::from(DIGITS[index as usize]));
            }
        }
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests end where they go wrong")]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let cases = [
            "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
        ];
        for (length, wanted) in cases.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), wanted);
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxy = Proxy::parse("http://us%40er:p%3Aw@proxy.internal:3128").unwrap();
        // us@er:p:w
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic dXNAZXI6cDp3");
        assert_eq!(proxy.to_string(), "http://proxy.internal:3128");
        assert_eq!(proxy.uri.host(), Some("proxy.internal"));
    }
}
