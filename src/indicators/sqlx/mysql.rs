//! MySQL and MariaDB.

use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError};
use sqlx::{AssertSqlSafe, Error, MySql, MySqlConnection, Row, raw_sql};

use super::backend::{Asked, Backend, Seen};

impl Backend for MySql {
    fn place(options: &MySqlConnectOptions) -> String {
        let database = options.get_database().unwrap_or_default();
        match options.get_socket() {
            Some(socket) => format!("{}/{database}", socket.display()),
            None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
        }
    }

    async fn look(connection: &mut MySqlConnection, asked: &Asked) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        if !asked.read_write {
            raw_sql("SELECT 1").execute(&mut *connection).await?;
        } else {
            // `super_read_only` implies `read_only`, and MariaDB does not have it.
            let row = raw_sql("SELECT @@global.read_only <> 0, @@global.innodb_read_only <> 0")
                .fetch_one(&mut *connection)
                .await?;
            seen.read_only = match (row.try_get(0)?, row.try_get(1)?) {
                (1_i64, _) => Some("read_only is set, as on a replica"),
                (_, 1_i64) => Some("innodb_read_only is set"),
                _ => None,
            };
        }
        if let Some(statement) = &asked.write_statement {
            let statement = AssertSqlSafe(statement.clone());
            raw_sql(statement).execute(&mut *connection).await?;
        }
        Ok(seen)
    }

    /// The numbers are those of the
    /// [manual](https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html).
    fn meaning(error: &dyn DatabaseError) -> Option<&'static str> {
        let error = error.try_downcast_ref::<MySqlDatabaseError>()?;
        Some(match error.number() {
            1021 | 1114 => "the disk or a table of the server is full",
            1040 => "all connections that the server allows are taken",
            1044 | 1142 => "the user may not do this",
            1045 => "the password is wrong, or this user may not come from here",
            1049 => "there is no such database",
            1053 => "the server is shutting down",
            1129 => "the server has blocked this host after too many errors",
            1203 => "this user has all the connections that it may have",
            1290 | 1836 => "the server is read-only",
            _ => return None,
        })
    }
}
