//! Queries for Postgres and the meaning of its error codes, independent of the client crate.

#[cfg(feature = "__tokio_postgres")]
pub(crate) mod tokio_postgres;

use std::time::Duration;

use crate::indicators::pool::PoolFault;

pub(crate) const WRITABLE: &str =
    "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')";

/// The lag is the age of the last replayed transaction. That age also grows while the primary is
/// idle, so a standby that streams and has replayed everything it received has no lag. A standby that
/// has replayed nothing yet lags since its start.
pub(crate) const LAG: &str = "SELECT CASE \
    WHEN NOT pg_is_in_recovery() THEN 0 \
    WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) \
        AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
    ELSE extract(epoch FROM now() - \
        coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())) \
    END::float8";

/// The statement with timeouts on the server, which does not notice that the client of a waiting
/// statement is gone. One message is one transaction, and the settings end with it.
pub(crate) fn bounded(statement: &str, patience: Duration) -> String {
    let most = patience.as_millis().max(1);
    format!("SET LOCAL lock_timeout = {most}; SET LOCAL statement_timeout = {most}; {statement}")
}

/// Why the server accepts no writes, by the result of [`WRITABLE`].
pub(crate) fn read_only(in_recovery: bool, transactions: &str) -> Option<&'static str> {
    match (in_recovery, transactions) {
        (true, _) => Some("it is a standby, in recovery"),
        (false, "on") => Some("its transactions are read-only"),
        (false, _) => None,
    }
}

/// What an error of the server, or of a pooler before it, says about the pool and the server.
pub(crate) fn fault(code: &str, message: &str) -> PoolFault {
    match code {
        "53300" => PoolFault::Full,
        // PgBouncer before 1.19 has one code for all that it says itself.
        "08P01" if message.contains("no more connections allowed") => PoolFault::Full,
        // It sends the code of the administrator's command before it ends a connection, and that of
        // a timeout.
        "57P01" | "57P02" | "57P05" | "25P03" => PoolFault::Broken,
        code if code.starts_with("08") => PoolFault::Broken,
        _ => PoolFault::Refused,
    }
}

/// The codes are those of the [manual](https://www.postgresql.org/docs/current/errcodes-appendix.html).
pub(crate) fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "28P01" => "the password is wrong",
        "28000" => "the server does not let this user in from this host, or not without TLS",
        "3D000" => "there is no such database",
        "42501" => "the user may not do this",
        "25006" => "the server is read-only",
        "53100" => "the disk of the server is full",
        "53300" => "all connections that the server allows are taken",
        "55P03" => "another transaction holds a lock that the statement needs",
        "57014" => "the statement took too long, or waited for a lock",
        "57P01" | "57P02" => "the server is shutting down or was restarted",
        "57P03" => "the server is starting up or shutting down",
        _ => return None,
    })
}
