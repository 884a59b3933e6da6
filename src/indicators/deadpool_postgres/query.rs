//! How a run asks.

use std::time::Duration;

use deadpool_postgres::tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

use crate::indicators::shared::database::{Asked, Lag, Seen};
use crate::indicators::shared::postgres;

/// In the simple protocol: one way there and back, and no prepared statement that a pooler between
/// us and the server would have to know.
pub(super) async fn run(client: &Client, asked: &Asked, patience: Duration) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    if asked.read_write {
        let row = row(client, postgres::WRITABLE).await?;
        let [in_recovery, transactions] = [0, 1].map(|at| column(row.as_ref(), at));
        seen.read_only = postgres::read_only(in_recovery == "t", transactions);
    } else {
        client.simple_query("SELECT 1").await?;
    }
    if asked.max_lag.is_some() {
        let row = row(client, postgres::LAG).await?;
        // A number that cannot be read is no sign that it is not behind.
        let lag = column(row.as_ref(), 0).parse().unwrap_or(f64::INFINITY);
        seen.lag = Some(Lag::Seconds(lag));
    }
    if let Some(statement) = &asked.write_statement {
        let bounded = postgres::bounded(statement, patience);
        client.simple_query(&bounded).await?;
    }
    Ok(seen)
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
