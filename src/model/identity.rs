//! What never changes about the service.

use std::collections::BTreeMap;

/// The fields of the draft that describe the service (section 3), and its groups of checks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    pub(crate) version: Option<String>,
    pub(crate) release_id: Option<String>,
    pub(crate) service_id: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) links: BTreeMap<String, String>,
    /// Named sets of readiness checks: the gRPC services that are mapped to checks.
    pub(crate) groups: BTreeMap<String, Vec<String>>,
}
