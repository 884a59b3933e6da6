//! The migrations that are part of the binary.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A version, what it does, and its text.
pub(super) type Entry = (i64, &'static str, &'static str);

/// In the order of their versions. A migration that was released is never changed again.
pub(super) const POSTGRES: &[Entry] = &[
    (
        1,
        "notes",
        include_str!("../../migrations/postgres/0001_notes.sql"),
    ),
    (
        2,
        "created_at",
        include_str!("../../migrations/postgres/0002_created_at.sql"),
    ),
];

pub(super) const SQLITE: &[Entry] = &[
    (
        1,
        "notes",
        include_str!("../../migrations/sqlite/0001_notes.sql"),
    ),
    (
        2,
        "created_at",
        include_str!("../../migrations/sqlite/0002_created_at.sql"),
    ),
];

pub(super) fn migrator(entries: &'static [Entry]) -> Migrator {
    let migrations = entries.iter().map(|(version, description, text)| {
        let kind = MigrationType::Simple;
        let (description, text) = (Cow::Borrowed(*description), text.into_sql_str());
        Migration::new(*version, description, kind, text, false)
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A file that is missing in the list would never be applied.
    #[test]
    fn every_file_is_part_of_the_binary() {
        for (folder, entries) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("migrations")
                .join(folder);
            let files = std::fs::read_dir(folder).unwrap();
            let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            files.sort();
            assert_eq!(files.len(), entries.len());
            for (file, (version, description, text)) in files.iter().zip(entries) {
                let name = file.file_name().unwrap().to_str().unwrap();
                assert_eq!(name, format!("{version:04}_{description}.sql"));
                assert_eq!(std::fs::read_to_string(file).unwrap(), *text);
            }
        }
    }

    #[test]
    fn both_databases_have_the_same_versions() {
        let versions = |entries: &[Entry]| entries.iter().map(|(version, ..)| *version).collect();
        let postgres: Vec<_> = versions(POSTGRES);
        let sqlite: Vec<_> = versions(SQLITE);
        assert_eq!(postgres, sqlite);
        assert!(postgres.is_sorted_by(|one, other| one < other));
    }
}
