//! MySQL and MariaDB.

use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlRow};
use sqlx::{AssertSqlSafe, Column, Error, MySql, MySqlConnection, Row, raw_sql};

use super::backend::Backend;
use crate::indicators::pool::{DatabaseQueries, DatabaseState, PoolFault};

impl Backend for MySql {
    type Storage = ();

    fn address(options: &MySqlConnectOptions) -> String {
        let database = options.get_database().unwrap_or_default();
        match options.get_socket() {
            Some(socket) => format!("{}/{database}", socket.display()),
            None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
        }
    }

    async fn query(
        connection: &mut MySqlConnection,
        queries: &DatabaseQueries,
    ) -> Result<DatabaseState, Error> {
        let mut state = DatabaseState::answers();
        if !queries.read_write() {
            execute(connection, "SELECT 1").await?;
        } else {
            // `super_read_only` implies `read_only`, and MariaDB does not have it.
            let row = raw_sql("SELECT @@global.read_only <> 0, @@global.innodb_read_only <> 0")
                .fetch_one(&mut *connection)
                .await?;
            state = match (row.try_get(0)?, row.try_get(1)?) {
                (1_i64, _) => state.read_only("read_only is set, as on a replica"),
                (_, 1_i64) => state.read_only("innodb_read_only is set"),
                _ => state,
            };
        }
        match queries.lag() {
            true => add_lag(connection, state).await,
            false => Ok(state),
        }
    }

    /// Bounds the wait for locks, in whole seconds. The default for metadata locks is a day.
    ///
    /// Nothing is set behind a pooler, whose next statement may go to another server and leave the
    /// bound to somebody else. Variables of the user would pin the connection to one server.
    async fn write(
        connection: &mut MySqlConnection,
        statement: &str,
        queries: &DatabaseQueries,
    ) -> Result<(), Error> {
        if queries.is_behind_pooler() {
            return execute(connection, statement).await;
        }
        let row = raw_sql("SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout")
            .fetch_one(&mut *connection)
            .await?;
        let most = queries.patience().as_secs().max(1);
        execute(connection, &lock_timeouts(most, most)).await?;
        // A connection on which this fails is closed, so that nothing needs to be reset.
        execute(connection, statement).await?;
        execute(connection, &lock_timeouts(row.try_get(0)?, row.try_get(1)?)).await
    }

    fn fault(error: &dyn DatabaseError) -> PoolFault {
        match number(error) {
            Some(1040 | 1203 | 1226) => PoolFault::Full,
            // The server ends this connection: it shuts down, the connection was killed, or it was
            // idle for too long.
            Some(1053 | 1077..=1080 | 1927 | 3169 | 4031) => PoolFault::Broken,
            _ => PoolFault::Refused,
        }
    }

    /// The numbers are those of the
    /// [manual](https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html).
    fn meaning(error: &dyn DatabaseError) -> Option<&'static str> {
        let error = error.try_downcast_ref::<MySqlDatabaseError>()?;
        Some(match error.number() {
            1021 | 1114 => "the disk or a table of the server is full",
            1040 => "all connections that the server allows are taken",
            1044 | 1142 | 1227 => "the user may not do this",
            1045 => "the password is wrong, or the server does not let this user in from this host",
            1049 => "there is no such database",
            1053 => "the server is shutting down",
            1129 => "the server has blocked this host after too many errors",
            1130 => "the server accepts no connection from this host",
            1203 | 1226 => "this user has reached a limit of its account",
            1205 => "another transaction holds a lock that the statement needs",
            1290 | 1836 => "the server is read-only",
            3159 => "the server requires TLS",
            _ => return None,
        })
    }
}

fn lock_timeouts(row: u64, table: u64) -> String {
    format!("SET SESSION innodb_lock_wait_timeout = {row}, SESSION lock_wait_timeout = {table}")
}

/// The highest lag of all sources of the replica. A server without a source has no lag.
async fn add_lag(
    connection: &mut MySqlConnection,
    state: DatabaseState,
) -> Result<DatabaseState, Error> {
    let mut rows = raw_sql("SHOW REPLICA STATUS")
        .fetch_all(&mut *connection)
        .await;
    // Servers before MariaDB 10.5 and MySQL 8.0.22 do not know this statement.
    if matches!(&rows, Err(Error::Database(error)) if number(&**error) == Some(1064)) {
        rows = raw_sql("SHOW SLAVE STATUS")
            .fetch_all(&mut *connection)
            .await;
    }
    let mut most = 0_u32;
    for row in rows? {
        let seconds = text(&row, "Seconds_Behind")?.and_then(|seconds| seconds.parse().ok());
        let Some(seconds) = seconds else {
            return Ok(state.does_not_replicate(why_unknown(&row)?));
        };
        most = u32::max(most, seconds);
    }
    Ok(state.lag(most.into()))
}

/// Without the error text of the server, which names the replication user.
fn why_unknown(row: &MySqlRow) -> Result<String, Error> {
    let mut texts = Vec::new();
    for column in [
        "IO_Running",
        "SQL_Running",
        "Last_IO_Errno",
        "Last_SQL_Errno",
    ] {
        let text = text(row, column)?.unwrap_or_default();
        texts.push(format!("{column} {text}"));
    }
    Ok(texts.join(", "))
}

/// Finds a column by a part of its name that all versions of the servers share.
fn text(row: &MySqlRow, part: &str) -> Result<Option<String>, Error> {
    let column = row
        .columns()
        .iter()
        .find(|column| column.name().contains(part));
    match column {
        Some(column) => row.try_get_unchecked(column.ordinal()),
        None => Ok(None),
    }
}

fn number(error: &dyn DatabaseError) -> Option<u16> {
    let error = error.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}

async fn execute(connection: &mut MySqlConnection, statement: &str) -> Result<(), Error> {
    let statement = AssertSqlSafe(statement.to_owned());
    raw_sql(statement).execute(connection).await.map(drop)
}
