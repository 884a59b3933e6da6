//! The builder of a webhook.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use rustls::ClientConfig;
use tokio::runtime::Handle;

use super::client::{Client, tls_config};
use super::handle::WebhookHandle;
use super::outbox::Rules;
use super::task::{self, Choice};
use super::{Notification, task::Template};
use crate::{Health, Probe, Status, Transition};

/// The longest duration of a setting.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The most messages that can wait.
const MOST_QUEUED: usize = 65_536;

/// Posts each change of a [`Health`] to a URL.
///
/// By default it posts every check and every probe whose status becomes [`Status::Warn`] or worse,
/// and its recovery, as [JSON](super::json). A check that was well from the start is not posted.
///
/// ```no_run
/// use tower_health::webhook::{self, Webhook};
/// use tower_health::{Health, Probe, Status};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().start()?;
/// let url = std::env::var("SLACK_WEBHOOK_URL")?;
/// let alerts = Webhook::new(&url)
///     .template(webhook::slack)
///     .probe(Probe::Readiness)
///     .min_status(Status::Fail)
///     .start(&health)?;
///
/// // … serve, and after the shutdown of the server:
/// alerts.flush().await;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is posted until `start` is called"]
pub struct Webhook {
    url: Result<Uri, String>,
    headers: HeaderMap,
    faults: Vec<String>,
    tls: Option<ClientConfig>,
    template: Option<Template>,
    choice: Choice,
    min_status: Status,
    recoveries: bool,
    throttle: Duration,
    timeout: Duration,
    backoff: (Duration, Duration),
    retry_for: Duration,
    queue: usize,
    flush_timeout: Duration,
}

impl Webhook {
    /// Creates a webhook that posts to this URL, which begins with `http://` or `https://`.
    ///
    /// The path and the query count as secrets, since they often contain a token. Neither `Debug`
    /// nor a log line shows them.
    pub fn new(url: &str) -> Self {
        Self {
            url: parse(url),
            headers: HeaderMap::new(),
            faults: Vec::new(),
            tls: None,
            template: None,
            choice: Choice::default(),
            min_status: Status::Warn,
            recoveries: true,
            throttle: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            backoff: (Duration::from_secs(1), Duration::from_secs(60)),
            retry_for: Duration::from_secs(60 * 60),
            queue: 256,
            flush_timeout: Duration::from_secs(5),
        }
    }

