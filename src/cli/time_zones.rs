//! Compares the built-in time-zone database with the system's.
//!
//! The system's database is used only for this warning, so the same input gives the same plan on every machine.

use std::path::Path;

use super::Globals;
use crate::files;
use crate::model::Zone;

/// The system's time-zone folder.
const ZONEINFO_FOLDER: &str = "/usr/share/zoneinfo";

/// Maximum size of a file read from the system's database, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Warns if the system's time-zone database is newer than the built-in one.
pub(super) fn warn_if_outdated(globals: &Globals) {
    let built_in = Zone::database_version();
    if let Some(system) = version_in(Path::new(ZONEINFO_FOLDER)).filter(|system| is_newer(system, built_in)) {
        globals.info(&format!(
            "warning: the built-in time-zone database, tz {built_in}, is older than this system's, tz {system}: \
             time zones may have changed; use a newer version of mcoe"
        ));
    }
}

/// The version of the database in a time-zone folder; `None` if it cannot be determined.
fn version_in(folder: &Path) -> Option<String> {
    let version_file = files::read_text(&folder.join("+VERSION"), MAX_FILE_BYTES).ok();
    let data_file = || files::read_text(&folder.join("tzdata.zi"), MAX_FILE_BYTES).ok();
    let text = version_file.or_else(|| Some(data_file()?.lines().next()?.strip_prefix("# version ")?.to_owned()))?;
    let version: String = text.trim().chars().take_while(char::is_ascii_alphanumeric).collect();
    is_version(&version).then_some(version)
}

/// Whether a text is a version: a year followed by one or more lowercase letters.
fn is_version(text: &str) -> bool {
    let (year, letters) = text.split_at_checked(4).unwrap_or_default();
    year.bytes().all(|byte| byte.is_ascii_digit())
        && !letters.is_empty()
        && letters.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whether a version is newer than another. Versions are ordered as text: 2025z, 2025za, 2026a.
fn is_newer(version: &str, other: &str) -> bool {
    is_version(other) && version > other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_either_file() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(version_in(dir.path()), None);
        std::fs::write(dir.path().join("tzdata.zi"), "# version 2031b-dirty\n# more\n").unwrap();
        assert_eq!(version_in(dir.path()).as_deref(), Some("2031b"));
        std::fs::write(dir.path().join("+VERSION"), "2031c\n").unwrap();
        assert_eq!(version_in(dir.path()).as_deref(), Some("2031c"));
        std::fs::write(dir.path().join("+VERSION"), "no version\n").unwrap();
        assert_eq!(version_in(dir.path()), None);
    }

    #[test]
    fn later_years_and_letters_are_newer() {
        assert!(is_newer("2026b", "2026a") && is_newer("2027a", "2026z") && is_newer("2026za", "2026z"));
        assert!(!is_newer("2026a", "2026a") && !is_newer("2025z", "2026a") && !is_newer("2027a", "of unknown version"));
    }

    #[test]
    fn the_built_in_version_is_well_formed() {
        assert!(is_version(Zone::database_version()), "{}", Zone::database_version());
    }
}
