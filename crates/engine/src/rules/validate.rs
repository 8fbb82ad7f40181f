//! Validates a whole file against its key table.
//!
//! Every entry is visited once. Follow-up errors are suppressed: for a key that is missing because its name was
//! mistyped, and for anything missing from a file with syntax errors. Values are not compared with one another here.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{FileKeys, Key, Placeholder, Presence};
use super::settings::{Settings, Value};
use super::toml_document::{TomlDocument, in_order};
use super::value;
use crate::diagnostic::{Diagnostic, SourceLocation, listed, nearest};

/// Whether a file must be complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// Keys that the file leaves out are errors, or take their defaults.
    Complete,
    /// The file states only overrides.
    Partial,
}

/// A key table as a tree, by the parts of the keys' paths.
#[derive(Debug, Clone)]
pub(crate) struct KeyTree {
    part: &'static str,
    key: Option<Key>,
    children: Vec<KeyTree>,
}

impl KeyTree {
    /// The tree of a key table, whose root is called `part`.
    pub(crate) fn of(part: &'static str, keys: &[Key]) -> Self {
        let mut root = Self { part, key: None, children: Vec::new() };
        for key in keys {
            root.insert(key, key.path);
        }
        root
    }

    /// A tree of other trees, whose root is called `part`.
    pub(crate) fn with(part: &'static str, children: Vec<KeyTree>) -> Self {
        Self { part, key: None, children }
    }

    fn insert(&mut self, key: &Key, rest: &'static str) {
        let (part, below) = rest.split_once('.').map_or((rest, None), |(part, below)| (part, Some(below)));
        let existing = self.children.iter().position(|child| child.part == part);
        let index = existing.unwrap_or_else(|| {
            self.children.push(KeyTree { part, key: None, children: Vec::new() });
            self.children.len() - 1
        });
        let Some(child) = self.children.get_mut(index) else { return };
        match below {
            Some(below) => child.insert(key, below),
            None => child.key = Some(*key),
        }
    }

    /// The child that a name in a file refers to.
    fn child(&self, name: &str) -> Option<&KeyTree> {
        let exact = self.children.iter().find(|child| child.part == name);
        exact.or_else(|| {
            self.children.iter().find(|child| Placeholder::of(child.part).is_some_and(|names| names.allows(name)))
        })
    }

    /// The names of the children, as far as they are a fixed set.
    fn names(&self) -> Vec<&'static str> {
        let names_of = |child: &KeyTree| match Placeholder::of(child.part) {
            Some(placeholder) => placeholder.allowed_names().unwrap_or_default(),
            None => vec![child.part],
        };
        self.children.iter().flat_map(names_of).collect()
    }

    /// The path, relative to this table, of a table below it that has a key with this name.
    fn table_with(&self, name: &str) -> Option<String> {
        self.children.iter().filter(|child| child.key.is_none() && Placeholder::of(child.part).is_none()).find_map(
            |child| match child.children.iter().any(|key| key.part == name && key.key.is_some()) {
                true => Some(child.part.to_owned()),
                false => child.table_with(name).map(|below| format!("{}.{below}", child.part)),
            },
        )
    }

    /// The placeholder among the children's names, if there is one.
    fn placeholder(&self) -> Option<Placeholder> {
        self.children.iter().find_map(|child| Placeholder::of(child.part))
    }

    /// How the table is written, for remedies.
    fn written_form(&self, path: &str) -> String {
        let required = self.children.iter().filter(|child| child.is_required());
        let keys: Vec<String> =
            required.filter(|child| child.key.is_some()).map(|key| format!("{} = …", key.part)).collect();
        let name = path.rsplit('.').next().unwrap_or(path);
        match (keys.as_slice(), self.names().as_slice()) {
            ([], []) => format!("`[{path}]` on a line of its own, and its keys below"),
            ([], names) => format!("`[{path}]` on a line of its own, and below it {}", listed(names.iter().copied())),
            (keys, _) => format!("`{name} = {{ {} }}`", keys.join(", ")),
        }
    }

    fn is_required(&self) -> bool {
        match &self.key {
            Some(key) => key.presence == Presence::Required,
            None => self.children.iter().any(|child| Placeholder::of(child.part).is_none() && child.is_required()),
        }
    }
}

/// Validates every entry of a file.
///
/// `prefix` is prepended to every path. Keys that are unknown here are looked for in `files`, to suggest a place.
pub(crate) fn validate(
    document: &TomlDocument<'_>,
    tree: &KeyTree,
    prefix: &str,
    completeness: Completeness,
    files: &[FileKeys],
) -> (Settings, Vec<Diagnostic>) {
    let mut visit =
        Visit { document, completeness, files, prefix, settings: Settings::default(), mistakes: Vec::new() };
    visit.mistakes.extend_from_slice(document.mistakes());
    visit.table(tree, document.root(), prefix, &document.whole());
    (visit.settings, visit.mistakes)
}

