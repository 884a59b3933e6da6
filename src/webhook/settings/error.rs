//! Why a webhook cannot start.

use std::error::Error;
use std::fmt;

/// Tells which settings of a [`Webhook`](super::Webhook) cannot work, without any secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookError(pub(super) Vec<String>);

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the webhook cannot work: {}", self.0.join("; "))
    }
}

impl Error for WebhookError {}
