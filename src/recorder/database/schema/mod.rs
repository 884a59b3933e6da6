//! The tables, which are made and migrated under a lock; a schema that is newer is refused.

use super::{Dialect, Purpose, Session};
use crate::recorder::RecorderError;

/// The version that this release writes.
const VERSION: usize = 1;

/// The statements that make the tables in SQLite, for a recorder
/// [without migrations](crate::recorder::RecorderBuilder::without_migrations).
///
/// The first one makes version 1 of nothing, and each other one the next version of the one before.
/// Apply each within one transaction.
#[cfg(feature = "recorder-sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "recorder-sqlite")))]
pub const SQLITE_SCHEMA: [&str; VERSION] = [include_str!("sqlite/1.sql")];

/// The statements that make the tables in Postgres, for a recorder
/// [without migrations](crate::recorder::RecorderBuilder::without_migrations).
///
/// The first one makes version 1 of nothing, and each other one the next version of the one before.
/// Apply each within one transaction, as a user whose tables the recorder may read, change and delete
/// from. The tables are in the first schema of the `search_path`.
#[cfg(feature = "recorder-postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "recorder-postgres")))]
pub const POSTGRES_SCHEMA: [&str; VERSION] = [include_str!("postgres/1.sql")];

fn scripts(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        #[cfg(feature = "recorder-sqlite")]
        Dialect::Sqlite => &SQLITE_SCHEMA,
        #[cfg(feature = "recorder-postgres")]
        Dialect::Postgres => &POSTGRES_SCHEMA,
    }
}

/// Checks the schema, and makes or migrates it if it should. Returns the identity of the database.
pub(super) async fn prepare(session: &mut Session, purpose: Purpose) -> Result<i64, RecorderError> {
    let (version, identity) = version(session).await?;
    if version == VERSION {
        return Ok(identity);
    }
    if version > VERSION {
        return Err(RecorderError::schema(format!(
            "the history in the database has version {version}, and this release of tower-health \
             only knows versions up to {VERSION}: use a release that is as new as the one that made \
             the tables"
        )));
    }
    if purpose != Purpose::Migrate {
        return Err(RecorderError::schema(match version {
            0 => "there is no history in the database: the table tower_health_schema is missing"
                .to_owned(),
            _ => format!(
                "the history in the database has version {version}, and {VERSION} is needed: apply \
                 the scripts of the schema, or let a recorder migrate it"
            ),
        }));
    }
    migrate(session).await
}

/// Returns the version and the identity; both are 0 without a schema.
async fn version(session: &mut Session) -> Result<(usize, i64), RecorderError> {
    let exists = match session.dialect() {
        #[cfg(feature = "recorder-sqlite")]
        Dialect::Sqlite => "SELECT count(*) FROM sqlite_master WHERE name = 'tower_health_schema'",
        #[cfg(feature = "recorder-postgres")]
        Dialect::Postgres => {
            // `to_regclass` would look into a cache, which may not know yet what another process has
            // made while this one waited for the lock.
            "SELECT count(*) FROM pg_class WHERE relname = 'tower_health_schema' \
             AND pg_table_is_visible(oid)"
        }
    };
    let exists = session.fetch_one(exists, Vec::new()).await?;
    if exists.is_none_or(|row| row.count(0) == 0) {
        return Ok((0, 0));
    }
    let query = "SELECT version, identity FROM tower_health_schema";
    let row = session.fetch_one(query, Vec::new()).await?;
    let found = row.and_then(|row| Some((row.int(0)?.try_into().ok()?, row.int(1)?)));
    found.ok_or_else(|| RecorderError::schema("the table tower_health_schema has no row"))
}

async fn migrate(session: &mut Session) -> Result<i64, RecorderError> {
    session.begin().await?;
    lock(session).await?;
    // Another process may have come first.
    let (version, _) = self::version(session).await?;
    for script in scripts(session.dialect()).iter().skip(version) {
        if let Err(error) = session.script(script).await {
            let text = format!(
                "cannot make the tables of the history, from version {version} to {VERSION}: {error}"
            );
            // Permission denied: waiting does not help.
            return Err(match error.to_string().ends_with("(42501)") {
                true => RecorderError::schema(text),
                false => RecorderError::unavailable(text),
            });
        }
    }
    session.commit().await?;
    match self::version(session).await? {
        (VERSION, identity) => Ok(identity),
        (other, _) => Err(RecorderError::schema(format!(
            "the history in the database has version {other} after it was migrated to {VERSION}"
        ))),
    }
}

/// Keeps other processes from migrating. In SQLite, nobody else can write within the transaction.
async fn lock(session: &mut Session) -> Result<(), RecorderError> {
    match session.dialect() {
        #[cfg(feature = "recorder-sqlite")]
        Dialect::Sqlite => Ok(()),
        #[cfg(feature = "recorder-postgres")]
        Dialect::Postgres => {
            // The letters of "health"; PostgreSQL has no names for such locks.
            let lock = "SELECT pg_advisory_xact_lock(114776364119144)";
            session.script(lock).await
        }
    }
}
