//! Whose history it is: the names of the service and of its instance.

use super::RecorderError;
use crate::{Health, Probe, Status, Subject};

/// The longest name in bytes.
const LONGEST: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) service: String,
    pub(super) instance: String,
}

impl Names {
    /// Resolves the names that were not set.
    ///
    /// # Errors
    ///
    /// Returns an error if a name cannot be used.
    pub(super) fn resolve(
        service: Option<String>,
        instance: Option<String>,
        health: &Health,
    ) -> Result<Self, RecorderError> {
        let service = service.or_else(|| health.config().service_id.clone());
        let service = service.or_else(executable).unwrap_or_default();
        let instance = instance.or_else(host).unwrap_or_default();
        check("service", &service)?;
        check("instance", &instance)?;
        Ok(Self { service, instance })
    }
}

fn check(what: &str, name: &str) -> Result<(), RecorderError> {
    let fault = if name.is_empty() {
        format!("the name of the {what} is empty: set `{what}`")
    } else if name.len() > LONGEST {
        format!("the name of the {what} is longer than {LONGEST} bytes")
    } else if name.chars().any(char::is_control) {
        format!("the name of the {what} {name:?} has a control character")
    } else {
        return Ok(());
    };
    Err(RecorderError::setting(fault))
}

/// The name of the program.
fn executable() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    Some(path.file_stem()?.to_string_lossy().into_owned())
}

/// The name of the host, which is that of the pod in Kubernetes.
fn host() -> Option<String> {
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let names = [
        std::env::var("HOSTNAME").ok(),
        std::env::var("COMPUTERNAME").ok(),
        kernel(),
    ];
    let names = names.into_iter().flatten();
    let mut names = names.map(|name| name.trim().to_owned());
    names.find(|name| !name.is_empty())
}

/// Returns the probe and the name of the check as they are in the database.
pub(super) fn columns(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::Probe(probe) => (probe.as_str(), ""),
        Subject::Check { probe, name } => (probe.as_str(), name),
    }
}

/// Returns the subject of a row; `None` if a later release wrote it.
pub(super) fn subject(probe: &str, check: &str) -> Option<Subject> {
    let mut probes = Probe::ALL.iter().copied();
    let probe = probes.find(|known| known.as_str() == probe)?;
    Some(match check {
        "" => Subject::Probe(probe),
        name => Subject::Check {
            probe,
            name: name.to_owned(),
        },
    })
}

pub(super) fn status(word: &str) -> Option<Status> {
    let known = [Status::Pass, Status::Warn, Status::Fail];
    known.into_iter().find(|status| status.as_str() == word)
}
