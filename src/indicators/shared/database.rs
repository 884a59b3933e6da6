//! What is asked of a database, what it says to that, and what that means, whichever crate carries
//! the question.

use std::time::Duration;

use crate::Failure;

/// What a run asks beyond an answer.
#[derive(Clone, Debug, Default)]
#[allow(
    unreachable_pub,
    reason = "named by a sealed trait of the indicator for sqlx"
)]
pub struct Asked {
    pub(crate) read_write: bool,
    /// A statement of the application that writes.
    pub(crate) write_statement: Option<String>,
    pub(crate) max_lag: Option<Duration>,
}

impl Asked {
    /// What can be asked beside the pool: the statement of the application may need what its pool
    /// sets up on a connection.
    pub(crate) fn beside_the_pool(&self) -> Self {
        Self {
            write_statement: None,
            ..self.clone()
        }
    }

    /// The lag in seconds, if it was asked.
    pub(crate) fn judge(&self, seen: Seen, place: &str) -> Result<Option<f64>, Failure> {
        if let Some(reason) = seen.read_only {
            return Err(Failure::new(format!("{place} takes no writes: {reason}")));
        }
        let most = self.max_lag.unwrap_or(Duration::MAX).as_secs_f64();
        match seen.lag {
            Some(Lag::Seconds(lag)) if lag > most => {
                let text =
                    format!("{place} is {lag:.1} s behind its primary, allowed are {most} s");
                Err(Failure::new(text).measurement("replicationLag", lag, "s"))
            }
            Some(Lag::Seconds(lag)) => Ok(Some(lag)),
            Some(Lag::Unknown(why)) => {
                let text = format!("{place} does not replicate from its primary: {why}");
                Err(Failure::new(text))
            }
            None => Ok(None),
        }
    }
}

/// What a database said to it.
#[derive(Debug, Default)]
#[allow(
    unreachable_pub,
    reason = "named by a sealed trait of the indicator for sqlx"
)]
pub struct Seen {
    /// Why it takes no writes; `Some` if it does not and was asked.
    pub(crate) read_only: Option<&'static str>,
    /// How far it is behind; `Some` if it was asked.
    pub(crate) lag: Option<Lag>,
}

/// How far a replica is behind its primary.
#[derive(Debug)]
pub(crate) enum Lag {
    Seconds(f64),
    /// Why the server does not know.
    Unknown(String),
}

/// The words of a server, its code, and what they mean. A server that turns a connection away
/// before its greeting may send no code.
pub(crate) fn worded(message: &str, code: Option<&str>, meaning: Option<&str>) -> String {
    match (code, meaning) {
        (Some(code), Some(meaning)) => format!("{message} ({code}: {meaning})"),
        (Some(only), None) | (None, Some(only)) => format!("{message} ({only})"),
        (None, None) => message.to_owned(),
    }
}
