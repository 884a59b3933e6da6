//! The start of a webhook, and which settings cannot work.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use tokio::runtime::Handle;

use super::url::shown;
use super::{Webhook, WebhookError};
use crate::Health;
use crate::webhook::client::{Client, tls_config};
use crate::webhook::handle::WebhookHandle;
use crate::webhook::instance::instance;
use crate::webhook::outbox::Rules;
use crate::webhook::task;

/// The longest duration of a setting.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The most messages that can wait.
const MOST_QUEUED: usize = 65_536;

impl Webhook {
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
            instance: self.instance.unwrap_or_else(instance),
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
