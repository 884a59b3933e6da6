//! Writes a message: what it tells, in the words of the template.

use bytes::Bytes;

use super::{Worker, log};
use crate::catch::catch_panic;
use crate::webhook::body::json;
use crate::webhook::notification::Notification;
use crate::webhook::outbox::Message;
use crate::{Health, Subject, Transition};

/// What the messages tell of the service. It outlives the health.
pub(super) struct Identity {
    service_id: Option<String>,
    version: Option<String>,
    release_id: Option<String>,
    environment: Option<String>,
}

impl Identity {
    pub(super) fn of(health: &Health) -> Self {
        let config = health.config();
        Self {
            service_id: config.service_id.clone(),
            version: config.version.clone(),
            release_id: config.release_id.clone(),
            environment: config.environment.clone(),
        }
    }
}

impl Worker {
    pub(super) fn id(&self, message: &Message) -> String {
        format!("{:016x}-{}", self.prefix, message.number)
    }

    /// Returns the body of a message, and whether it is the default although there is a template.
    pub(super) fn body(&self, message: &Message) -> (Bytes, bool) {
        let notification = self.notification(message);
        let Some(template) = &self.settings.template else {
            return (json(&notification).into(), false);
        };
        if let Some(body) = catch_panic(|| template(&notification)) {
            return (body.into(), false);
        }
        log!(
            ERROR,
            url = self.settings.shown,
            "the template of a webhook panicked"
        );
        (json(&notification).into(), true)
    }

    fn notification(&self, message: &Message) -> Notification {
        let health = self.health.upgrade();
        let Identity {
            service_id,
            version,
            release_id,
            environment,
        } = &self.identity;
        let links = health.as_ref().map(|health| links(health, &message.latest));
        Notification {
            id: self.id(message),
            transition: message.latest.clone(),
            from: message.from,
            changes: message.changes,
            since: message.since,
            worst: message.worst.clone(),
            is_recovery: message.is_recovery,
            dropped: message.dropped,
            service_id: service_id.clone(),
            version: version.clone(),
            release_id: release_id.clone(),
            environment: environment.clone(),
            instance: self.settings.instance.clone(),
            links: links.unwrap_or_default(),
        }
    }
}

/// Returns the links of the check that a change is about.
fn links(health: &Health, change: &Transition) -> Vec<(String, String)> {
    let Subject::Check { probe, name } = &change.subject else {
        return Vec::new();
    };
    let snapshot = health.snapshot();
    let mut checks = snapshot.checks(*probe);
    let Some(check) = checks.find(|check| check.name() == name) else {
        return Vec::new();
    };
    check
        .links()
        .map(|(relation, uri)| (relation.to_owned(), uri.to_owned()))
        .collect()
}