    /// Adds a header to each request, such as `authorization`. Its value counts as a secret.
    pub fn header<K, V>(mut self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let Ok(name) = name.try_into() else {
            self.faults
                .push("a header has a name that HTTP does not allow".to_owned());
            return self;
        };
        if [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING].contains(&name) {
            self.faults
                .push(format!("header {name} is set by the client"));
            return self;
        }
        match value.try_into() {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.append(name, value);
            }
            Err(_) => self.faults.push(format!(
                "header {name} has a value that HTTP does not allow"
            )),
        }
        self
    }

    /// Sets how TLS is spoken with an `https` URL. Default: the root certificates of the system, and
    /// no certificate of the client.
    pub fn tls(mut self, config: ClientConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Sets the function that writes the body of each message. Default: [`json`](super::json).
    ///
    /// [`slack`](super::slack) is another one. The content type is `application/json`, unless
    /// [`header`](Self::header) sets `content-type`. If the function panics, the default is posted
    /// instead.
    ///
    /// The function is called again for each attempt, in a task of the webhook, and must not block.
    pub fn template(
        mut self,
        template: impl Fn(&Notification) -> String + Send + Sync + 'static,
    ) -> Self {
        self.template = Some(Box::new(template));
        self
    }

    /// Posts the changes of this probe as a whole.
    ///
    /// Once a probe or a [check](Self::check) is chosen, no other is posted. Default: all are.
    pub fn probe(mut self, probe: Probe) -> Self {
        self.choice.probes.push(probe);
        self
    }

    /// Posts the changes of the checks of this name.
    ///
    /// Once a [probe](Self::probe) or a check is chosen, no other is posted. Default: all are.
    pub fn check(mut self, name: impl Into<String>) -> Self {
        self.choice.checks.push(name.into());
        self
    }

    /// Posts only changes for which a function returns `true`, besides what the other methods
    /// choose. Default: all of them.
    ///
    /// It is called for recoveries, too. If it panics, the change is posted.
    pub fn filter(mut self, filter: impl Fn(&Transition) -> bool + Send + Sync + 'static) -> Self {
        self.choice.filter = Some(Box::new(filter));
        self
    }

    /// Sets the least status that is posted: [`Status::Warn`] or [`Status::Fail`]. Default:
    /// [`Status::Warn`].
    ///
    /// A status that is better is a recovery, and posted after one that was not.
    /// [`Status::Pass`] posts every change, and no change is a recovery then.
    pub fn min_status(mut self, status: Status) -> Self {
        self.min_status = status;
        self
    }

    /// Posts no recoveries, for a receiver that only counts. Default: they are posted.
    pub fn without_recoveries(mut self) -> Self {
        self.recoveries = false;
        self
    }

    /// Posts that a probe fails because the process drains. Default: it does not, since each
    /// deployment drains.
    pub fn post_drains(mut self) -> Self {
        self.choice.drains = true;
        self
    }

    /// Sets the least time between two messages about the same check or probe. Default: 1 min; 0 posts
    /// each change by itself.
    ///
    /// The first change is posted at once. What changes within the time after it is summed up in one
    /// message at its end. While the health drains, nothing is held back.
    pub fn throttle(mut self, throttle: Duration) -> Self {
        self.throttle = throttle;
        self
    }

    /// Sets how long an attempt may take, from the lookup of the host to the answer. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the time between two attempts: the first one, which doubles with each failure, and the
    /// longest. Default: 1 s and 1 min.
    ///
    /// Each is shortened at random, by up to a half. A longer `Retry-After` of the receiver is kept,
    /// up to an hour.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = (first, longest);
        self
    }

    /// Sets how long attempts to deliver a message are repeated. Default: 1 h.
    ///
    /// A message that was not delivered by then is dropped and counted. If a further change joins
    /// it, the time begins again.
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.retry_for = time;
        self
    }

    /// Sets how many messages can wait. Default: 256; at most 65,536.
    ///
    /// Beyond it, a change is summed up with a message of the same check or probe that waits. If
    /// there is none, the oldest message is dropped and counted.
    pub fn queue(mut self, messages: usize) -> Self {
        self.queue = messages;
        self
    }

    /// Sets how long the webhook tries to deliver what waits when the health ends, and in a
    /// [flush](WebhookHandle::flush). Default: 5 s.
    pub fn flush_timeout(mut self, time: Duration) -> Self {
        self.flush_timeout = time;
        self
    }

    /// Starts the webhook on the current tokio runtime, whose timer and I/O must be enabled.
    ///
    /// It posts what changes from now on, and what is in trouble already. It does not keep the health
    /// alive, and ends with it.
    ///
    /// # Errors
    ///
    /// Returns an error that names each setting that cannot work, if the root certificates of the
    /// system cannot be read, and outside a tokio runtime.
    pub fn start(mut self, health: &Health) -> Result<WebhookHandle, WebhookError> {
        let mut faults = self.faults();
        let runtime = Handle::try_current().ok();
        if runtime.is_none() {
            faults.push("`start` was called outside a tokio runtime".to_owned());
        }
        let (Some(runtime), Ok(uri), true) = (runtime, self.url, faults.is_empty()) else {
            return Err(WebhookError(faults));
        };
        let tls = match self.tls.map_or_else(|| tls_config(&uri), Ok) {
            Ok(mut tls) => {
                // hyper-rustls sets the protocols, and panics if they are set already.
                tls.alpn_protocols.clear();
                tls
            }
            Err(error) => {
                let fault = format!("the root certificates of the system cannot be read: {error}");
                return Err(WebhookError(vec![fault]));
            }
        };
        let has_content_type = self.headers.contains_key(CONTENT_TYPE);
        if !has_content_type {
            let json = HeaderValue::from_static("application/json");
            self.headers.insert(CONTENT_TYPE, json);
        }
        let settings = task::Settings {
            shown: shown(&uri),
            client: Arc::new(Client::new(uri, self.headers, tls, self.timeout)),
            template: self.template,
            choice: self.choice,
            rules: Rules {
                min_status: self.min_status,
                recoveries: self.recoveries,
                throttle: self.throttle,
                capacity: self.queue,
            },
            backoff: self.backoff,
            retry_for: self.retry_for,
            flush_timeout: self.flush_timeout,
        };
        Ok(task::spawn(&runtime, settings, health))
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.clone();
        faults.extend(self.url.as_ref().err().cloned());
        // A throttle of zero is none.
        let durations = [
            ("throttle", self.throttle, true),
            ("timeout", self.timeout, false),
            ("backoff", self.backoff.0, false),
            ("backoff", self.backoff.1, false),
            ("retry_for", self.retry_for, false),
            ("flush_timeout", self.flush_timeout, true),
        ];
        for (option, duration, may_be_zero) in durations {
            if duration > LONGEST {
                faults.push(format!("{option} is longer than a year"));
            } else if duration.is_zero() && !may_be_zero {
                faults.push(format!("{option} is zero"));
            }
        }
        if self.backoff.0 > self.backoff.1 {
            faults.push("backoff begins with more than its longest time".to_owned());
        }
        if !(1..=MOST_QUEUED).contains(&self.queue) {
            faults.push(format!(
                "queue is {}, but must be from 1 to {MOST_QUEUED}",
                self.queue
            ));
        }
        faults
    }
}

/// Shows no path, no query and no value of a header.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match &self.url {
            Ok(uri) => shown(uri),
            Err(fault) => fault.clone(),
        };
        let headers: Vec<_> = self.headers.keys().collect();
        f.debug_struct("Webhook")
            .field("url", &url)
            .field("headers", &headers)
            .field("min_status", &self.min_status)
            .field("throttle", &self.throttle)
            .finish_non_exhaustive()
    }
}

/// Tells which settings of a [`Webhook`] cannot work, without any secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookError(Vec<String>);

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the webhook cannot work: {}", self.0.join("; "))
    }
}

impl Error for WebhookError {}

/// Returns the scheme, the host and the port.
fn shown(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}")
}

/// Reads the URL. The error quotes none of it, since a part that is misplaced may be a secret.
fn parse(url: &str) -> Result<Uri, String> {
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
