//! The files of a pack as text.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use crate::diagnostic::{Diagnostic, SourceLocation};

/// The files of a pack: texts by path within its folder, with `/` as separator.
pub type PackFiles = BTreeMap<String, String>;

/// Whether a file belongs to a pack, judging by its extension.
#[must_use]
pub fn is_pack_file(name: &Path) -> bool {
    matches!(name.extension().and_then(OsStr::to_str), Some("toml" | "rhai" | "snapshot"))
}

/// The error about a file that a pack would ignore because its extension is mistyped; `None` for other files.
#[must_use]
pub fn misnamed_file(name: &Path) -> Option<Diagnostic> {
    let intended = intended_name(name)?;
    let name = name.to_string_lossy();
    let cause = format!("`{name}` would be ignored: a pack contains files that end in `.toml` or `.rhai`");
    let remedy = format!("rename it to `{intended}`, or move it elsewhere");
    Some(Diagnostic::at("misnamed_file", &SourceLocation::whole(&*name), &*name, cause, remedy))
}

fn intended_name(name: &Path) -> Option<String> {
    let extension = name.extension().and_then(OsStr::to_str)?;
    let lowercase = extension.to_lowercase();
    let is_near = |known: &&str| strsim::damerau_levenshtein(&lowercase, known) <= 1;
    // A backup such as `limits.toml~` is not a mistyped name.
    let known = ["toml", "rhai"].into_iter().find(is_near).filter(|_| lowercase.chars().all(char::is_alphanumeric))?;
    Some(name.with_extension(known).to_string_lossy().into_owned())
}

/// Whether a path of a pack is a script.
pub(super) fn is_script(path: &str) -> bool {
    path.ends_with(".rhai") && !path.contains('/')
}
