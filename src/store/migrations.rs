//! The schema's migrations, one file each: `migrations/postgres/0001_ledger.sql`.

use std::borrow::Cow;

use include_dir::{Dir, File, include_dir};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType};

static POSTGRES: Dir = include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres");
static SQLITE: Dir = include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite");

/// The migrations of PostgreSQL, in ascending order of version.
pub(super) fn postgres() -> Vec<Migration> {
    migrations(&POSTGRES)
}

/// The migrations of SQLite, in ascending order of version.
pub(super) fn sqlite() -> Vec<Migration> {
    migrations(&SQLITE)
}

/// The newest version of the schema.
pub(super) fn newest_version() -> i64 {
    sqlite().last().map_or(0, |migration| migration.version)
}

fn migrations(folder: &'static Dir) -> Vec<Migration> {
    let mut migrations: Vec<Migration> = folder.files().filter_map(migration).collect();
    migrations.sort_by_key(|migration| migration.version);
    migrations
}

fn migration(file: &'static File) -> Option<Migration> {
    let (version, name) = file.path().file_stem()?.to_str()?.split_once('_')?;
    let sql = file.contents_utf8()?.into_sql_str();
    Some(Migration::new(version.parse().ok()?, Cow::Borrowed(name), MigrationType::Simple, sql, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations_numbered_from_1_without_a_gap() {
        let names = |migrations: Vec<Migration>| -> Vec<(i64, String)> {
            migrations.into_iter().map(|migration| (migration.version, migration.description.into_owned())).collect()
        };
        assert_eq!(postgres().len(), POSTGRES.files().count());
        assert_eq!(names(postgres()), names(sqlite()));
        let versions: Vec<i64> = sqlite().iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=newest_version()).collect::<Vec<_>>());
        assert!(newest_version() >= 6);
    }
}
