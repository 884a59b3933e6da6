//! The traces of probes that failed or warned only because results had expired.
//!
//! The refresher was not there to see it, and renews the results when it comes. Without the traces,
//! nobody would learn why a load balancer saw a 503.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;

use crate::model::{Snapshot, Status};

/// What a reader saw.
#[derive(Debug)]
pub(crate) struct ExpiredLook {
    /// The snapshot whose results had expired.
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) at: Instant,
    /// The moment as of which the reader judged the results: it forgives a refresher that is late.
    pub(crate) judged_at: Instant,
}

impl ExpiredLook {
    /// Returns the status that the checks had for the reader.
    pub(crate) fn status(&self) -> Status {
        self.snapshot.aggregate.at(self.judged_at)
    }
}

/// What readers saw first of each status since the refresher looked. The longer it is away, the worse
/// is what they see.
#[derive(Debug, Default)]
pub(super) struct FirstExpiredLooks {
    warn: ArcSwapOption<ExpiredLook>,
    fail: ArcSwapOption<ExpiredLook>,
}

impl FirstExpiredLooks {
    /// Records a look, unless an earlier one of the same status is recorded.
    #[cold]
    pub(super) fn note(&self, look: ExpiredLook) {
        let first = match look.status() {
            Status::Fail => &self.fail,
            _ => &self.warn,
        };
        if first.load().is_none() {
            first.store(Some(Arc::new(look)));
        }
    }

    pub(super) fn is_noted(&self) -> bool {
        self.warn.load().is_some() || self.fail.load().is_some()
    }

    /// Returns the looks since the last call, in their order.
    pub(super) fn take(&self) -> impl Iterator<Item = Arc<ExpiredLook>> + use<> {
        let mut looks = [&self.warn, &self.fail].map(|look| {
            let is_noted = look.load().is_some();
            is_noted.then(|| look.swap(None)).flatten()
        });
        looks.sort_by_key(|look| look.as_ref().map(|look| look.at));
        looks.into_iter().flatten()
    }
}
