//! The settings of a recorder.

use std::fmt;
#[cfg(feature = "recorder-sqlite")]
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Handle;

#[cfg(feature = "recorder-postgres")]
use super::database::PostgresSource;
use super::database::{Place, Purpose};
use super::names::Names;
use super::task::{Settings, start};
use super::{Recorder, RecorderError, Retention};
use crate::Health;

/// The shortest time between two writes.
const SHORTEST: Duration = Duration::from_secs(1);

/// Builds a [`Recorder`].
#[must_use = "nothing is recorded until `start` is called"]
pub struct RecorderBuilder {
    place: Result<Place, RecorderError>,
    service: Option<String>,
    instance: Option<String>,
    interval: Duration,
    timeout: Duration,
    flush_timeout: Duration,
    retention: Retention,
    purpose: Purpose,
}

impl Recorder {
    /// Records into a file of SQLite, which it makes if it is missing.
    ///
    /// The file should be its own, on a local disk, in a directory that the process may write to.
    #[cfg(feature = "recorder-sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recorder-sqlite")))]
    pub fn sqlite(path: impl AsRef<Path>) -> RecorderBuilder {
        let path = path.as_ref();
        // SQLite takes this for a database in memory, which each connection has for itself.
        let is_file = path.file_name().is_some() && path != Path::new(":memory:");
        let fault = || RecorderError::setting("the path of the history names no file");
        let place = is_file.then(|| Place::Sqlite(path.to_owned()));
        RecorderBuilder::at(place.ok_or_else(fault))
    }

    /// Records into Postgres, through the pool of the application.
    ///
    /// It takes one connection of the pool for each write, within the timeout. It never returns one
    /// to the pool that did not answer.
    #[cfg(feature = "recorder-postgres")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recorder-postgres")))]
    pub fn postgres(pool: sqlx::PgPool) -> RecorderBuilder {
        RecorderBuilder::at(Ok(Place::Postgres(PostgresSource::Pool(pool))))
    }

    /// Records into Postgres, through one connection of its own.
    ///
    /// The URL is that of [sqlx], such as `postgres://health@db/shop`.
    ///
    /// [sqlx]: https://docs.rs/sqlx/0.9/sqlx/postgres/struct.PgConnectOptions.html
    #[cfg(feature = "recorder-postgres")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recorder-postgres")))]
    pub fn postgres_url(url: &str) -> RecorderBuilder {
        let options = url.parse::<sqlx::postgres::PgConnectOptions>();
        // The error may quote the URL, and so the password.
        let fault = |_| RecorderError::setting("the URL of the history is not one of Postgres");
        let source = options.map(|options| PostgresSource::Options(Box::new(options)));
        RecorderBuilder::at(source.map(Place::Postgres).map_err(fault))
    }
}

impl RecorderBuilder {
    fn at(place: Result<Place, RecorderError>) -> Self {
        Self {
            place,
            service: None,
            instance: None,
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
            flush_timeout: Duration::from_secs(5),
            retention: Retention::default(),
            purpose: Purpose::Migrate,
        }
    }

    /// Sets the name of the service, which all its instances share. Default:
    /// [`HealthConfig::service_id`](crate::HealthConfig::service_id), else the name of the program.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Sets the name of this instance. Default: the name of the host, which is that of the pod in
    /// Kubernetes.
    ///
    /// Two processes of the same name at once do no harm: their runs are summed up.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// Sets the time between two writes. Default: 15 s; at least 1 s, and at most half of the time
    /// that [`Limits::minutes_per_check`](crate::Limits::minutes_per_check) covers.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets how long the database may take for a transaction. Default: 5 s; from 100 ms to 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long the recorder may take to end, with its last write, when the health ends or
    /// [`Recorder::finish`] is called. Default: 5 s; from 100 ms to 60 s.
    pub fn flush_timeout(mut self, timeout: Duration) -> Self {
        self.flush_timeout = timeout;
        self
    }

    /// Sets how long what is kept. Default: [`Retention::default`].
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Never makes or changes tables, for a user of the database who may not.
    ///
    /// `SQLITE_SCHEMA` and `POSTGRES_SCHEMA` have the statements. Until they are applied, the
    /// recorder fails with an error that says so.
    pub fn without_migrations(mut self) -> Self {
        self.purpose = Purpose::Write;
        self
    }

    /// Starts to record on the current tokio runtime, whose timer must be enabled.
    ///
    /// It does not wait for the database, and a database that is down is no error:
    /// [`Recorder::flush`] tells whether it works. Start one recorder for each health and database.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting cannot work, or outside a tokio runtime.
    pub fn start(self, health: &Health) -> Result<Recorder, RecorderError> {
        let place = self.place?;
        let names = Names::resolve(self.service, self.instance, health)?;
        self.retention.check()?;
        let minutes = health.config().limits.minutes_per_check as u64;
        let longest = Duration::from_secs(60 * minutes / 2).max(SHORTEST);
        in_range("interval", self.interval, SHORTEST, longest)?;
        let (least, most) = (Duration::from_millis(100), Duration::from_secs(60));
        in_range("timeout", self.timeout, least, most)?;
        in_range("flush_timeout", self.flush_timeout, least, most)?;
        let no_runtime = |_| RecorderError::setting("`start` was called outside a tokio runtime");
        let runtime = Handle::try_current().map_err(no_runtime)?;
        let settings = Settings {
            names,
            interval: self.interval,
            timeout: self.timeout,
            flush_timeout: self.flush_timeout,
            retention: self.retention,
            purpose: self.purpose,
        };
        Ok(start(&runtime, health, place, settings))
    }
}

fn in_range(
    name: &str,
    given: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), RecorderError> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let [given, least, most] = [given, least, most].map(humantime::format_duration);
    let text = format!("{name} is {given}, but must be from {least} to {most}");
    Err(RecorderError::setting(text))
}

/// Without the place, whose `Debug` shows the settings of connections.
impl fmt::Debug for RecorderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecorderBuilder")
            .field("service", &self.service)
            .field("instance", &self.instance)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
