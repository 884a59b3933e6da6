//! What an error of the database means for a process that waits for its schema.

use std::io::ErrorKind;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

/// Whether another attempt may succeed without a change of settings or migrations.
pub(super) fn is_passing(error: &MigrateError) -> bool {
    match inner(error) {
        // A certificate that is refused is no outage, and neither is a file that may not be read.
        Some(sqlx::Error::Io(error)) => !matches!(
            error.kind(),
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::PermissionDenied
        ),
        Some(sqlx::Error::Database(error)) => match error.code().as_deref() {
            // https://www.postgresql.org/docs/current/errcodes-appendix.html: starting up or
            // shutting down, and no connection left.
            Some("57P01" | "57P02" | "57P03" | "53300") => true,
            // https://www.sqlite.org/rescode.html: SQLITE_BUSY, and its extended codes for a
            // database that another process recovers, and for a snapshot that is too old.
            Some("5" | "261" | "517") => true,
            _ => false,
        },
        _ => false,
    }
}

/// Whether there is no table of migrations, as before the first one.
pub(super) fn is_missing_table(error: &MigrateError) -> bool {
    let Some(sqlx::Error::Database(error)) = inner(error) else {
        return false;
    };
    says_missing_table(&**error)
}

fn says_missing_table(error: &dyn DatabaseError) -> bool {
    match error.code().as_deref() {
        Some("42P01") => true, // undefined_table of Postgres
        // SQLITE_ERROR stands for much; only the text tells which.
        Some("1") => error.message().starts_with("no such table"),
        _ => false,
    }
}

fn inner(error: &MigrateError) -> Option<&sqlx::Error> {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Some(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error;
    use std::fmt;

    use sqlx::error::ErrorKind;

    use super::*;

    /// An error of a database with this code and text.
    #[derive(Debug)]
    struct Fault(&'static str, &'static str);

    impl fmt::Display for Fault {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.1)
        }
    }

    impl Error for Fault {}

    impl DatabaseError for Fault {
        fn message(&self) -> &str {
            self.1
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn error(code: &'static str, text: &'static str) -> MigrateError {
        MigrateError::Execute(sqlx::Error::Database(Box::new(Fault(code, text))))
    }

    #[test]
    fn a_database_that_is_busy_or_away_passes_and_nothing_else_does() {
        for code in ["57P01", "57P02", "57P03", "53300", "5", "261", "517"] {
            assert!(is_passing(&error(code, "")), "{code}");
        }
        // Some codes of Postgres would be those of SQLite if their lowest byte alone were read.
        for code in ["42501", "42P01", "28P01", "22021", "1", "8", "11"] {
            assert!(!is_passing(&error(code, "")), "{code}");
        }
    }

    #[test]
    fn only_a_table_that_is_not_there_is_a_missing_one() {
        assert!(is_missing_table(&error("42P01", "")));
        assert!(is_missing_table(&error(
            "1",
            "no such table: _sqlx_migrations"
        )));
        for (code, text) in [
            ("42501", "permission denied for table _sqlx_migrations"),
            ("1", "no such column: checksum"),
            ("26", "file is not a database"),
        ] {
            assert!(!is_missing_table(&error(code, text)), "{code}");
        }
    }
}
