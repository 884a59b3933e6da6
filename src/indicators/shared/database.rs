//! What a run queries of a database, and what the result means, independent of the client crate.

use std::time::Duration;

use crate::Failure;

/// What a run checks besides that the database answers.
#[derive(Clone, Debug, Default)]
#[allow(
    unreachable_pub,
    reason = "named by a sealed trait of the indicator for sqlx"
)]
pub struct QueryOptions {
    pub(crate) read_write: bool,
    /// A statement of the application that writes.
    pub(crate) write_statement: Option<String>,
    pub(crate) max_lag: Option<Duration>,
}

impl QueryOptions {
    /// The options for a connection outside the pool. The statement of the application may need what
    /// the pool sets up on its connections.
    pub(crate) fn outside_the_pool(&self) -> Self {
        Self {
            write_statement: None,
            ..self.clone()
        }
    }

    /// Returns the lag in seconds, if it was queried.
    pub(crate) fn judge(
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

/// What the queries of a run returned.
#[derive(Debug, Default)]
#[allow(
    unreachable_pub,
    reason = "named by a sealed trait of the indicator for sqlx"
)]
pub struct DatabaseState {
    /// Why the database accepts no writes; `Some` if it was queried and accepts none.
    pub(crate) read_only: Option<&'static str>,
    /// How far the database is behind its primary; `Some` if it was queried.
    pub(crate) lag: Option<Lag>,
}

/// How far a replica is behind its primary.
#[derive(Debug)]
pub(crate) enum Lag {
    Seconds(f64),
    /// Why the server does not know its lag.
    Unknown(String),
}

/// Describes an error: the message of the server, its code and what that means. A server that
/// refuses a connection before its greeting may send no code.
pub(crate) fn describe(message: &str, code: Option<&str>, meaning: Option<&str>) -> String {
    match (code, meaning) {
        (Some(code), Some(meaning)) => format!("{message} ({code}: {meaning})"),
        (Some(only), None) | (None, Some(only)) => format!("{message} ({only})"),
        (None, None) => message.to_owned(),
    }
}
