//! The certificates that the system trusts, which make others needless.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls_native_certs::load_native_certs;

use super::path::{Anchor, anchor};
use crate::Failure;
use crate::indicators::shared::blocking::BlockingSlot;
use crate::indicators::shared::budget::Budget;

/// Read only when a certificate above the first one is about to expire, or has.
#[derive(Default)]
pub(super) struct Store {
    slot: BlockingSlot,
    /// `Some` once it was read, perhaps after the run that wanted it was over.
    last: Arc<Mutex<Option<Arc<[Anchor]>>>>,
}

impl Store {
    /// The certificates as they are now, or as they were when they were last read if that takes
    /// longer than the run. None if the system has none that can be read: then each certificate of a
    /// chain counts.
    ///
    /// # Errors
    ///
    /// Says why they were not read, in this run and before.
    pub(super) async fn anchors(&self, budget: &Budget) -> Result<Arc<[Anchor]>, Failure> {
        let place = Arc::clone(&self.last);
        let reading = self.slot.run(move || {
            let anchors: Arc<[Anchor]> = load_native_certs()
                .certs
                .iter()
                .filter_map(anchor)
                .collect();
            let mut last = place.lock().unwrap_or_else(PoisonError::into_inner);
            // What could be read before is not gone because it cannot be read now.
            if last.is_none() || !anchors.is_empty() {
                *last = Some(anchors);
            }
        });
        let step = "reading the certificates that the system trusts";
        let outcome = match budget.within(step, reading).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::new(format!("{step}: {error}"))),
            Err(late) => Err(late),
        };
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*last, outcome) {
            (Some(anchors), _) => Ok(Arc::clone(anchors)),
            (None, Ok(())) => Ok(Arc::default()),
            (None, Err(failure)) => Err(failure),
        }
    }
}

/// Without the certificates, which are many.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
