//! The command line, and the variables that stand for its flags.

mod healthcheck;
mod watch;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};

pub(crate) use self::healthcheck::Healthcheck;
pub(crate) use self::watch::{Verification, Watch};
use crate::Error;
use crate::config::service_link;

pub(crate) const USAGE: &str = "\
usage: service [options]               serve, or do the work of the role and end
       service healthcheck [options]   ask the probe of a service on this host: exit code 0 or 1
       service settings [options]      print the settings that probes have to fit, without secrets
       service watch URL [options]     print a line whenever URL becomes ready, not ready or unreachable

  --mode development|staging|production   which file of settings; also MODE (development)
  --role monolith|maintenance             serve, or look after the database and end; also ROLE (monolith)
  --apply-migrations                      bring the database to the schema of this version
  --config DIR                            where the files of settings are; also CONFIG_DIR

  healthcheck: --probe readyz|livez|startupz (readyz)   --timeout 2s
               --port PORT (API_PORT, PORT or 8080)     --url HOST:PORT or unix:PATH
  watch:       --interval 5s   --timeout 5s   --root-certificate FILE (those of the system)
               --dev-insecure (takes any certificate; debug builds only)
";

/// What the process is to do.
#[derive(Debug)]
pub(crate) enum Command {
    Run(Options),
    Healthcheck(Healthcheck),
    Settings(Options),
    Watch(Watch),
    Help,
    Version,
}

#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) role: Role,
    pub(crate) apply_migrations: bool,
    /// `Some` if files of settings other than the usual ones are to be read.
    pub(crate) config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Development,
    Staging,
    Production,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// Serves everything.
    #[default]
    Monolith,
    /// Looks after the database and ends, without a listener.
    Maintenance,
}

impl Mode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let modes = [Self::Development, Self::Staging, Self::Production];
        let found = modes.into_iter().find(|mode| mode.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no mode: development, staging or production"))
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "monolith" => Ok(Self::Monolith),
            "maintenance" => Ok(Self::Maintenance),
            _ => Err(format!("{text:?} is no role: monolith or maintenance")),
        }
    }
}

/// Reads the command line, and for flags that are not there the environment.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Command, Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut name = None;
    let mut options = Options {
        mode: from_env(env, "MODE")?.unwrap_or_default(),
        role: from_env(env, "ROLE")?.unwrap_or_default(),
        apply_migrations: false,
        config: env("CONFIG_DIR").map(PathBuf::from),
    };
    let mut healthcheck = healthcheck::Flags::default();
    let mut watch = watch::Flags::default();
    let mut timeout = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("mode") => options.mode = parser.value()?.parse()?,
            Long("role") => options.role = parser.value()?.parse()?,
            Long("apply-migrations") => options.apply_migrations = true,
            Long("config") => options.config = Some(parser.value()?.into()),
            Long("probe") => healthcheck.probe = Some(parser.value()?.string()?),
            Long("url") => healthcheck.url = Some(parser.value()?.string()?),
            Long("port") => healthcheck.port = Some(parser.value()?.parse()?),
            Long("root-certificate") => watch.root_certificate = Some(parser.value()?.into()),
            Long("interval") => watch.interval = Some(parser.value()?.string()?),
            Long("dev-insecure") => watch.dev_insecure = true,
            Long("timeout") => timeout = Some(parser.value()?.string()?),
            Value(value) if name.is_none() => name = Some(value.string()?),
            Value(value) if name.as_deref() == Some("watch") && watch.url.is_none() => {
                watch.url = Some(value.string()?);
            }
            unknown => return Err(unknown.unexpected().into()),
        }
    }
    let name = name.as_deref();
    if name != Some("healthcheck") && healthcheck.is_set() {
        return Err("--probe, --url and --port belong to healthcheck".into());
    }
    if name != Some("watch") && watch.is_set() {
        return Err("--root-certificate, --interval and --dev-insecure belong to watch".into());
    }
    match name {
        Some("healthcheck") => Ok(Command::Healthcheck(healthcheck.resolve(timeout, env)?)),
        Some("watch") => Ok(Command::Watch(watch.resolve(timeout)?)),
        _ if timeout.is_some() => Err("--timeout belongs to healthcheck and watch".into()),
        None => Ok(Command::Run(options)),
        Some("settings") => Ok(Command::Settings(options)),
        Some(other) => Err(format!("{other:?} is no command; see service --help").into()),
    }
}

