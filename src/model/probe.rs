//! The probes that an orchestrator requests.

use std::fmt;

/// Identifies a probe: liveness, readiness or startup.
///
/// Each has the meaning of the [Kubernetes probe][k8s] of the same name.
///
/// [k8s]: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#types-of-probe
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Probe {
    /// Whether the process works or needs a restart. Default path: `/livez`.
    Liveness,
    /// Whether the process can take traffic now. Default path: `/readyz`.
    Readiness,
    /// Whether the process has finished starting. Default path: `/startupz`.
    Startup,
}

impl Probe {
    /// Lists every probe, in the order that this crate uses throughout.
    pub const ALL: &'static [Self] = &Self::EACH;

    /// The same as an array, for code that needs their number.
    pub(crate) const EACH: [Self; 3] = [Self::Liveness, Self::Readiness, Self::Startup];

    /// Returns the name in logs and errors: `liveness`, `readiness` or `startup`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Liveness => "liveness",
            Self::Readiness => "readiness",
            Self::Startup => "startup",
        }
    }

    /// Returns the path at which a layer answers this probe by default.
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
