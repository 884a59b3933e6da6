//! The settings of an HTTP check, and what can be wrong with them.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::own::Proxy;
use super::{Client, Endpoint, HttpIndicator, Judge};
use crate::indicators::shared::config;
use crate::{CheckResult, Failure, Observation};

impl HttpIndicator {
    /// Sends HEAD instead of GET.
    ///
    /// `start()` reports it together with a [`body`](Self::body) or [`judge`](Self::judge) function or
    /// a preset, because the answer to HEAD has no body.
    pub fn head(mut self) -> Self {
        self.method = Method::HEAD;
        self
    }

    /// Sets the statuses that pass. Default: 200 to 299.
    ///
    /// There must be at least one, and all from 200 to 599: clients never return others. `start()`
    /// reports them together with [`judge`](Self::judge), or with a preset that judges the status.
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        self.statuses = Some(statuses.into_iter().collect());
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
    /// It may also return an [`Observation`], to warn or to add readings. A run that is repeated on
    /// another connection calls it again. It excludes [`head`](Self::head), because the answer to
    /// HEAD has no body.
    pub fn body<T: Into<Observation>, E: Into<Failure>>(
        mut self,
        predicate: impl Fn(&[u8]) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        self.predicate = Some(Box::new(move |body| {
            predicate(body).map(Into::into).map_err(Into::into)
        }));
        self
    }

    /// Lets this function judge the status and the body, instead of [`statuses`](Self::statuses) and
    /// [`body`](Self::body).
    ///
    /// For a server whose status codes say more than well or not. What the function returns is
    /// completed with the method, the URL and the status. `start()` reports an indicator that has
    /// `statuses` or a `body` function too, or sends [HEAD](Self::head).
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_health::indicators::HttpIndicator;
    /// use tower_health::{Failure, Observation};
    ///
    /// let search = HttpIndicator::new("search", "http://search.internal/status").judge(
    ///     |status, body| match status {
    ///         StatusCode::OK if body == b"degraded" => Ok(Observation::warn("it is degraded")),
    ///         StatusCode::OK => Ok(Observation::pass()),
    ///         StatusCode::TOO_MANY_REQUESTS => Ok(Observation::warn("it wants fewer requests")),
    ///         _ => Err(Failure::new("it is down")),
    ///     },
    /// );
    /// ```
    pub fn judge<T: Into<Observation>, E: Into<Failure>>(
        mut self,
        judge: impl Fn(StatusCode, &[u8]) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        let function = move |status, body: &[u8]| -> CheckResult {
            judge(status, body).map(Into::into).map_err(Into::into)
        };
        self.judge = Some(Judge {
            function: Box::new(function),
            is_part_enough: false,
        });
        self
    }

    /// Shows no path of the URL, in no text and not by `Debug`: the URLs of webhooks, such as those
    /// of Slack and Telegram, contain a token in their path.
    pub fn hide_path(mut self) -> Self {
        if let Ok(endpoint) = &mut self.endpoint {
            endpoint.target.hide_path();
        }
        self
    }

    /// Sends the requests by way of this proxy: `http://proxy.internal:3128`, or with credentials
    /// `http://user:password@proxy.internal:3128`.
    ///
    /// An `https` URL needs a proxy that allows CONNECT to its port; an `http` URL is requested from
    /// the proxy itself. Credentials are sent as `Basic`, percent-decoded, and never shown. Failures
    /// name the proxy where it is at fault, or may be.
    ///
    /// Environment variables such as `HTTPS_PROXY` and `NO_PROXY` are not read: a check that follows
    /// them may take another way than the application does. Pass their value, if that is the way of
    /// the application.
    ///
    /// `start()` reports a URL that does not begin with `http://`, or that has no host, an impossible
    /// port or a path. It also reports a proxy together with
    /// [`with_client`](Self::with_client): set the proxy of that client.
    pub fn proxy(mut self, url: &str) -> Self {
        match (Proxy::parse(url), &mut self.endpoint) {
            (Ok(proxy), Ok(endpoint)) => match &mut endpoint.client {
                Client::Own(client) => client.settings.proxy = Some(proxy),
                Client::Foreign(_) => self.faults.push(
                    "proxy has no effect: the client of the application has its own".to_owned(),
                ),
            },
            (Ok(_), Err(_)) => {}
            (Err(fault), _) => self.faults.push(fault),
        }
        self
    }

    /// Sets how long a connection is kept. Default: 60 s. A client of the application decides itself.
    ///
    /// Each connection is replaced at an age between three and five quarters of it, so that instances
    /// that were deployed together reconnect apart. Zero opens a new connection for each run.
    pub fn reconnect_after(mut self, age: Duration) -> Self {
        if let Ok(Endpoint {
            client: Client::Own(client),
            ..
        }) = &mut self.endpoint
        {
            client.settings.reconnect_after = age;
        }
        self
    }

    /// Sets how many bytes of a body are read. Default: 64 KiB.
    ///
    /// With a `body` or `judge` function, a longer body is a failure. Without one it passes; the rest
    /// stays unread, and over HTTP/1.1 the next run needs a new connection.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets how long a run may take, from the lookup to the end of the body. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        if let Ok(Endpoint {
            client: Client::Own(client),
            ..
        }) = &mut self.endpoint
        {
            client.settings.timeout = timeout;
        }
        self
    }

    pub(super) fn passing(&self) -> &[RangeInclusive<u16>] {
        const DEFAULT: [RangeInclusive<u16>; 1] = [200..=299];
        self.statuses.as_deref().unwrap_or(&DEFAULT)
    }

    pub(super) fn proxy_shown(&self) -> Option<String> {
        match &self.endpoint.as_ref().ok()?.client {
            Client::Own(client) => client.settings.proxy.as_ref().map(ToString::to_string),
            Client::Foreign(_) => None,
        }
    }

    pub(super) fn fault(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref().err().cloned();
        let headers = self.header_faults.iter().chain(&self.faults);
        let headers = headers.cloned().map(Some);
        let has_judge = self.judge.is_some();
        let is_head = self.method == Method::HEAD;
        let combinations = [
            (
                is_head && self.predicate.is_some(),
                "body has nothing to check: the answer to a HEAD request has no body",
            ),
            (
                is_head && has_judge,
                "judge has no body to judge: the answer to a HEAD request has none",
            ),
            (
                has_judge && self.predicate.is_some(),
                "body is not called: judge gets the body too",
            ),
            (
                has_judge && self.statuses.is_some(),
                "statuses is not used: judge, or the preset, gets the status too",
            ),
        ];
        let combinations = combinations.into_iter();
        let combinations = combinations.map(|(is, fault)| is.then(|| fault.to_owned()));
        config::join(
            [endpoint, self.statuses_fault()]
                .into_iter()
                .chain(combinations)
                .chain(headers),
        )
    }

    fn statuses_fault(&self) -> Option<String> {
        let is_possible =
            |range: &RangeInclusive<u16>| *range.start() >= 200 && *range.end() <= 599;
        let statuses = self.passing();
        if statuses.iter().all(RangeInclusive::is_empty) {
            Some("statuses has no status that could pass".to_owned())
        } else if !statuses.iter().all(is_possible) {
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
