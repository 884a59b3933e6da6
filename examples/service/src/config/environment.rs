//! The environment of the process, or one that a test makes.

use std::collections::BTreeMap;

/// What to say of a variable that the kubelet sets: one named `api` gives `API_PORT=tcp://…`.
pub(super) const SERVICE_LINK: &str =
    " is a service link of Kubernetes; set enableServiceLinks: false";

pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    /// Whether a variable that is not set counts as empty.
    is_lenient: bool,
}

impl Environment {
    pub(crate) fn of_process() -> Self {
        // One that is no UTF-8 is none of this service.
        Self::new(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    fn new(variables: impl Iterator<Item = (String, String)>) -> Self {
        Self {
            // An empty one counts as not set.
            variables: variables.filter(|(_, value)| !value.is_empty()).collect(),
            is_lenient: false,
        }
    }

    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter();
        Self::new(variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    /// The same, where a variable that is not set counts as empty.
    pub(super) fn or_empty(self) -> Self {
        Self {
            is_lenient: true,
            ..self
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let found = self.variables.get(name).cloned();
        found.or_else(|| self.is_lenient.then(String::new))
    }

    pub(super) fn beginning_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        variables
            .map(|(name, value)| (&**name, &**value))
            .filter(move |(name, _)| name.starts_with(prefix))
    }
}

/// Returns what to add to an error about this value; empty for none.
pub(crate) fn service_link(value: &str) -> String {
    let protocols = ["tcp://", "udp://", "sctp://"];
    if protocols.iter().any(|protocol| value.starts_with(protocol)) {
        format!(" (this{SERVICE_LINK})")
    } else {
        String::new()
    }
}
