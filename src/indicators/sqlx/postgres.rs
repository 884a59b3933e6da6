//! Postgres.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Error, PgConnection, Postgres, Row, raw_sql};

use super::backend::{Asked, Backend, Seen};

/// Behind by the age of the last transaction that was replayed. That grows on an idle primary too,
/// so a standby that streams and has replayed all that it received is not behind. One that has
/// replayed none yet is behind since it started.
const LAG: &str = "SELECT CASE \
    WHEN NOT pg_is_in_recovery() THEN 0 \
    WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) \
        AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
    ELSE extract(epoch FROM now() - \
        coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())) \
    END::float8";

impl Backend for Postgres {
    fn place(options: &PgConnectOptions) -> String {
        let database = options.get_database().unwrap_or(options.get_username());
        match options.get_socket() {
            Some(socket) => format!("{}/{database}", socket.display()),
            None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
        }
    }

    async fn look(connection: &mut PgConnection, asked: &Asked) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        if !asked.read_write {
            raw_sql("SELECT 1").execute(&mut *connection).await?;
        } else {
            let row =
                raw_sql("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')")
                    .fetch_one(&mut *connection)
                    .await?;
            seen.read_only = match (row.try_get(0)?, row.try_get(1)?) {
                (true, _) => Some("it is a standby, in recovery"),
                (false, "on") => Some("its transactions are read-only"),
                (false, _) => None,
            };
        }
        if asked.max_lag.is_some() {
            let row = raw_sql(LAG).fetch_one(&mut *connection).await?;
            seen.lag = Some(row.try_get(0)?);
        }
        if let Some(statement) = &asked.write_statement {
            let statement = AssertSqlSafe(statement.clone());
            raw_sql(statement).execute(&mut *connection).await?;
        }
        Ok(seen)
    }

    /// The codes are those of the [manual](https://www.postgresql.org/docs/current/errcodes-appendix.html).
    fn meaning(error: &dyn DatabaseError) -> Option<&'static str> {
        Some(match &*error.code()? {
            "28P01" => "the password is wrong",
            "28000" => "the server does not let this user in from here, or not without TLS",
            "3D000" => "there is no such database",
            "42501" => "the user may not do this",
            "25006" => "the server is read-only",
            "53100" => "the disk of the server is full",
            "53300" => "all connections that the server allows are taken",
            "57P01" | "57P02" => "the server is shutting down or was restarted",
            "57P03" => "the server is starting up or shutting down",
            _ => return None,
        })
    }
}
