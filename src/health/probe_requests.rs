//! Counting probes: the setting, and the counts.

use super::{Health, HealthBuilder};
use crate::state::ProbeRequests;

impl HealthBuilder {
    /// Counts the probes that are answered, by their answer. Default: none is counted.
    ///
    /// Each probe then adds one to an atomic number. The requests that pass through cost what they
    /// did. The metric is `health_probe_requests_total`.
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn count_probe_requests(mut self) -> Self {
        self.counts_probe_requests = true;
        self
    }
}

impl Health {
    /// Returns how many probes were answered in which way; nothing unless the builder
    /// [counts](HealthBuilder::count_probe_requests) them.
    ///
    /// Every layer of this health counts: probes over HTTP on the paths of probes and their checks,
    /// and calls of `grpc.health.v1.Health/Check`. A `Watch` is no request that is answered once.
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn probe_requests(&self) -> Vec<ProbeRequests> {
        self.state().probe_requests()
    }
}
