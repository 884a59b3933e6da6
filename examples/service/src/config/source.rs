//! Where the settings are read from, and what the environment changes in them.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::environment::{Environment, SERVICE_LINK};
use crate::Error;
use crate::cli::{Mode, Options};

/// The usual place of the files, below the working directory.
const DIRECTORY: &str = "config";

/// A variable of this prefix is a key of `[health]`.
const HEALTH: &str = "HEALTH_";

pub(super) struct File {
    /// For errors.
    pub(super) name: String,
    pub(super) text: String,
}

/// Finds the file of the mode: in the directory that was named, else in `config`, and if there is
/// none, within the binary.
pub(super) fn find(options: &Options) -> Result<File, Error> {
    let usual = Path::new(DIRECTORY);
    let directory = match &options.config {
        Some(directory) => directory,
        None if usual.is_dir() => usual,
        None => return Ok(built_in(options.mode)),
    };
    let path: PathBuf = directory.join(format!("{}.toml", options.mode));
    let name = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
    Ok(File { name, text })
}

fn built_in(mode: Mode) -> File {
    let text = match mode {
        Mode::Development => include_str!("../../config/development.toml"),
        Mode::Staging => include_str!("../../config/staging.toml"),
        Mode::Production => include_str!("../../config/production.toml"),
    };
    File {
        name: format!("the built-in settings for {mode}"),
        text: text.to_owned(),
    }
}

/// # Errors
///
/// Returns an error with the number of the line, and without its text, which may be a secret.
pub(super) fn parse(text: &str) -> Result<Table, Error> {
    text.parse::<Table>().map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or(text).matches('\n').count() + 1;
        format!("line {line}: {}", error.message()).into()
    })
}

/// Puts `HEALTH_DRAIN_DELAY=2s` in the place of `drain_delay` in `[health]`, and likewise for the
/// other settings of the crate that are no tables.
///
/// # Errors
///
/// Returns an error for what Kubernetes sets in the namespace of a Service that is named `health`.
pub(super) fn override_health(table: &mut Table, env: &Environment) -> Result<(), Error> {
    let health = table.entry("health");
    let health = health.or_insert_with(|| Value::Table(Table::new()));
    let Value::Table(health) = health else {
        return Ok(()); // an error of its type follows
    };
    for (name, value) in env.beginning_with(HEALTH) {
        let key = name[HEALTH.len()..].to_lowercase();
        if key == "port" || key.starts_with("port_") || key.starts_with("service_") {
            return Err(format!("the environment variable {name}{SERVICE_LINK}").into());
        }
        health.insert(key, Value::String(value.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_a_file_has_its_line_and_not_its_text() {
        let error = parse("[database]\n\nurl = \"postgres://app:hunter2@db\" x\n").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("line 3: "), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_variable_of_the_health_wins_over_the_file() {
        let mut table = parse("[health]\ndrain_delay = \"5s\"\ndrain_cap = \"9s\"").unwrap();
        let variables = [
            ("HEALTH_DRAIN_DELAY", "2s"),
            ("HEALTH_DRAIN_CAP", ""),
            ("OTHER", "1"),
        ];
        override_health(&mut table, &Environment::of(&variables)).unwrap();
        assert_eq!(table["health"]["drain_delay"].as_str(), Some("2s"));
        // An empty one counts as not set.
        assert_eq!(table["health"]["drain_cap"].as_str(), Some("9s"));
        assert_eq!(table["health"].as_table().unwrap().len(), 2);
    }

    #[test]
    fn a_service_link_of_kubernetes_is_an_error_that_says_so() {
        for name in ["HEALTH_SERVICE_HOST", "HEALTH_PORT", "HEALTH_PORT_80_TCP"] {
            let env = Environment::of(&[(name, "tcp://10.0.0.1:80")]);
            let error = override_health(&mut Table::new(), &env).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(name), "{text}");
            assert!(text.contains("enableServiceLinks: false"), "{text}");
        }
    }
}
