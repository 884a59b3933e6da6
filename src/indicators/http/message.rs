//! The texts of a failed run.

use std::fmt;
use std::ops::RangeInclusive;

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::Endpoint;

/// The step that a run is at. The client reports it when this is formatted, at the end of the wait.
pub(super) struct CurrentStep<'a> {
    pub(super) method: &'a Method,
    pub(super) endpoint: &'a Endpoint,
}

impl fmt::Display for CurrentStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, endpoint } = self;
        write!(f, "{method} {}", endpoint.target)?;
        match endpoint.client.step() {
            "" => Ok(()),
            step => write!(f, ": {step}"),
        }
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
