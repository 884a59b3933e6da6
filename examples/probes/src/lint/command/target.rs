//! What a command asks the service.

use super::shell::shell_line;
use crate::files::healthcheck::Test;
use crate::settings::{ProbeKind, Settings};
use crate::words;

/// Where a command asks; all of it is `None` if it asks nothing that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) path: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) host: Option<String>,
}

/// What the test asks, if it asks something over HTTP.
pub(crate) fn target(test: &Test) -> Target {
    let line = match test {
        Test::Exec(words) => match shell_line(words) {
            Some(line) => line,
            None => return Target::of(words),
        },
        Test::Shell(line) => line,
        Test::Off => return Target::default(),
    };
    words::commands(line)
        .iter()
        .map(|command| Target::of(&command.words))
        .find(|target| target.path.is_some())
        .unwrap_or_default()
}

/// Which probe the test asks.
pub(crate) fn kind(test: &Test, settings: &Settings) -> Option<ProbeKind> {
    settings.probe_at(&target(test).path?)
}

impl Target {
    /// What a simple command asks.
    pub(crate) fn of(words: &[String]) -> Self {
        let url = words
            .iter()
            .find(|word| word.starts_with("http://") || word.starts_with("https://"));
        if let Some(url) = url {
            return Self::of_url(url);
        }
        if words.iter().any(|word| word == "healthcheck") {
            return Self::of_self_probe(words);
        }
        Self::default()
    }

    /// `service healthcheck --probe readyz --port 8080`, which asks for readiness unless it is told.
    fn of_self_probe(words: &[String]) -> Self {
        let option = |name: &str| {
            words
                .iter()
                .enumerate()
                .find_map(|(at, word)| match word.strip_prefix(name)? {
                    "" => words.get(at + 1).cloned(),
                    value => value.strip_prefix('=').map(str::to_owned),
                })
        };
        let probe = option("--probe").unwrap_or_else(|| "readyz".to_owned());
        let port = option("--port").or_else(|| {
            let url = option("--url")?;
            Some(url.rsplit_once(':')?.1.to_owned())
        });
        Self {
            path: Some(format!("/{}", probe.trim_start_matches('/'))),
            port: port.and_then(|port| port.parse().ok()),
            host: None,
        }
    }

    fn of_url(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (authority, url.starts_with("http://").then_some(80)),
        };
        // Another host is another service, and a variable may be anything.
        let is_own = matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "0.0.0.0");
        if !is_own || path.contains('$') {
            return Self::default();
        }
        Self {
            path: Some(path.to_owned()),
            port,
            host: Some(host.to_owned()),
        }
    }
}
