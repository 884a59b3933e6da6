//! The description of the service, which never changes.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

/// Holds the fields of the draft that describe the service (section 3), and its groups of checks.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) version: Option<String>,
    pub(crate) release_id: Option<String>,
    pub(crate) service_id: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) environment: Option<String>,
    /// When the health was started.
    pub(crate) started_at: Instant,
    pub(crate) started_time: SystemTime,
    pub(crate) notes: Vec<String>,
    pub(crate) links: BTreeMap<String, String>,
    /// The readiness checks of each gRPC service that is mapped to checks.
    pub(crate) groups: BTreeMap<String, Vec<String>>,
    /// The length in bytes to which texts are cut.
    pub(crate) text_bytes: usize,
}
