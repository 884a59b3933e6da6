//! The texts of a failed run.

use std::fmt;
use std::ops::RangeInclusive;

use http::header::LOCATION;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::boxed::Sender;
use super::target::Target;

/// The step that a request is at. The client reports it when this is formatted, at the end of the
/// wait.
pub(super) struct CurrentStep<'a> {
    pub(super) method: &'a Method,
    pub(super) target: &'a Target,
    pub(super) sender: &'a dyn Sender,
}

impl fmt::Display for CurrentStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, target, .. } = self;
        write!(f, "{method} {target}")?;
        match self.sender.step().as_str() {
            "" => Ok(()),
            step => write!(f, ": {step}"),
        }
    }
}

/// Which of two servers an answer may be from, if it came by way of a proxy that reads requests.
pub(super) fn culprit(status: StatusCode, target: &Target, sender: &dyn Sender) -> String {
    match sender.proxy() {
        Some(proxy) if target.uri.scheme() == Some(&Scheme::HTTP) => match status.as_u16() {
            // Only a proxy sends it (RFC 9110, section 15.5.8).
            407 => format!(", by the proxy {proxy}, which wants other credentials,"),
            // Servers answer with these as well, and proxies do when they filter or reach nothing.
            401 | 403 | 500..=504 => format!(", by the proxy {proxy} or the server behind it,"),
            _ => String::new(),
        },
        _ => String::new(),
    }
}

pub(super) struct Statuses<'a>(pub(super) &'a [RangeInclusive<u16>]);

impl fmt::Display for Statuses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match (range.start(), range.end()) {
                (start, end) if start == end => write!(f, "{comma}{start}")?,
                (start, end) => write!(f, "{comma}{start}–{end}")?,
            }
        }
        Ok(())
    }
}

/// The target host of a redirect. The rest of its URL may contain tokens.
pub(super) fn redirect(status: StatusCode, headers: &HeaderMap) -> String {
    if !status.is_redirection() {
        return String::new();
    }
    let location = headers.get(LOCATION).map(HeaderValue::as_bytes);
    let host = location
        .and_then(|location| Uri::try_from(location).ok())
        .and_then(|location| location.host().map(ToOwned::to_owned));
    match host {
        Some(host) => format!(", a redirect to {host},"),
        None if location.is_some() => ", a redirect within the same host,".to_owned(),
        None => String::new(),
    }
}