/// Reads a complete file on its own: the valid values, and the errors in the others.
#[must_use]
pub fn read_alone(file: &str, text: &str, keys: &FileKeys) -> (Settings, Vec<Diagnostic>) {
    let tree = KeyTree::of(keys.stem, keys.keys);
    TomlDocument::read(file, text, |document| {
        validate(document, &tree, "", Completeness::Complete, std::slice::from_ref(keys))
    })
}

/// The validation of one file.
struct Visit<'a> {
    document: &'a TomlDocument<'a>,
    completeness: Completeness,
    files: &'a [FileKeys],
    prefix: &'a str,
    settings: Settings,
    mistakes: Vec<Diagnostic>,
}

impl Visit<'_> {
    fn table(&mut self, tree: &KeyTree, table: &DeTable<'_>, path: &str, place: &SourceLocation) {
        let mut stated: BTreeSet<&str> = BTreeSet::new();
        for (name, value) in in_order(table) {
            let (name_place, name) = (self.document.place(name.span()), name.get_ref().as_ref());
            match tree.child(name) {
                Some(child) => {
                    stated.insert(name);
                    self.entry(child, &joined(path, name), value, &name_place);
                }
                None => stated.extend(self.report_unknown(tree, table, path, name, &name_place)),
            }
        }
        if self.completeness == Completeness::Complete {
            self.add_absent(tree, &stated, path, Some(place));
        }
    }

    fn entry(&mut self, tree: &KeyTree, path: &str, value: &Spanned<DeValue<'_>>, name_place: &SourceLocation) {
        match (&tree.key, value.get_ref()) {
            (Some(key), _) => match value::read(self.document, key, path, value) {
                Ok(read) => {
                    self.settings.insert(path.to_owned(), read, Some(self.document.place(value.span())));
                }
                Err(mistakes) => {
                    self.settings.note_unread(path);
                    for mistake in mistakes {
                        self.report(mistake);
                    }
                }
            },
            (None, DeValue::Table(table)) => self.table(tree, table, path, name_place),
            (None, _) => {
                let place = self.document.place(value.span());
                let cause = format!("`{path}` must be a table, not `{}`", self.document.quote(value.span()));
                let remedy = format!("write {}", tree.written_form(self.local(path)));
                self.report(Diagnostic::at("wrong_type", &place, path, cause, remedy));
            }
        }
    }

    /// Adds defaults for absent keys, and an error for each that is required. `place` is the location of the table;
    /// `None` if the table is absent itself.
    fn add_absent(&mut self, tree: &KeyTree, stated: &BTreeSet<&str>, path: &str, place: Option<&SourceLocation>) {
        for child in &tree.children {
            let names = match Placeholder::of(child.part) {
                Some(Placeholder::Channel) => Placeholder::Channel.allowed_names().unwrap_or_default(),
                Some(placeholder) if child.key.is_some() => placeholder.allowed_names().unwrap_or_default(),
                Some(_) => Vec::new(),
                None => vec![child.part],
            };
            for name in names.into_iter().filter(|name| !stated.contains(name)) {
                self.absent(child, &joined(path, name), place);
            }
        }
    }

    fn absent(&mut self, tree: &KeyTree, path: &str, place: Option<&SourceLocation>) {
        match (&tree.key, place) {
            (Some(Key { presence: Presence::Default(preset), .. }), _) => {
                self.settings.insert(path.to_owned(), Value::from(*preset), None);
            }
            (Some(key), Some(place)) if key.presence != Presence::Optional => {
                let name = path.rsplit('.').next().unwrap_or(path);
                let cause = format!("`{path}` is missing");
                let remedy = format!("add `{name} = …`, {}: {}", key.kind.expected(), key.doc);
                self.report_missing(Diagnostic::at("missing_key", place, path, cause, remedy));
            }
            (Some(_), _) => {}
            (None, Some(place)) if Placeholder::of(tree.part) == Some(Placeholder::Channel) => {
                let name = self.local(path);
                let cause = format!("the channel `{name}` is missing");
                let remedy = format!("add a table `[{name}]`; for a channel that is not used, with `weekly_posts = 0`");
                self.report_missing(Diagnostic::at("missing_channel", place, path, cause, remedy));
            }
            (None, Some(place)) if tree.is_required() => {
                let cause = format!("the table `{path}` is missing");
                let remedy = format!("add {}", tree.written_form(self.local(path)));
                self.report_missing(Diagnostic::at("missing_table", place, path, cause, remedy));
            }
            (None, _) => self.add_absent(tree, &BTreeSet::new(), path, None),
        }
    }

    /// Reports something missing, unless syntax errors may be the reason.
    fn report_missing(&mut self, mistake: Diagnostic) {
        if self.document.mistakes().is_empty() {
            self.report(mistake);
        }
    }

    /// Reports an unknown name, and returns the name of this table that was probably meant.
    fn report_unknown(
        &mut self,
        tree: &KeyTree,
        table: &DeTable<'_>,
        path: &str,
        name: &str,
        place: &SourceLocation,
    ) -> Option<&'static str> {
        let full = joined(path, name);
        self.settings.note_unread(&full);
        let names = tree.names();
        let (code, cause) = unknown_cause(tree, name, self.local(path));
        let guess = alias(tree, name).or_else(|| nearest(name, names.iter().copied()));
        let is_table = table.get(name).is_some_and(|value| value.get_ref().is_table());
        let misplaced = self.remedy_if_misplaced(tree, path, name, is_table);
        let remedy = match (&misplaced, guess) {
            (Some(remedy), _) => remedy.clone(),
            (None, Some(guess)) if table.contains_key(guess) => {
                format!("delete it: `{guess}`, the nearest known name, is set already")
            }
            (None, Some(guess)) => format!("write `{guess}`, the nearest known name"),
            (None, None) if code == "bad_content_type" => {
                "write the type as in the column `kind` of assets, in quotes and without a dot".to_owned()
            }
            (None, None) if code == "bad_name" => "use lowercase letters, digits and `_`, a letter first".to_owned(),
            (None, None) => format!("known here: {}", listed(names)),
        };
        self.report(Diagnostic::at(code, place, full, cause, remedy));
        guess.filter(|_| misplaced.is_none())
    }

    /// The remedy for a name that is unknown here and known elsewhere; `None` if it is known nowhere.
    fn remedy_if_misplaced(&self, tree: &KeyTree, path: &str, name: &str, is_table: bool) -> Option<String> {
        if self.completeness == Completeness::Partial
            && Placeholder::Channel.allows(name)
            && tree.child("channels").is_some()
        {
            return Some(format!("write `[channels.{name}]`"));
        }
        if is_table {
            return None;
        }
        let local = self.local(path);
        if let Some(table) = tree.table_with(name).filter(|_| !local.is_empty()) {
            return Some(format!("move `{name}` to `[{local}.{table}]`"));
        }
        let declarations = || {
            let keys = self.files.iter().flat_map(|file| file.keys.iter().map(move |key| (file, key)));
            keys.filter(|(_, key)| key.path.rsplit('.').next() == Some(name))
        };
        // A key without placeholders takes precedence, for example over one of a single channel.
        let (file, key) = declarations().find(|(_, key)| !key.path.contains('<')).or_else(|| declarations().next())?;
        let table = key.path.rsplit_once('.').map(|(table, _)| table);
        let (file_name, table) = match (self.completeness, table) {
            (Completeness::Partial, None) => (None, Some(file.stem.to_owned())),
            (Completeness::Partial, Some(table)) => (None, Some(format!("{}.{table}", file.stem))),
            (Completeness::Complete, table) => {
                let is_elsewhere = !self.prefix.is_empty() && file.stem != self.prefix;
                (is_elsewhere.then(|| format!("{}.toml", file.stem)), table.map(str::to_owned))
            }
        };
        let table = table.map(|table| if file_name.is_none() { with_names_from(local, &table) } else { table });
        Some(match (file_name, table) {
            (None, None) => format!("move `{name}` to the top of the file, above the first table"),
            (None, Some(table)) => format!("move `{name}` to `[{table}]`"),
            (Some(file), None) => format!("move `{name}` to `{file}`, above the first table"),
            (Some(file), Some(table)) => format!("move `{name}` to `[{table}]` of `{file}`"),
        })
    }

    /// The path without the file's prefix.
    fn local<'p>(&self, path: &'p str) -> &'p str {
        match path.strip_prefix(self.prefix) {
            Some(rest) => rest.trim_start_matches('.'),
            None => path,
        }
    }

    /// Reports a mistake, unless a syntax error on its line may be the reason.
    fn report(&mut self, mistake: Diagnostic) {
        if !mistake.place.source().is_some_and(|location| self.document.is_broken(location.line)) {
            self.mistakes.push(mistake);
        }
    }
}

