//! The flags of `service healthcheck`.

use std::time::Duration;

use super::{duration, from_env};
use crate::Error;

#[derive(Debug)]
pub(crate) struct Healthcheck {
    /// `host:port`, or `unix:` and a path.
    pub(crate) target: String,
    pub(crate) path: String,
    pub(crate) timeout: Duration,
}

/// As they were given.
#[derive(Default)]
pub(super) struct Flags {
    pub(super) probe: Option<String>,
    pub(super) url: Option<String>,
    pub(super) port: Option<u16>,
}

impl Flags {
    pub(super) fn is_set(&self) -> bool {
        self.probe.is_some() || self.url.is_some() || self.port.is_some()
    }

    pub(super) fn resolve(
        self,
        timeout: Option<String>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Healthcheck, Error> {
        let path = match self.probe.as_deref() {
            None => "/readyz".to_owned(),
            Some(probe @ ("readyz" | "livez" | "startupz")) => format!("/{probe}"),
            Some(other) => {
                let known = "readyz, livez or startupz";
                return Err(format!("{other:?} is no probe: {known}").into());
            }
        };
        let target = match (self.url, self.port) {
            (Some(_), Some(_)) => return Err("--url and --port exclude each other".into()),
            (Some(url), None) => url,
            (None, Some(port)) => format!("127.0.0.1:{port}"),
            (None, None) => {
                let port = from_env(env, "API_PORT")?.or(from_env(env, "PORT")?);
                format!("127.0.0.1:{}", port.unwrap_or(8080_u16))
            }
        };
        Ok(Healthcheck {
            target,
            path,
            timeout: duration("--timeout", timeout, "2s")?,
        })
    }
}
