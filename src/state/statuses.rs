//! The statuses of probes and gRPC services, for tasks that wait for a change.

use super::SharedState;
#[cfg(feature = "grpc")]
use super::grpc::ServiceStatuses;
use crate::model::{Probe, Snapshot, Status};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statuses {
    pub(crate) probes: [Status; Probe::EACH.len()],
    #[cfg(feature = "grpc")]
    pub(crate) services: ServiceStatuses,
}

impl Statuses {
    /// Takes the statuses of probes from the snapshot, even if the lifecycle has changed since: the
    /// next snapshot announces that change together with its reason. The statuses of services are
    /// current, since they have no reason.
    #[cfg_attr(not(feature = "grpc"), expect(unused_variables))]
    pub(super) fn of(state: &SharedState, snapshot: &Snapshot) -> Self {
        Self {
            probes: Probe::EACH.map(|probe| snapshot.status(probe)),
            #[cfg(feature = "grpc")]
            services: state.all_services(),
        }
    }
}