fn unknown_cause(tree: &KeyTree, name: &str, table: &str) -> (&'static str, String) {
    let only_placeholders = tree.children.iter().all(|child| Placeholder::of(child.part).is_some());
    match tree.placeholder() {
        Some(Placeholder::Channel) if only_placeholders => ("unknown_channel", format!("`{name}` is not a channel")),
        Some(Placeholder::Signal) if only_placeholders => ("unknown_signal", format!("`{name}` is not a signal")),
        Some(Placeholder::ContentType) if only_placeholders => {
            ("bad_content_type", format!("`{name}` cannot be a content type"))
        }
        Some(Placeholder::PackDefined) if only_placeholders => ("bad_name", format!("`{name}` cannot be a name")),
        _ if table.is_empty() => ("unknown_key", format!("`{name}` is not known at the top of this file")),
        _ => ("unknown_key", format!("`{name}` is not known in `[{table}]`")),
    }
}

/// The channel that a common alias stands for, in a table of channels.
fn alias(tree: &KeyTree, name: &str) -> Option<&'static str> {
    if tree.placeholder() != Some(Placeholder::Channel) {
        return None;
    }
    match name.to_lowercase().replace(['_', '-'], "").as_str() {
        "facebook" => Some("fb"),
        "instagram" | "insta" => Some("ig"),
        "twitter" => Some("x"),
        "google" | "googlebusiness" | "googlemybusiness" | "gbp" => Some("gmb"),
        "newsletter" | "mail" => Some("email"),
        _ => None,
    }
}

