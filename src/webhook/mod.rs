//! Posts changes of health to a URL: to a chat, a pager or an alert manager.
//!
//! A [`Webhook`] is built, started, and then ends with its [`Health`](crate::Health). It reads
//! transitions as every subscriber does: no check, no probe and no request ever waits for it. The
//! [guide to events](crate::guides::events) has templates for several receivers.
//!
//! - **Throttle.** A check or probe that flaps is posted at once and then at most once a minute, in
//!   a message that says how often it changed.
//! - **Retries.** A receiver that is down or overloaded gets the message later; while it is down,
//!   further changes join the message that waits.
//! - **Order.** Messages about one check or probe arrive in the order of its changes.
//! - **Nothing is lost in silence.** What is summed up or dropped is counted by
//!   [`WebhookStats`], logged, and told in the next message.
//! - **At least once.** If an answer is lost, the message is sent again, with the same
//!   [`id`](Notification::id) and `Idempotency-Key`.

mod body;
mod censor;
mod client;
mod handle;
mod instance;
mod notification;
mod outbox;
mod retry;
mod settings;
mod task;

pub use self::body::{json, slack};
pub use self::handle::{WebhookHandle, WebhookStats};
pub use self::notification::Notification;
pub use self::settings::{Webhook, WebhookError};
