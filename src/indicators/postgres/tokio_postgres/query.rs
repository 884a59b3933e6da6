//! The queries of a run.

use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

use crate::indicators::pool::{DatabaseQueries, DatabaseState};
use crate::indicators::postgres;

/// Uses the simple protocol: one round trip, and no prepared statement, which a pooler in front of
/// the server would have to support.
pub(crate) async fn query(
    client: &Client,
    queries: &DatabaseQueries,
) -> Result<DatabaseState, Error> {
    let mut state = DatabaseState::answers();
    if queries.read_write() {
        let row = row(client, postgres::WRITABLE).await?;
        let [in_recovery, transactions] = [0, 1].map(|at| column(row.as_ref(), at));
        if let Some(reason) = postgres::read_only(in_recovery == "t", transactions) {
            state = state.read_only(reason);
        }
    } else {
        client.simple_query("SELECT 1").await?;
    }
    if queries.lag() {
        let row = row(client, postgres::LAG).await?;
        // A lag that cannot be parsed must not count as no lag.
        state = state.lag(column(row.as_ref(), 0).parse().unwrap_or(f64::INFINITY));
    }
    Ok(state)
}

pub(crate) async fn write(
    client: &Client,
    statement: &str,
    queries: &DatabaseQueries,
) -> Result<(), Error> {
    let bounded = postgres::bounded(statement, queries.patience());
    client.simple_query(&bounded).await.map(drop)
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
