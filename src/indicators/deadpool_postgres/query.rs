//! The queries of a run.

use std::time::Duration;

use deadpool_postgres::tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

use crate::indicators::shared::database::{DatabaseState, Lag, QueryOptions};
use crate::indicators::shared::postgres;

/// Uses the simple protocol: one round trip, and no prepared statement, which a pooler in front of
/// the server would have to support.
pub(super) async fn run(
    client: &Client,
    query: &QueryOptions,
    patience: Duration,
) -> Result<DatabaseState, Error> {
    let mut state = DatabaseState::default();
    if query.read_write {
        let row = row(client, postgres::WRITABLE).await?;
        let [in_recovery, transactions] = [0, 1].map(|at| column(row.as_ref(), at));
        state.read_only = postgres::read_only(in_recovery == "t", transactions);
    } else {
        client.simple_query("SELECT 1").await?;
    }
    if query.max_lag.is_some() {
        let row = row(client, postgres::LAG).await?;
        // A lag that cannot be parsed must not count as no lag.
        let lag = column(row.as_ref(), 0).parse().unwrap_or(f64::INFINITY);
        state.lag = Some(Lag::Seconds(lag));
    }
    if let Some(statement) = &query.write_statement {
        let bounded = postgres::bounded(statement, patience);
        client.simple_query(&bounded).await?;
    }
    Ok(state)
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
