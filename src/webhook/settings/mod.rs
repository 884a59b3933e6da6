//! The builder of a webhook.

mod error;
mod start;
mod url;

use std::fmt;
use std::time::Duration;

use http::Uri;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use rustls::ClientConfig;

pub use self::error::WebhookError;
use super::Notification;
use super::task::{Choice, Template};
use crate::{Probe, Status, Transition};

/// Posts each change of a [`Health`](crate::Health) to a URL.
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
    instance: Option<String>,
}

impl Webhook {
    /// Creates a webhook that posts to this URL, which begins with `http://` or `https://`.
    ///
    /// The path and the query count as secrets, since they often contain a token. Neither `Debug`
    /// nor a log line shows them.
    pub fn new(url: &str) -> Self {
        Self {
            url: url::parse(url),
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
            instance: None,
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
    /// [flush](super::WebhookHandle::flush). Default: 5 s.
    pub fn flush_timeout(mut self, time: Duration) -> Self {
        self.flush_timeout = time;
        self
    }

    /// Sets the [name of this instance](super::Notification::instance), which no other one has.
    ///
    /// Default: the name of the host, which is that of the pod in Kubernetes, or an identity of this
    /// process where the host tells none. Set it if a host has several instances of the service.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }
}

/// Shows no path, no query and no value of a header.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match &self.url {
            Ok(uri) => url::shown(uri),
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
