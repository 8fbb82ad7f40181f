//! Differences between two packs: values by key with a description, functions by name, and values of overlays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::compiled::CompiledRules;
use super::effective::EffectiveValue;
use super::key::Placeholder;
use super::keys::PACK_FILES;
use super::load::OverlayKey;

/// A location within a pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct RulePlace {
    /// File, as a path within the pack.
    pub file: Arc<str>,
    /// 1-based line.
    pub line: u32,
}

impl From<(Arc<str>, u32)> for RulePlace {
    fn from((file, line): (Arc<str>, u32)) -> Self {
        Self { file, line }
    }
}

impl fmt::Display for RulePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A value that differs between two packs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ValueDifference {
    /// Full path, such as `channels.tiktok.weekly_posts`.
    pub key: String,
    /// The key's description; empty if the key is unknown.
    pub meaning: String,
    /// The first pack's value as TOML; `None` if it has none.
    pub before: Option<String>,
    /// The second pack's value as TOML; `None` if it has none.
    pub after: Option<String>,
    /// Location in the second pack, or else in the first; `None` if both have it by default.
    pub place: Option<RulePlace>,
}

/// How a function differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionChange {
    /// Only the second pack defines it.
    Added,
    /// Only the first pack defines it.
    Removed,
    /// Both packs define it, with different code; comments and layout are ignored.
    Changed,
}

/// A function that differs between two packs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FunctionDifference {
    /// The function's name.
    pub name: String,
    /// The kind of change.
    pub change: FunctionChange,
    /// Its location in the second pack, or else in the first.
    pub place: RulePlace,
}

/// An overlay that differs between two packs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct OverlayDifference {
    /// Its file, as a path within the pack.
    pub file: String,
    /// The values that differ.
    pub values: Vec<ValueDifference>,
}

/// The differences between two packs.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct RulesDifference {
    /// Values of the base, by file in documentation order.
    pub values: Vec<ValueDifference>,
    /// Functions, by name.
    pub functions: Vec<FunctionDifference>,
    /// Overlays, by file.
    pub overlays: Vec<OverlayDifference>,
}

impl RulesDifference {
    /// The differences from the first pack to the second.
    #[must_use]
    pub fn between(before: &CompiledRules, after: &CompiledRules) -> Self {
        let base = |rules: &CompiledRules| rules.pack().effective(&OverlayKey::default());
        Self {
            values: value_differences(&base(before), &base(after)),
            functions: function_differences(before, after),
            overlays: overlay_differences(before, after),
        }
    }

    /// Whether the packs differ in nothing but comments, layout and order.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.functions.is_empty() && self.overlays.is_empty()
    }
}

fn place(value: &EffectiveValue) -> Option<RulePlace> {
    value.file.as_ref().map(|file| RulePlace { file: Arc::clone(file), line: value.line })
}

fn value_differences(before: &[EffectiveValue], after: &[EffectiveValue]) -> Vec<ValueDifference> {
    let by_key = |values: &[EffectiveValue]| -> BTreeMap<String, EffectiveValue> {
        values.iter().map(|value| (value.key.clone(), value.clone())).collect()
    };
    let (before_by_key, after_by_key) = (by_key(before), by_key(after));
    let mut seen = BTreeSet::new();
    let keys = after.iter().chain(before).map(|value| value.key.as_str()).filter(|key| seen.insert(*key));
    let difference = |key: &str| {
        let (old, new) = (before_by_key.get(key), after_by_key.get(key));
        let text = |value: Option<&EffectiveValue>| value.map(|value| value.value.clone());
        (text(old) != text(new)).then(|| ValueDifference {
            key: key.to_owned(),
            meaning: meaning(key).to_owned(),
            before: text(old),
            after: text(new),
            place: new.and_then(place).or_else(|| old.and_then(place)),
        })
    };
    keys.filter_map(difference).collect()
}

