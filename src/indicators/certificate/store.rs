//! The certificates that the system trusts, which make others needless.

use rustls_native_certs::load_native_certs;

use super::chain::{Anchor, anchor};
use crate::Failure;
use crate::indicators::shared::blocking::BlockingSlot;
use crate::indicators::shared::budget::Budget;

/// Read only when a certificate above the first one is about to expire, or has.
#[derive(Debug, Default)]
pub(super) struct Store {
    slot: BlockingSlot,
}

impl Store {
    /// The certificates that are valid at this time, in seconds since 1970. None if the system has
    /// none that can be read: then each certificate of a chain counts.
    pub(super) async fn anchors(&self, budget: &Budget, now: i64) -> Result<Vec<Anchor>, Failure> {
        let reading = self.slot.run(move || {
            let found = load_native_certs().certs;
            let anchors = found
                .iter()
                .filter_map(|certificate| anchor(certificate, now));
            anchors.collect()
        });
        let step = "reading the certificates that the system trusts";
        Ok(budget.within(step, reading).await?.unwrap_or_default())
    }
}
