//! What the health tells by itself: the fields of its log lines, slow runs, spans, and webhooks.

mod changes;
mod slow;
mod spans;
