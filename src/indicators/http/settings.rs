//! The settings of an HTTP check, and what can be wrong with them.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use super::HttpIndicator;
use crate::Failure;
use crate::indicators::shared::config;

impl HttpIndicator {
    /// Sends HEAD instead of GET.
    ///
    /// It excludes a [`body`](Self::body) predicate, because the answer to HEAD has no body.
    pub fn head(mut self) -> Self {
        self.method = Method::HEAD;
        self
    }

    /// Sets the statuses that pass. Default: 200 to 299.
    ///
    /// There must be at least one, and all from 200 to 599: clients never return others.
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// Sends this header with each request. It replaces a header of the same name.
    ///
    /// Its value is treated as a secret: neither failures nor `Debug` show it. `start()` reports a
    /// name or value that HTTP does not allow.
    pub fn header<K, V>(mut self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match header(name, value) {
            Ok((name, value)) => drop(self.headers.insert(name, value)),
            Err(fault) => self.header_faults.push(fault),
        }
        self
    }

    /// Passes only if this function accepts the body. Its error becomes part of the failure.
    ///
    /// It excludes [`head`](Self::head), because the answer to HEAD has no body.
    pub fn body<E: Into<Failure>>(
        mut self,
        predicate: impl Fn(&[u8]) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        self.predicate = Some(Box::new(move |body| predicate(body).map_err(Into::into)));
        self
    }

    /// Sets how many bytes of a body are read. Default: 64 KiB.
    ///
    /// With a predicate, a longer body is a failure. Without one it passes; the rest stays unread,
    /// and over HTTP/1.1 the next run needs a new connection.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets how long a run may take, from the lookup to the end of the body. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        if let Ok(endpoint) = &mut self.endpoint {
            endpoint.client.set_timeout(timeout);
        }
        self
    }

    pub(super) fn fault(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref().err().cloned();
        let headers = self.header_faults.iter().cloned().map(Some);
        let body = (self.method == Method::HEAD && self.predicate.is_some()).then(|| {
            "body has nothing to check: the answer to a HEAD request has no body".to_owned()
        });
        config::join(
            [endpoint, self.statuses_fault(), body]
                .into_iter()
                .chain(headers),
        )
    }

    fn statuses_fault(&self) -> Option<String> {
        let is_possible =
            |range: &RangeInclusive<u16>| *range.start() >= 200 && *range.end() <= 599;
        if self.statuses.iter().all(RangeInclusive::is_empty) {
            Some("statuses has no status that could pass".to_owned())
        } else if !self.statuses.iter().all(is_possible) {
            Some("statuses has a status that is not between 200 and 599".to_owned())
        } else {
            None
        }
    }
}

fn header<K, V>(name: K, value: V) -> Result<(HeaderName, HeaderValue), String>
where
    K: TryInto<HeaderName>,
    V: TryInto<HeaderValue>,
{
    let name = name
        .try_into()
        .map_err(|_| "header has a name that HTTP does not allow")?;
    let mut value = value
        .try_into()
        .map_err(|_| format!("header {name} has a value that HTTP does not allow"))?;
    value.set_sensitive(true);
    Ok((name, value))
}
