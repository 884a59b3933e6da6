//! What a run asks, beyond an answer.

use std::time::Duration;

use deadpool_postgres::tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

use crate::indicators::postgres;

#[derive(Clone, Default)]
pub(super) struct Question {
    pub(super) read_write: bool,
    /// A statement of the application that writes.
    pub(super) write_statement: Option<String>,
    pub(super) max_lag: Option<Duration>,
}

/// What the database said to it.
#[derive(Default)]
pub(super) struct Seen {
    /// Why it takes no writes; `Some` if it does not and was asked.
    pub(super) read_only: Option<&'static str>,
    /// How far it is behind, in seconds; `Some` if it was asked.
    pub(super) lag: Option<f64>,
}

impl Question {
    /// In the simple protocol: one way there and back, and no prepared statement that a pooler
    /// between us and the server would have to know.
    pub(super) async fn ask(&self, client: &Client) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        if self.read_write {
            let row = row(client, postgres::WRITABLE).await?;
            let [in_recovery, transactions] = [0, 1].map(|at| column(row.as_ref(), at));
            seen.read_only = postgres::read_only(in_recovery == "t", transactions);
        } else {
            client.simple_query("SELECT 1").await?;
        }
        if self.max_lag.is_some() {
            let row = row(client, postgres::LAG).await?;
            // A number that cannot be read is no sign that it is not behind.
            seen.lag = Some(column(row.as_ref(), 0).parse().unwrap_or(f64::INFINITY));
        }
        if let Some(statement) = &self.write_statement {
            client.simple_query(statement).await?;
        }
        Ok(seen)
    }
}

async fn row(client: &Client, query: &str) -> Result<Option<SimpleQueryRow>, Error> {
    let messages = client.simple_query(query).await?;
    Ok(messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    }))
}

fn column(row: Option<&SimpleQueryRow>, at: usize) -> &str {
    row.and_then(|row| row.try_get(at).ok())
        .flatten()
        .unwrap_or_default()
}
