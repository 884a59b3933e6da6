//! `service healthcheck`: the probe for images without curl.

use tower_health::self_probe;

use crate::Error;
use crate::cli::Healthcheck;

/// # Errors
///
/// Returns an error unless the probe passes. Docker and Podman show its text in `inspect`.
pub(crate) fn run(check: &Healthcheck) -> Result<(), Error> {
    let Healthcheck {
        target,
        path,
        timeout,
    } = check;
    let result = self_probe(target, path, *timeout);
    result.map_err(|error| format!("{target}{path}: {error}").into())
}
