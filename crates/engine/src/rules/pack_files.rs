//! The files of a pack as text.

use std::collections::BTreeMap;

/// The files of a pack: texts by path within its folder, with `/` as separator.
pub type PackFiles = BTreeMap<String, String>;

/// Whether a path of a pack is a script.
pub(super) fn is_script(path: &str) -> bool {
    path.ends_with(".rhai") && !path.contains('/')
}
