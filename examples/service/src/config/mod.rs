//! The settings: a file for each mode, with what differs between deployments from the environment.

mod environment;
mod expand;
mod secret;
mod source;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tower_health::{HealthConfig, LayerConfig};

pub(crate) use self::environment::{Environment, service_link};
pub(crate) use self::secret::Secret;
use crate::Error;
use crate::cli::{Mode, Options};

/// The settings of the service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(skip)]
    pub(crate) mode: Mode,
    /// `Some` if the environment names the build.
    #[serde(skip)]
    pub(crate) release: Option<String>,
    pub(crate) api: Listener,
    pub(crate) web: Listener,
    pub(crate) management: Management,
    pub(crate) database: Database,
    #[serde(default)]
    pub(crate) redis: Redis,
    #[serde(default)]
    pub(crate) sentry: Sentry,
    #[serde(default)]
    pub(crate) log: Log,
    #[serde(default)]
    pub(crate) health: HealthConfig,
    #[serde(default)]
    pub(crate) probes: LayerConfig,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    pub(crate) host: String,
    #[serde(deserialize_with = "value")]
    pub(crate) port: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Management {
    pub(crate) host: String,
    #[serde(deserialize_with = "value")]
    pub(crate) port: u16,
    /// Empty for none.
    #[serde(default)]
    pub(crate) token: Secret,
    /// Further names under which callers reach the port, with commas.
    #[serde(default)]
    hosts: String,
}

impl Management {
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        let hosts = self.hosts.split(',').map(str::trim);
        hosts.filter(|host| !host.is_empty())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// `postgres://…` or `sqlite:PATH`.
    pub(crate) url: Secret,
    /// For a password that is not part of the URL, where it would have to be percent-encoded.
    #[serde(default)]
    pub(crate) password: Secret,
    /// Whether Postgres is refused without TLS.
    #[serde(default, alias = "requireSsl", deserialize_with = "value")]
    pub(crate) require_ssl: bool,
    /// A file in PEM. The server then has to present a certificate of it, for its own name. Empty
    /// for none.
    #[serde(default)]
    pub(crate) root_certificate: String,
    /// Whether this process migrates, as with `--apply-migrations`.
    #[serde(default, deserialize_with = "value")]
    pub(crate) apply_migrations: bool,
    /// How long the schema may take to become the one that this version needs.
    #[serde(default = "Database::migration_timeout", deserialize_with = "duration")]
    pub(crate) migration_timeout: Duration,
    #[serde(default = "Database::max_connections", deserialize_with = "value")]
    pub(crate) max_connections: u32,
    /// How long a request waits for a connection.
    #[serde(default = "Database::acquire_timeout", deserialize_with = "duration")]
    pub(crate) acquire_timeout: Duration,
}

impl Database {
    fn migration_timeout() -> Duration {
        Duration::from_secs(240)
    }

    fn max_connections() -> u32 {
        10
    }

    fn acquire_timeout() -> Duration {
        Duration::from_secs(3)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redis {
    /// Empty for none.
    #[serde(default)]
    pub(crate) url: Secret,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sentry {
    /// Empty for none.
    #[serde(default)]
    pub(crate) dsn: Secret,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// Levels by target, such as `info,sqlx=warn`.
    pub(crate) filter: String,
    pub(crate) json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            json: false,
        }
    }
}

impl Config {
    /// Reads the file of the mode.
    ///
    /// # Errors
    ///
    /// Returns an error that names the file, and the variable that is missing or the key that cannot
    /// be read. It contains no value of the environment but ports and the like.
    pub(crate) fn load(options: &Options, env: &Environment) -> Result<Self, Error> {
        let file = source::find(options)?;
        let config = Self::read(&file, env).map_err(|error| format!("{}: {error}", file.name))?;
        let apply_migrations = config.database.apply_migrations || options.apply_migrations;
        Ok(Self {
            mode: options.mode,
            release: env.get("RELEASE").filter(|release| !release.is_empty()),
            database: Database {
                apply_migrations,
                ..config.database
            },
            ..config
        })
    }

    /// Reads what is no secret: a variable that is not set counts as empty, since a machine that
    /// looks at the settings has none of the secrets.
    pub(crate) fn public(options: &Options) -> Result<Self, Error> {
        Self::load(options, &Environment::of_process().or_empty())
    }

    fn read(file: &source::File, env: &Environment) -> Result<Self, Error> {
        let mut table = source::parse(&file.text)?;
        expand::expand(&mut table, &|name| env.get(name))?;
        source::override_health(&mut table, env)?;
        // Its text has a line for the key, and none of a value that is a secret: those are texts.
        let config = Self::deserialize(table).map_err(|error| {
            let text = error.to_string();
            text.trim().replace('\n', " ")
        })?;
        Ok(config)
    }
}

/// Reads a value, or the text of one: what comes from the environment is a text.
fn value<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + FromStr<Err: std::fmt::Display>,
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Value(T),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Value(value) => Ok(value),
        Either::Text(text) => {
            let parsed = text.parse();
            parsed.map_err(|error| {
                let link = service_link(&text);
                serde::de::Error::custom(format_args!("{text:?}: {error}{link}"))
            })
        }
    }
}

/// Reads `4m`; a number alone is one of seconds, as in variables that scripts share.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(&text).map_err(serde::de::Error::custom)
}

/// A path that is not empty.
pub(crate) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}
