//! What the latest snapshot means for each probe and each gRPC service, for tasks that wait for a
//! change.

use super::SharedState;
#[cfg(feature = "grpc")]
use super::services::ServiceStatuses;
use crate::model::{Probe, Snapshot, Status};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statuses {
    pub(crate) probes: [Status; Probe::EACH.len()],
    #[cfg(feature = "grpc")]
    pub(crate) services: ServiceStatuses,
}

impl Statuses {
    /// The statuses of probes are those of the snapshot, even if the process has changed since: the
    /// next snapshot announces that change together with its reason. Services have no reason, and
    /// are those of now.
    #[cfg_attr(not(feature = "grpc"), expect(unused_variables))]
    pub(super) fn of(state: &SharedState, snapshot: &Snapshot) -> Self {
        Self {
            probes: Probe::EACH.map(|probe| snapshot.status(probe)),
            #[cfg(feature = "grpc")]
            services: state.all_services(),
        }
    }
}
