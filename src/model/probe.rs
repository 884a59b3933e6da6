//! The questions that an orchestrator asks.

use std::fmt;

/// A question from outside: may the process live, may it get traffic, has it started?
///
/// The meaning of each is that of the [Kubernetes probes][k8s].
///
/// [k8s]: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#types-of-probe
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Probe {
    /// Should the process go on, or be restarted? By default at `/livez`.
    Liveness,
    /// Should traffic be sent to this process now? By default at `/readyz`.
    Readiness,
    /// Has the process finished starting? By default at `/startupz`.
    Startup,
}

impl Probe {
    /// Every probe, in the order in which this crate lists them.
    pub const ALL: &'static [Self] = &Self::EACH;

    /// The same where their number counts.
    pub(crate) const EACH: [Self; 3] = [Self::Liveness, Self::Readiness, Self::Startup];

    /// Returns the name used in logs and errors: `liveness`, `readiness` or `startup`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Liveness => "liveness",
            Self::Readiness => "readiness",
            Self::Startup => "startup",
        }
    }

    /// Returns the path that answers this probe unless the layer is told otherwise.
    pub const fn default_path(self) -> &'static str {
        match self {
            Self::Liveness => "/livez",
            Self::Readiness => "/readyz",
            Self::Startup => "/startupz",
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
