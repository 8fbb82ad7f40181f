//! Renders diagnostics of rules packs as text or as JSON.

use std::path::Path;

use serde_json::{Value, json};

use super::failure::Failure;
use super::{Format, Globals};
use crate::diagnostic::{Diagnostic, render, visible};
use crate::rules::PackFiles;

/// The failure for mistakes in a pack, with the source lines of the mistakes, or as JSON.
pub(super) fn rules_failure(diagnostics: &[Diagnostic], files: &PackFiles, dir: &Path, globals: &Globals) -> Failure {
    if globals.format == Format::Json {
        return Failure::Input(errors_as_json(diagnostics_as_json(diagnostics)));
    }
    Failure::Rendered(rendered(diagnostics, files, dir, globals))
}

/// The text of a pack's file, given its path including the pack's folder.
pub(super) fn text_of<'f>(file: &str, folder: &str, files: &'f PackFiles) -> Option<&'f str> {
    let name = file.strip_prefix(folder.trim_end_matches('/'))?.trim_start_matches('/');
    files.get(name).map(String::as_str)
}

/// The diagnostics of a pack as text, each with its source lines.
pub(super) fn rendered(diagnostics: &[Diagnostic], files: &PackFiles, dir: &Path, globals: &Globals) -> String {
    let count = diagnostics.len();
    let folder = dir.to_string_lossy();
    let with_folder: Vec<Diagnostic> =
        diagnostics.iter().map(|diagnostic| diagnostic.clone().within(&folder)).collect();
    let source_text = |file: &str| text_of(file, &folder, files);
    let text = render(&with_folder, &source_text, globals.colors_stderr());
    format!("{text}\n{count} error(s) in the rules pack `{}`", visible(&folder))
}

pub(super) fn errors_as_json(diagnostics: Vec<Value>) -> String {
    json!({ "errors": diagnostics.len(), "diagnostics": diagnostics }).to_string()
}

pub(super) fn diagnostics_as_json(diagnostics: &[Diagnostic]) -> Vec<Value> {
    diagnostics.iter().map(|diagnostic| json!(diagnostic)).collect()
}
