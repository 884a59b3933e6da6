//! S3, or any other store behind the `ObjectStore` trait.
//!
//! # What it sends
//!
//! `HEAD` of one key in each run. A refusal of HEAD has no body, so the run then sends `GET` of the
//! same key for the reason: a small object costs one request, a key that does not exist two. 500
//! instances with the TTL of 15 s are 33 runs a second, about 86 million a month, which S3 bills.
//!
//! # Verdicts
//!
//! - pass: the object is there, or the store says that the bucket has no such key. These
//!   credentials may then ask for it.
//! - fail: 401 or 403, with the reason of the store; no such bucket; an error of the server; no
//!   answer within the time of the run. S3 answers 403 for a key that does not exist unless the
//!   credentials may list the bucket (`s3:ListBucket`).
//!
//! # What it cannot see
//!
//! Whether writes are allowed, other keys and prefixes, and requests that are throttled by prefix.
//!
//! # The store
//!
//! By default `object_store` repeats a request for up to three minutes and keeps the reason to
//! itself meanwhile. Build a store for this check that repeats it once (`RetryConfig`): its failures
//! then say "connection refused" or 503 instead of "no answer".

use std::error::Error as _;
use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use tower_health::indicators::Budget;
use tower_health::{CheckResult, Criticality, Failure, HealthIndicator, Observation};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Checks that the store answers for one key.
#[derive(Debug)]
pub struct ObjectStoreIndicator {
    name: String,
    store: Arc<dyn ObjectStore>,
    key: Path,
}

impl ObjectStoreIndicator {
    /// `key` need not exist.
    pub fn new(name: &str, store: Arc<dyn ObjectStore>, key: &str) -> Self {
        Self {
            name: name.to_owned(),
            store,
            key: Path::from(key),
        }
    }

    async fn answer(&self) -> Result<(), Error> {
        match self.store.head(&self.key).await {
            Err(
                Error::NotFound { .. }
                | Error::PermissionDenied { .. }
                | Error::Unauthenticated { .. },
            ) => self.store.get(&self.key).await.map(drop),
            answer => answer.map(drop),
        }
    }
}

impl HealthIndicator for ObjectStoreIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let begun_at = Instant::now();
        let step = format!("object store: HEAD {}", self.key);
        let answer = Budget::start(TIMEOUT).within(&step, self.answer()).await?;
        let Err(error) = answer else {
            return Ok(answered_after(begun_at));
        };
        let reason = in_full(&error);
        let meaning = match error {
            Error::NotFound { .. } if !reason.contains("NoSuchBucket") => {
                return Ok(answered_after(begun_at));
            }
            Error::NotFound { .. } => "there is no such bucket",
            Error::PermissionDenied { .. } => {
                "the store is there, and forbids this key to these credentials (403)"
            }
            Error::Unauthenticated { .. } => "the store does not accept these credentials (401)",
            _ => "no usable answer",
        };
        Err(Failure::new(format!("{step}: {meaning}: {reason}")))
    }

    fn timeout(&self) -> Option<Duration> {
        Some(TIMEOUT)
    }

    // Requests are billed.
    fn ttl(&self) -> Option<Duration> {
        Some(Duration::from_secs(15))
    }

    // The whole fleet shares the store: no other instance would do better.
    fn criticality(&self) -> Criticality {
        Criticality::NonCritical
    }
}

fn answered_after(begun_at: Instant) -> Observation {
    let took = begun_at.elapsed().as_secs_f64() * 1e3;
    Observation::pass().measurement("responseTime", took, "ms")
}

/// The error with its causes: the last one says "connection refused".
fn in_full(error: &Error) -> String {
    let mut text = error.to_string();
    for cause in iter::successors(error.source(), |&cause| cause.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