/// Reads the duration of a flag.
fn duration(flag: &str, text: Option<String>, default: &str) -> Result<Duration, Error> {
    let parsed = humantime::parse_duration(text.as_deref().unwrap_or(default));
    parsed.map_err(|error| format!("{flag}: {error}").into())
}

fn from_env<T: FromStr<Err: fmt::Display>>(
    env: &dyn Fn(&str) -> Option<String>,
    name: &str,
) -> Result<Option<T>, Error> {
    let Some(value) = env(name) else {
        return Ok(None);
    };
    let parsed = value.parse().map(Some);
    parsed.map_err(|error| {
        let link = service_link(&value);
        format!("the environment variable {name}: {error}{link}").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Command, Error> {
        let arguments = ["service"].iter().chain(arguments).map(OsString::from);
        let find = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        parse(arguments, &find)
    }

    fn options(arguments: &[&str], variables: &[(&str, &str)]) -> Options {
        match parse_with(arguments, variables) {
            Ok(Command::Run(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    fn healthcheck(arguments: &[&str], variables: &[(&str, &str)]) -> Healthcheck {
        let arguments = [&["healthcheck"], arguments].concat();
        match parse_with(&arguments, variables) {
            Ok(Command::Healthcheck(healthcheck)) => healthcheck,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_flag_wins_over_its_variable() {
        let variables = [("MODE", "staging"), ("ROLE", "maintenance")];
        let from_env = options(&[], &variables);
        assert_eq!(
            (from_env.mode, from_env.role),
            (Mode::Staging, Role::Maintenance)
        );
        let flags = ["--mode", "production", "--role=monolith"];
        let from_flags = options(&flags, &variables);
        assert_eq!(
            (from_flags.mode, from_flags.role),
            (Mode::Production, Role::Monolith)
        );
    }

    #[test]
    fn a_word_that_is_not_known_is_named() {
        for (arguments, named) in [
            (&["--mode", "prod"][..], "prod"),
            (&["--role", "worker"], "worker"),
            (&["serve"], "serve"),
            (&["--verbose"], "--verbose"),
            (&["healthcheck", "--probe", "health"], "health"),
            (&["healthcheck", "--timeout", "soon"], "--timeout"),
            (&["--port", "1"], "healthcheck"),
            (&["--timeout", "1s"], "healthcheck"),
            (&["healthcheck", "--interval", "1s"], "watch"),
            (&["settings", "https://localhost"], "https://localhost"),
            (&["watch"], "URL"),
            (&["watch", "localhost"], "localhost"),
            (&["watch", "http://localhost", "other"], "other"),
            (
                &["watch", "http://localhost", "--interval", "0s"],
                "--interval",
            ),
            (&["watch", "http://localhost", "--port", "1"], "healthcheck"),
        ] {
            let error = parse_with(arguments, &[]).unwrap_err().to_string();
            assert!(error.contains(named), "{arguments:?}: {error}");
        }
        let error = parse_with(&[], &[("MODE", "prod")]).unwrap_err();
        assert!(error.to_string().contains("MODE"), "{error}");
    }

    #[test]
    fn a_healthcheck_asks_the_port_that_the_service_takes_from_its_environment() {
        let target = |variables: &[_]| healthcheck(&[], variables).target;
        assert_eq!(target(&[]), "127.0.0.1:8080");
        assert_eq!(target(&[("PORT", "1")]), "127.0.0.1:1");
        assert_eq!(target(&[("PORT", "1"), ("API_PORT", "2")]), "127.0.0.1:2");
        let other = healthcheck(&["--port", "3", "--probe", "livez"], &[("PORT", "1")]);
        assert_eq!((&*other.target, &*other.path), ("127.0.0.1:3", "/livez"));
    }
}
