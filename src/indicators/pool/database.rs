//! What a run queries of a database, and what the result means, whichever client is used.

use std::future::Future;
use std::time::Duration;

use super::ConnectionPool;
use crate::Failure;

/// The patience of queries that belong to no run.
const PATIENCE: Duration = Duration::from_secs(1);

/// A pool of connections to a database, for [`PoolIndicator::read_write`],
/// [`max_lag`](super::PoolIndicator::max_lag) and
/// [`write_statement`](super::PoolIndicator::write_statement).
///
/// [`PoolIndicator::read_write`]: super::PoolIndicator::read_write
pub trait DatabasePool: ConnectionPool {
    /// Sends the queries that are asked for, or the one of [`ping`](ConnectionPool::ping) if none
    /// is. No statement may wait for a lock on the server for longer than the patience of `queries`.
    fn query(
        &self,
        connection: &mut Self::Connection,
        queries: &DatabaseQueries,
    ) -> impl Future<Output = Result<DatabaseState, Self::Error>> + Send;

    /// Runs a statement of the application. It must not wait for a lock for longer than the patience
    /// of `queries`, not on the server either, which does not notice that its client is gone.
    fn write(
        &self,
        connection: &mut Self::Connection,
        statement: &str,
        queries: &DatabaseQueries,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A pool of a database that has replicas, for [`PoolIndicator::max_lag`]: its
/// [`query`](DatabasePool::query) returns the lag if it is asked for.
///
/// [`PoolIndicator::max_lag`]: super::PoolIndicator::max_lag
pub trait ReplicatedPool: DatabasePool {}

/// What a run queries of a database. By default nothing but an answer, with a patience of 1 s.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseQueries {
    pub(crate) read_write: bool,
    pub(crate) lag: bool,
    pub(crate) patience: Duration,
    pub(crate) behind_pooler: bool,
}

impl Default for DatabaseQueries {
    fn default() -> Self {
        QuerySettings::default().queries(PATIENCE)
    }
}

impl DatabaseQueries {
    /// Whether to query if the database accepts writes.
    pub fn read_write(&self) -> bool {
        self.read_write
    }

    /// Whether to query how far the database is behind its primary.
    pub fn lag(&self) -> bool {
        self.lag
    }

    /// How long a statement may wait for a lock on the server.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Whether a pooler stands before the server: nothing may be set for the session, because the
    /// next statement may go to another one.
    pub fn is_behind_pooler(&self) -> bool {
        self.behind_pooler
    }
}

/// What the queries of a run returned.
#[derive(Debug, Default)]
pub struct DatabaseState {
    read_only: Option<String>,
    lag: Option<Lag>,
}

#[derive(Debug)]
enum Lag {
    Seconds(f64),
    Unknown(String),
}

impl DatabaseState {
    /// A database that answered, and of which nothing else was queried.
    pub fn answers() -> Self {
        Self::default()
    }

    /// The database accepts no writes, for this reason.
    #[must_use]
    pub fn read_only(mut self, reason: impl Into<String>) -> Self {
        self.read_only = Some(reason.into());
        self
    }

    /// The database is this many seconds behind its primary; 0 if it has none.
    #[must_use]
    pub fn lag(mut self, seconds: f64) -> Self {
        self.lag = Some(Lag::Seconds(seconds));
        self
    }

    /// The database does not replicate from its primary, for this reason.
    #[must_use]
    pub fn does_not_replicate(mut self, reason: impl Into<String>) -> Self {
        self.lag = Some(Lag::Unknown(reason.into()));
        self
    }
}

/// The settings of an indicator for a database.
#[derive(Clone, Debug, Default)]
pub(super) struct QuerySettings {
    pub(super) read_write: bool,
    /// A statement of the application that writes.
    pub(super) write_statement: Option<String>,
    pub(super) max_lag: Option<Duration>,
    pub(super) behind_pooler: bool,
}

impl QuerySettings {
    pub(super) fn queries(&self, patience: Duration) -> DatabaseQueries {
        DatabaseQueries {
            read_write: self.read_write,
            lag: self.max_lag.is_some(),
            patience,
            behind_pooler: self.behind_pooler,
        }
    }

    /// Returns the lag in seconds, if it was queried.
    pub(super) fn judge(
        &self,
        state: DatabaseState,
        address: &str,
    ) -> Result<Option<f64>, Failure> {
        if let Some(reason) = state.read_only {
            return Err(Failure::new(format!(
                "{address} accepts no writes: {reason}"
            )));
        }
        let most = self.max_lag.unwrap_or(Duration::MAX).as_secs_f64();
        match state.lag {
            // NaN is beyond no limit.
            Some(Lag::Seconds(lag)) if lag.is_nan() => {
                let text = format!("{address} reports a lag behind its primary that is no number");
                Err(Failure::new(text))
            }
            Some(Lag::Seconds(lag)) if lag > most => {
                let text =
                    format!("{address} is {lag:.1} s behind its primary, more than {most} s");
                Err(Failure::new(text).measurement("replicationLag", lag, "s"))
            }
            Some(Lag::Seconds(lag)) => Ok(Some(lag)),
            Some(Lag::Unknown(why)) => {
                let text = format!("{address} does not replicate from its primary: {why}");
                Err(Failure::new(text))
            }
            None => Ok(None),
        }
    }
}

/// Describes an error: the message of the server, its code and what that means. A server that
/// refuses a connection before its greeting may send no code.
#[cfg(feature = "__database")]
pub(crate) fn describe(message: &str, code: Option<&str>, meaning: Option<&str>) -> String {
    match (code, meaning) {
        (Some(code), Some(meaning)) => format!("{message} ({code}: {meaning})"),
        (Some(only), None) | (None, Some(only)) => format!("{message} ({only})"),
        (None, None) => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_that_is_no_number_fails_whatever_the_limit() {
        let judged = |max_lag, lag| {
            let settings = QuerySettings {
                max_lag,
                ..QuerySettings::default()
            };
            let judged = settings.judge(DatabaseState::answers().lag(lag), "db:5432");
            judged.map_err(|failure| failure.output().to_owned())
        };
        let second = Some(Duration::from_secs(1));
        let expected = "db:5432 reports a lag behind its primary that is no number";
        for max_lag in [second, Some(Duration::MAX)] {
            assert_eq!(judged(max_lag, f64::NAN), Err(expected.to_owned()));
        }
        assert_eq!(judged(second, 1.0), Ok(Some(1.0)));
        let text = judged(second, f64::INFINITY).err().unwrap_or_default();
        assert!(
            text.contains("inf s behind its primary, more than 1 s"),
            "{text}"
        );
    }
}