/// The description of a key; empty if the key is unknown.
fn meaning(path: &str) -> &'static str {
    let Some((stem, path)) = path.split_once('.') else { return "" };
    let parts: Vec<&str> = path.split('.').collect();
    let matches = |pattern: &str| {
        let pattern: Vec<&str> = pattern.split('.').collect();
        pattern.len() == parts.len()
            && pattern.iter().zip(&parts).all(|(expected, part)| match Placeholder::of(expected) {
                Some(names) => names.allows(part),
                None => expected == part,
            })
    };
    let keys = PACK_FILES.iter().filter(|file| file.stem == stem).flat_map(|file| file.keys);
    keys.filter(|key| matches(key.path)).map(|key| key.doc).next().unwrap_or_default()
}

fn function_differences(before: &CompiledRules, after: &CompiledRules) -> Vec<FunctionDifference> {
    let (before, after) = (before.function_texts(), after.function_texts());
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let difference = |name: &String| {
        let (change, place) = match (before.get(name), after.get(name)) {
            (Some((old, _)), Some((new, place))) if old != new => (FunctionChange::Changed, place),
            (None, Some((_, place))) => (FunctionChange::Added, place),
            (Some((_, place)), None) => (FunctionChange::Removed, place),
            _ => return None,
        };
        Some(FunctionDifference { name: name.clone(), change, place: place.clone() })
    };
    names.into_iter().filter_map(difference).collect()
}

fn overlay_differences(before: &CompiledRules, after: &CompiledRules) -> Vec<OverlayDifference> {
    let by_file = |rules: &CompiledRules| -> BTreeMap<String, Vec<EffectiveValue>> {
        rules.pack().overlay_values().map(|(file, values)| (file.to_owned(), values)).collect()
    };
    let (before, after) = (by_file(before), by_file(after));
    let files: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let no_values = Vec::new();
    files
        .into_iter()
        .map(|file| OverlayDifference {
            file: file.clone(),
            values: value_differences(before.get(file).unwrap_or(&no_values), after.get(file).unwrap_or(&no_values)),
        })
        .filter(|overlay| !overlay.values.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::super::load::tests::{changed, default_files};
    use super::*;

    fn compiled(files: super::super::PackFiles) -> CompiledRules {
        CompiledRules::compile(load(files).unwrap()).unwrap()
    }

    #[test]
    fn comments_and_layout_make_no_difference() {
        let spaced = changed("guardrails.rhai", "fn ", "// stated otherwise\nfn  ");
        let difference = RulesDifference::between(&compiled(default_files()), &compiled(spaced));
        assert!(difference.is_empty(), "{difference:?}");
    }

    #[test]
    fn a_changed_text_is_a_difference_even_after_two_slashes() {
        let first = changed("guardrails.rhai", "\n    pass()", "\n    warn(\"see https://a.example/1\", \"look\")");
        let second = changed("guardrails.rhai", "\n    pass()", "\n    warn(\"see https://a.example/2\", \"look\")");
        let difference = RulesDifference::between(&compiled(first), &compiled(second));
        assert!(!difference.functions.is_empty(), "{difference:?}");
    }

    #[test]
    fn a_changed_number_is_described_with_its_location() {
        let more = changed("channels.toml", "weekly_posts = 14", "weekly_posts = 20");
        let difference = RulesDifference::between(&compiled(default_files()), &compiled(more));
        let [value] = difference.values.as_slice() else { panic!("{difference:?}") };
        assert_eq!(value.key, "channels.tiktok.weekly_posts");
        assert_eq!((value.before.as_deref(), value.after.as_deref()), (Some("14"), Some("20")));
        assert_eq!(value.meaning, "posts a week before fatigue lowers them");
        assert_eq!(value.place.as_ref().map(|place| &*place.file), Some("channels.toml"));
    }

    #[test]
    fn functions_and_overlays_are_reported_by_name() {
        let mut files = changed("guardrails.rhai", "ctx.block_at", "(ctx.block_at - 0.1)");
        let overlay = "[scope]\nclient = \"bakery\"\n\n[fatigue]\nwarn_at = 0.4\n";
        files.insert("overlays/bakery.toml".to_owned(), overlay.to_owned());
        let difference = RulesDifference::between(&compiled(default_files()), &compiled(files));
        let names: Vec<&str> = difference.functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["channel_fatigue"]);
        assert_eq!(difference.functions[0].change, FunctionChange::Changed);
        assert_eq!(difference.overlays[0].values[0].key, "fatigue.warn_at");
        assert!(difference.values.is_empty());
    }
}
