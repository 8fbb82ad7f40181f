//! Prints diagnostics of rules packs, as text or as JSON.

use std::path::Path;

use serde_json::{Value, json};

use super::failure::Failure;
use super::{Format, Globals};
use crate::rules::{self, Diagnostic, PackFiles};

/// The diagnostics rendered with their source lines, or as JSON.
pub(super) fn rules_failure(diagnostics: &[Diagnostic], files: &PackFiles, dir: &Path, globals: &Globals) -> Failure {
    if globals.format == Format::Json {
        return Failure::Input(told_in_json(rules_in_json(diagnostics)));
    }
    Failure::Drawn(drawn(diagnostics, files, dir, globals))
}

/// The text of a pack's file, given its path including the pack's folder.
pub(super) fn text_of<'f>(file: &str, folder: &str, files: &'f PackFiles) -> Option<&'f str> {
    let name = file.strip_prefix(folder.trim_end_matches('/'))?.trim_start_matches('/');
    files.get(name).map(String::as_str)
}

pub(super) fn drawn(diagnostics: &[Diagnostic], files: &PackFiles, dir: &Path, globals: &Globals) -> String {
    let count = diagnostics.len();
    let folder = dir.to_string_lossy();
    let shown: Vec<Diagnostic> = diagnostics.iter().map(|diagnostic| diagnostic.clone().within(&folder)).collect();
    let text_of = |file: &str| text_of(file, &folder, files);
    let drawn = rules::render(&shown, &text_of, globals.colors_stderr());
    format!("{drawn}\n{count} error(s) in the rules pack `{}`", rules::visible(&folder))
}

pub(super) fn told_in_json(mistakes: Vec<Value>) -> String {
    json!({ "errors": mistakes.len(), "diagnostics": mistakes }).to_string()
}

pub(super) fn rules_in_json(diagnostics: &[Diagnostic]) -> Vec<Value> {
    diagnostics.iter().map(|diagnostic| json!(diagnostic)).collect()
}
