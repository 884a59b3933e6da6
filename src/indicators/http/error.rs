//! Descriptions of the errors of HTTP clients.

use std::error::Error;
use std::io;
use std::iter;
use std::time::{Duration, UNIX_EPOCH};

use humantime::format_rfc3339_seconds;
use hyper_util::client::legacy;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

use super::own::TunnelError;

/// Describes the cause, without the client layers above it.
pub(super) fn describe(error: &(dyn Error + 'static)) -> String {
    if let Some(text) = causes(error).find_map(|cause| tls(cause.downcast_ref()?)) {
        return text;
    }
    if let Some(error) = causes(error).find_map(|cause| cause.downcast_ref::<TunnelError>()) {
        return error.to_string();
    }
    let mut text = String::new();
    for cause in causes(error) {
        // These layers of hyper-util only name the step, which the failure names too.
        let is_layer = cause.is::<legacy::Error>()
            || ["tcp connect error", "dns error"].contains(&cause.to_string().as_str());
        let cause = match cause.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::TimedOut => "no answer".to_owned(),
            _ if is_layer => continue,
            _ => cause.to_string(),
        };
        if !text.ends_with(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    match text.is_empty() {
        true => error.to_string(),
        false => text,
    }
}

/// Whether the server closed the connection instead of responding.
///
/// This happens when the server closes an idle pooled connection just as the client reuses it. RFC
/// 9112, section 9.3.1, then allows a client to repeat a GET or HEAD.
pub(super) fn is_closed_unanswered(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        let incomplete = cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_incomplete_message() || error.is_canceled());
        let broken = cause.downcast_ref::<io::Error>().is_some_and(|error| {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
            [BrokenPipe, ConnectionAborted, ConnectionReset].contains(&error.kind())
        });
        incomplete || broken
    })
}

/// An error and its sources. An I/O error that wraps another one shows the inner text and skips the
/// inner error in its sources, so this adds it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let next = |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    };
    // Bounded, because an error could be its own source.
    iter::successors(Some(error), next).take(32)
}

fn tls(error: &rustls::Error) -> Option<String> {
    let certificate = match error {
        rustls::Error::InvalidCertificate(error) => error,
        rustls::Error::InvalidMessage(_) => {
            return Some(format!(
                "the response is not TLS; the port may serve plain HTTP ({error})"
            ));
        }
        _ => return None,
    };
    Some(match certificate {
        CertificateError::Expired => "the server's certificate has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the server's certificate expired at {}", date(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            let from = date(*not_before);
            format!("the server's certificate is not valid before {from}")
        }
        CertificateError::UnknownIssuer => {
            "the server's certificate is from an issuer that this client does not trust".to_owned()
        }
        CertificateError::BadSignature => {
            "the server's certificate is not signed by the authority that it names".to_owned()
        }
        other => format!("the server's certificate is refused: {other}"),
    })
}

fn date(time: UnixTime) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs())) {
        Some(time) => format_rfc3339_seconds(time).to_string(),
        None => "a date beyond all calendars".to_owned(),
    }
}