/// A table's path with its placeholders replaced by the names that `path` has in the same positions, up to the first
/// part in which the two differ: `<limit>.where` becomes `b2b.where` if `path` is `b2b`.
fn with_names_from(path: &str, table: &str) -> String {
    let mut names = path.split('.');
    let mut is_same = true;
    let parts = table.split('.').map(|part| {
        let name = names.next().filter(|_| is_same);
        match name.filter(|name| Placeholder::of(part).is_some_and(|placeholder| placeholder.allows(name))) {
            Some(name) => name,
            None => {
                is_same &= name == Some(part);
                part
            }
        }
    });
    parts.collect::<Vec<_>>().join(".")
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::key::{DefaultValue, Kind};

    const KEYS: &[Key] = &[
        Key::required("name", Kind::Text, "shown"),
        Key::required("size.width", Kind::integer(1, 9), "in cells"),
        Key::with_default("size.height", Kind::integer(1, 9), DefaultValue::Integer(2), "in cells"),
        Key::with_default("weights.<day>", Kind::number(0.0, 1.0), DefaultValue::Number(1.0), "by day"),
        Key::with_table("quiet.from", Kind::Clock, "begin"),
        Key::with_table("quiet.to", Kind::Clock, "end"),
    ];
    const FILES: &[FileKeys] = &[FileKeys { stem: "x", doc: "", is_required: true, keys: KEYS }];

    fn validated(text: &str) -> (Settings, Vec<Diagnostic>) {
        let tree = KeyTree::of("", KEYS);
        TomlDocument::read("x.toml", text, |document| validate(document, &tree, "x", Completeness::Complete, FILES))
    }

    fn reported(text: &str) -> (Settings, Vec<(&'static str, u32, String)>) {
        let (settings, mistakes) = validated(text);
        (
            settings,
            mistakes.iter().map(|m| (m.code, m.place.source().unwrap().line, m.place.name().to_owned())).collect(),
        )
    }

    #[test]
    fn an_absent_key_has_its_default_or_is_missing() {
        let (settings, mistakes) = reported("[size]\nwidth = 3\n[quiet]\nfrom = \"23:00\"\n");
        let found: Vec<_> = mistakes.iter().map(|(code, line, key)| (*code, *line, key.as_str())).collect();
        assert_eq!(found, [("missing_key", 3, "x.quiet.to"), ("missing_key", 0, "x.name")]);
        assert_eq!(settings.get("x.size.height").map(|s| &s.value), Some(&Value::Integer(2)));
        assert_eq!(settings.names_under("x.weights").len(), 7);
    }

    #[test]
    fn a_missing_table_is_one_mistake_and_a_missing_optional_table_is_none() {
        let (_, mistakes) = reported("name = \"n\"\n");
        assert_eq!(mistakes, [("missing_table", 0, "x.size".to_owned())]);
    }

    #[test]
    fn a_mistyped_key_is_not_reported_as_missing_too() {
        let (_, mistakes) = reported("nmae = \"n\"\n[size]\nwidht = 3\n");
        assert_eq!(mistakes, [("unknown_key", 1, "x.nmae".to_owned()), ("unknown_key", 3, "x.size.widht".to_owned())]);
    }

    #[test]
    fn no_key_is_reported_missing_in_a_file_with_syntax_errors() {
        let (_, mistakes) = reported("name = = \"n\"\nsize = 3\n");
        assert_eq!(mistakes.iter().map(|(code, ..)| *code).collect::<Vec<_>>(), ["syntax", "wrong_type"]);
    }

    #[test]
    fn the_remedy_for_a_key_in_the_wrong_table_names_the_right_one() {
        let (_, mistakes) = validated("name = \"n\"\nheight = 3\n[size]\nwidth = 1\n");
        assert_eq!(mistakes.first().map(|m| m.remedy.as_str()), Some("move `height` to `[size]`"));
    }
}
