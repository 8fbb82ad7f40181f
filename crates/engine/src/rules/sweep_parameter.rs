//! Sweep parameters: keys of a pack that are set to other values, and the pack files with those values written in.
//!
//! A key is set in the base by editing its file: an existing value is replaced, a key left at its default is inserted.
//! Overlays still apply on top. `load` decides whether the edited pack is valid.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::key::{Key, Kind, Placeholder};
use super::keys::PACK_FILES;
use super::levels::{self, Level, Levels};
use super::load::{OverlayKey, RulesPack};
use super::pack_files::PackFiles;
use super::settings::{Row, Settings, Value};
use crate::diagnostic::{Diagnostic, Lines, SourceLocation, listed, nearest};

/// Name of the pseudo-file in which diagnostics about `KEY=VALUES` arguments are located.
pub const SET: &str = "--set";

/// A key, or several keys that vary together, and the values to try.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepParameter {
    /// The keys; at least one.
    pub keys: Vec<SettableKey>,
    /// The values to try.
    pub levels: Levels,
}

/// A key of a pack that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct SettableKey {
    /// Full path, such as `channels.tiktok.weekly_posts`.
    pub path: String,
    /// The key's value in the pack; `None` if it has neither a value nor a default.
    pub base: Option<Level>,
    key: Key,
    edit: Edit,
}

/// Where a value is written.
#[derive(Debug, Clone, PartialEq)]
struct Edit {
    file: Arc<str>,
    /// Byte range to replace; empty for an insertion.
    span: Range<usize>,
    /// Text inserted before the value.
    prefix: String,
}

impl SweepParameter {
    /// The keys as given, joined by commas.
    #[must_use]
    pub fn name(&self) -> String {
        self.keys.iter().map(|key| key.path.as_str()).collect::<Vec<_>>().join(",")
    }
}

/// Parses arguments `KEY[,KEY]=VALUES`: keys of the pack, and a list of values, a range `LOW..HIGH:STEP`, or
/// `LOW..HIGH` for every integer or any number in between.
///
/// # Errors
/// Every error in every argument, located as if the arguments were the lines of a file named [`SET`].
pub fn sweep_parameters(pack: &RulesPack, texts: &[String]) -> Result<Vec<SweepParameter>, Vec<Diagnostic>> {
    let lines: Vec<String> = texts.iter().map(|text| text.replace(['\n', '\r'], " ")).collect();
    let text = lines.join("\n");
    let reader = ArgumentReader { pack, file: SET.into(), lines: Lines::new(&text), text: &text };
    let mut parameters = Vec::new();
    let mut mistakes = Vec::new();
    let mut start = 0;
    for line in &lines {
        match reader.parameter(start, line) {
            Ok(parameter) => parameters.push((start, parameter)),
            Err(errors) => mistakes.extend(errors),
        }
        start += line.len() + 1;
    }
    mistakes.extend(reader.duplicates(&parameters));
    if mistakes.is_empty() {
        return Ok(parameters.into_iter().map(|(_, parameter)| parameter).collect());
    }
    Diagnostic::sort(&mut mistakes);
    Err(mistakes)
}

/// The arguments of [`sweep_parameters`] as the text of the pseudo-file in which its errors are located.
#[must_use]
pub fn sweep_text(texts: &[String]) -> String {
    texts.iter().map(|text| text.replace(['\n', '\r'], " ")).collect::<Vec<_>>().join("\n")
}

impl RulesPack {
    /// The files of the pack with each parameter set to the level at the same index.
    #[must_use]
    pub fn with_levels(&self, parameters: &[SweepParameter], levels: &[Level]) -> PackFiles {
        let edits = parameters
            .iter()
            .zip(levels)
            .flat_map(|(parameter, level)| parameter.keys.iter().map(move |key| (&key.edit, level)));
        let mut edits: Vec<(&Edit, &Level)> = edits.collect();
        // Back to front, so that one edit does not shift the position of the next.
        edits.sort_by_key(|(edit, _)| std::cmp::Reverse(edit.span.start));
        let mut files = self.files.clone();
        for (edit, level) in edits {
            if let Some(text) = files.get_mut(&*edit.file)
                && text.get(edit.span.clone()).is_some()
            {
                text.replace_range(edit.span.clone(), &format!("{}{}", edit.prefix, level.written));
            }
        }
        files
    }

    fn settings(&self) -> &Settings {
        self.layers(&OverlayKey::default()).0
    }

    /// A key of the pack by its full path.
    fn settable_key(&self, path: &str) -> Option<SettableKey> {
        let key = key_of(path)?;
        if !self.defines_names_in(key, path) {
            return None;
        }
        let setting = self.settings().get(path);
        let base = setting.map(|setting| Level::of(&setting.value));
        let edit = match setting.and_then(|setting| setting.place.clone()) {
            Some(SourceLocation { file, span: Some(span), .. }) => Edit { file, span, prefix: String::new() },
            _ => self.insertion(path)?,
        };
        Some(SettableKey { path: path.to_owned(), key: *key, base, edit })
    }

    /// A cell of a list of rows, such as `fatigue.frequency.1.factor`; rows are 1-based.
    fn settable_cell(&self, path: &str) -> Option<SettableKey> {
        let (rest, column) = path.rsplit_once('.')?;
        let (list, number) = rest.rsplit_once('.')?;
        let Kind::Rows(rows) = key_of(list)?.kind else { return None };
        let key = rows.columns.iter().find(|key| key.path == column)?;
        let cell = self.rows(list).get(number.parse::<usize>().ok()?.checked_sub(1)?)?.get(column)?;
        let SourceLocation { file, span: Some(span), .. } = cell.place.clone()? else { return None };
        let edit = Edit { file, span, prefix: String::new() };
        Some(SettableKey { path: path.to_owned(), key: *key, base: Some(Level::of(&cell.value)), edit })
    }

    fn rows(&self, path: &str) -> &[Row] {
        match self.settings().get(path).map(|setting| &setting.value) {
            Some(Value::Rows(rows)) => rows,
            _ => &[],
        }
    }

    /// Whether the pack has the guardrail, limit or parameter that a path names. Without it, the key has no effect.
    fn defines_names_in(&self, key: &Key, path: &str) -> bool {
        let is_pack_defined = key.path.split('.').any(|part| Placeholder::of(part) == Some(Placeholder::PackDefined));
        let table = || path.split('.').take(2).collect::<Vec<_>>().join(".");
        match key.path.ends_with("<param>") {
            true => self.settings().get(path).is_some(),
            false => !is_pack_defined || self.settings().under(&table()).next().is_some(),
        }
    }

    /// Where a key that no file states can be inserted: after the value of a sibling, on a line of its own or within
    /// the sibling's inline table, whichever makes it parse as that key.
    fn insertion(&self, path: &str) -> Option<Edit> {
        let parts: Vec<&str> = path.split('.').collect();
        (1..parts.len()).rev().find_map(|depth| {
            let table = parts.get(..depth)?.join(".");
            let rest = parts.get(depth..)?.join(".");
            let is_child = |path: &str| path.get(table.len() + 1..).is_some_and(|name| !name.contains('.'));
            let siblings = self.settings().under(&table).filter(|(path, _)| is_child(path));
            let places = siblings.filter_map(|(_, setting)| setting.place.as_ref());
            let prefixes = [format!("\n{rest} = "), format!(", {rest} = ")];
            places
                .flat_map(|place| prefixes.iter().map(move |prefix| (place, prefix)))
                .find_map(|(place, prefix)| self.edit_after(place, prefix, parts.get(1..)?))
        })
    }

    /// The insertion after a value, if it makes the file hold the key at the path `parts`.
    fn edit_after(&self, place: &SourceLocation, prefix: &str, parts: &[&str]) -> Option<Edit> {
        let end = place.span.as_ref()?.end;
        let mut text = self.files.get(&*place.file)?.clone();
        // Inserting panics outside the text and within a character.
        text.get(..end)?;
        // A trial value, whatever the kind of the key.
        text.insert_str(end, &format!("{prefix}0"));
        let mut table = text.parse::<toml::Table>().ok()?;
        let (name, tables) = parts.split_last()?;
        for part in tables {
            let toml::Value::Table(inner) = table.remove(*part)? else { return None };
            table = inner;
        }
        let is_there = table.get(*name) == Some(&toml::Value::Integer(0));
        is_there.then(|| Edit { file: Arc::clone(&place.file), span: end..end, prefix: prefix.to_owned() })
    }

    /// The paths of all keys and list cells that can be set.
    fn settable_paths(&self) -> BTreeSet<String> {
        let stated = self.settings().iter().flat_map(|(path, setting)| {
            let rows = match &setting.value {
                Value::Rows(rows) => rows.as_slice(),
                _ => &[],
            };
            let cells = rows.iter().zip(1..).flat_map(move |(row, number)| {
                row.keys().map(move |column| format!("{path}.{number}.{column}")).collect::<Vec<_>>()
            });
            std::iter::once(path.to_owned()).chain(cells)
        });
        let declared =
            rule_files().flat_map(|file| file.keys.iter().flat_map(move |key| expanded(file.stem, key.path)));
        stated.filter(|path| !path.starts_with("pack.")).chain(declared).collect()
    }
}

/// The files whose keys can be set: all but `pack.toml`.
fn rule_files() -> impl Iterator<Item = &'static super::key::FileKeys> {
    PACK_FILES.iter().filter(|file| file.stem != "pack")
}

/// The key declaration that a full path matches; an exact match takes precedence over a placeholder.
fn key_of(path: &str) -> Option<&'static Key> {
    let (stem, rest) = path.split_once('.')?;
    let file = rule_files().find(|file| file.stem == stem)?;
    let parts: Vec<&str> = rest.split('.').collect();
    let matches = |key: &&Key, exactly: bool| {
        let pattern: Vec<&str> = key.path.split('.').collect();
        let is_part = |(pattern, part): (&&str, &&str)| {
            pattern == part || Placeholder::of(pattern).is_some_and(|names| names.allows(part)) && !exactly
        };
        pattern.len() == parts.len() && pattern.iter().zip(&parts).all(is_part)
    };
    file.keys.iter().find(|key| matches(key, true)).or_else(|| file.keys.iter().find(|key| matches(key, false)))
}

/// The paths that a key pattern stands for, as far as the names of its placeholders are known.
fn expanded(stem: &str, path: &str) -> Vec<String> {
    path.split('.').fold(vec![stem.to_owned()], |paths, part| {
        let names = match Placeholder::of(part) {
            Some(names) => names.allowed_names().unwrap_or_default(),
            None => vec![part],
        };
        paths.iter().flat_map(|path| names.iter().map(move |name| format!("{path}.{name}"))).collect()
    })
}

/// Parses `KEY=VALUES` arguments, the lines of `text`.
struct ArgumentReader<'a> {
    pack: &'a RulesPack,
    file: Arc<str>,
    lines: Lines,
    text: &'a str,
}

impl ArgumentReader<'_> {
    fn place(&self, span: Range<usize>) -> SourceLocation {
        self.lines.location(&self.file, self.text, span)
    }

    /// Parses the argument that is the line `line` and starts at the byte `start`.
    fn parameter(&self, start: usize, line: &str) -> Result<SweepParameter, Vec<Diagnostic>> {
        let Some((keys, values)) = line.split_once('=') else {
            let cause = format!("`{line}` has no `=`");
            let remedy = "write a key and its values, as in `fatigue.warn_at=0.4,0.5,0.6`";
            let place = self.place(start..start + line.len());
            return Err(vec![Diagnostic::at("no_values", &place, "", cause, remedy)]);
        };
        let mut settable_keys = Vec::new();
        let mut mistakes = Vec::new();
        let mut part_start = start;
        for part in keys.split(',') {
            let name = part.trim();
            let name_start = part_start + (part.len() - part.trim_start().len());
            match self.pack.settable_key(name).or_else(|| self.pack.settable_cell(name)) {
                Some(key) => settable_keys.push(key),
                None => mistakes.push(self.unknown_key(name, self.place(name_start..name_start + name.len()))),
            }
            part_start += part.len() + 1;
        }
        let values_start = start + keys.len() + 1;
        let place = |span: Range<usize>| self.place(values_start + span.start..values_start + span.end);
        let keys: Vec<(&str, &Key)> = settable_keys.iter().map(|key| (key.path.as_str(), &key.key)).collect();
        let levels = match levels::read(&keys, values, &place) {
            Ok(levels) if mistakes.is_empty() => levels,
            Ok(_) => return Err(mistakes),
            Err(errors) => return Err(mistakes.into_iter().chain(errors).collect()),
        };
        Ok(SweepParameter { keys: settable_keys, levels })
    }

    fn unknown_key(&self, name: &str, place: SourceLocation) -> Diagnostic {
        let known_paths = self.pack.settable_paths();
        let in_table: Vec<&str> =
            known_paths.iter().filter(|path| path.starts_with(&format!("{name}."))).map(String::as_str).collect();
        if !name.is_empty() && !in_table.is_empty() {
            let examples = listed(in_table.iter().take(5).copied());
            let cause = format!("`{name}` is a table, not a key");
            let remedy = format!("name one of its keys, such as {examples}");
            return Diagnostic::at("not_a_key", &place, name, cause, remedy);
        }
        let cause = format!("`{name}` is not a key of the pack");
        let remedy = match nearest(name, known_paths.iter().map(String::as_str)) {
            Some(near) => format!("write `{near}`, the nearest known key"),
            None => "write a full path, as in `channels.tiktok.weekly_posts`; `mcoe rules show` lists them".to_owned(),
        };
        Diagnostic::at("unknown_key", &place, name, cause, remedy)
    }

    /// The errors in keys that are set twice, or that belong to a list that is set as a whole.
    fn duplicates(&self, parameters: &[(usize, SweepParameter)]) -> Vec<Diagnostic> {
        // Each with the start of its argument.
        let keys: Vec<(usize, &str)> = parameters
            .iter()
            .flat_map(|(start, parameter)| parameter.keys.iter().map(|key| (*start, key.path.as_str())))
            .collect();
        let includes = |a: &str, b: &str| a == b || b.strip_prefix(a).is_some_and(|rest| rest.starts_with('.'));
        let mut mistakes = Vec::new();
        for (index, (start, key)) in keys.iter().enumerate() {
            let earlier = keys.iter().take(index).find(|(_, other)| includes(key, other) || includes(other, key));
            let Some((_, other)) = earlier else { continue };
            let cause = format!("`{key}` is set twice: `{other}` is set before");
            let place = self.place(*start..*start + key.len());
            mistakes.push(Diagnostic::at("set_twice", &place, *key, cause, "keep one of the two"));
        }
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::default_files;
    use super::super::{CompiledRules, load};
    use super::*;

    impl SweepParameter {
        /// A parameter without a pack.
        pub(crate) fn made_up(key: &str, levels: Levels) -> Self {
            let edit = Edit { file: SET.into(), span: 0..0, prefix: String::new() };
            let key =
                SettableKey { path: key.to_owned(), base: None, key: Key::optional("", Kind::any_number(), ""), edit };
            Self { keys: vec![key], levels }
        }
    }

    fn pack() -> RulesPack {
        load(default_files()).unwrap()
    }

    fn read(texts: &[&str]) -> Result<Vec<SweepParameter>, Vec<Diagnostic>> {
        sweep_parameters(&pack(), &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    /// Code, line and column of each diagnostic.
    fn reported(texts: &[&str]) -> Vec<(&'static str, u32, u32)> {
        read(texts)
            .unwrap_err()
            .iter()
            .filter_map(|m| m.place.source().map(|at| (m.code, at.line, at.column)))
            .collect()
    }

    /// The value of a key, as the pack states it, once each parameter is set to its last level.
    fn with_levels(texts: &[&str], key: &str) -> String {
        let pack = pack();
        let parameters = read(texts).unwrap();
        let last: Vec<Level> = parameters.iter().map(|parameter| parameter.levels.at(0.999_999)).collect();
        let rules = CompiledRules::compile(load(pack.with_levels(&parameters, &last)).unwrap()).unwrap();
        let all = rules.pack().effective(&OverlayKey::default());
        all.into_iter().find(|value| value.key == key).unwrap().value
    }

    #[test]
    fn a_key_is_set_at_its_location_and_nothing_else_changes() {
        let pack = pack();
        let parameters = read(&["channels.tiktok.weekly_posts=9", "fatigue.warn_at=0.45"]).unwrap();
        assert_eq!(parameters[0].keys[0].base.as_ref().map(|level| level.written.as_str()), Some("14"));
        let level = |parameter: &SweepParameter| parameter.levels.at(0.0);
        let files = pack.with_levels(&parameters, &[level(&parameters[0]), level(&parameters[1])]);
        for (name, text) in &pack.files {
            let changed: Vec<(&str, &str)> =
                text.lines().zip(files[name].lines()).filter(|(before, after)| before != after).collect();
            match name.as_str() {
                "channels.toml" => assert_eq!(changed, [("weekly_posts = 14", "weekly_posts = 9")]),
                "fatigue.toml" => assert_eq!(changed, [("warn_at = 0.5", "warn_at = 0.45")]),
                _ => assert!(changed.is_empty(), "{name}"),
            }
        }
    }

    #[test]
    fn several_keys_of_one_file_are_set_at_once_in_any_order() {
        let texts = ["fatigue.block_at=0.75", "fatigue.warn_at=0.6", "fatigue.priority_floor=12.5"];
        for (key, value) in [("fatigue.block_at", "0.75"), ("fatigue.warn_at", "0.6")] {
            assert_eq!(with_levels(&texts, key), value);
        }
    }

    #[test]
    fn a_key_left_at_its_default_is_inserted_into_its_table() {
        for (key, value) in [
            ("channels.tiktok.weekday_weights.monday", "1.2"),
            ("channels.ig.quiet_hours.enabled", "false"),
            ("channels.fb.best_hours.friday", "[8, 9]"),
            ("calendar.drafts.attempts", "5"),
            ("calendar.minute.at", "30"),
            ("early_warning.signals.blindspot", "0.125"),
        ] {
            assert_eq!(with_levels(&[&format!("{key}={value}")], key), value);
        }
        let both = ["channels.x.quiet_hours.enabled=false", "channels.x.weekday_weights.sunday=0.5"];
        assert_eq!(with_levels(&both, both[1].split('=').next().unwrap()), "0.5");
    }

    #[test]
    fn keys_that_must_vary_together_do() {
        let texts = ["risk.bands.low.from,risk.bands.medium.to=0.7..0.8:0.05"];
        assert_eq!(with_levels(&texts, "risk.bands.medium.to"), "0.8");
        assert_eq!(read(&texts).unwrap()[0].name(), "risk.bands.low.from,risk.bands.medium.to");
    }

    #[test]
    fn a_cell_of_a_list_is_a_key_too() {
        let rows = with_levels(&["fatigue.frequency.2.factor=0.25"], "fatigue.frequency");
        assert_eq!(rows, "[{ factor = 0.75, from = 0.4 }, { factor = 0.25, from = 0.7 }]");
        assert_eq!(reported(&["fatigue.frequency.3.factor=0.5"]), [("unknown_key", 1, 1)]);
        assert_eq!(reported(&["fatigue.frequency.2.factor=1.5"]), [("out_of_range", 1, 28)]);
    }

    #[test]
    fn closed_ranges_are_set_as_a_list_and_by_their_ends() {
        let rows = "[{ from = \"friday 18:00\", to = \"monday 08:00\" }]";
        for key in ["calendar.closed", "channels.fb.closed"] {
            assert_eq!(with_levels(&[&format!("{key}={rows}")], key), rows);
        }
    }

    #[test]
    fn every_number_and_switch_of_the_default_pack_can_be_set_to_what_it_is() {
        let pack = pack();
        for value in pack.effective(&OverlayKey::default()) {
            if value.key.starts_with("pack.") {
                continue;
            }
            let parameters = sweep_parameters(&pack, &[format!("{}={}", value.key, value.value)]).unwrap();
            let same = load(pack.with_levels(&parameters, &[parameters[0].levels.at(0.0)])).unwrap();
            let find = |pack: &RulesPack| pack.settings().get(&value.key).map(|setting| setting.value.to_string());
            assert_eq!(find(&same), Some(value.value.clone()), "{}", value.key);
        }
    }

    #[test]
    fn every_error_in_every_argument_is_reported_at_its_location() {
        let reported = reported(&[
            "channels.tiktok.weekly_posts=7..21:2",
            "fatigue.warn=0.4",
            "channels.tiktok.weekly_post=7",
            "fatigue",
            "channels.fb.weekly_posts=5,900,six",
        ]);
        let expected = [
            ("unknown_key", 2, 1),
            ("unknown_key", 3, 1),
            ("no_values", 4, 1),
            ("out_of_range", 5, 28),
            ("wrong_type", 5, 32),
        ];
        assert_eq!(reported, expected);
    }

    #[test]
    fn the_nearest_key_is_named_and_a_table_is_not_a_key() {
        let remedy = |text: &str| read(&[text]).unwrap_err().remove(0).remedy;
        assert!(remedy("chanels.tiktok.weekly_posts=7").contains("`channels.tiktok.weekly_posts`"));
        assert!(remedy("fatigue.warnat=0.4").contains("`fatigue.warn_at`"));
        assert!(remedy("channels.tiktok=7").contains("such as `channels.tiktok."));
        assert!(remedy("pack.name=a").contains("full path") || remedy("pack.name=a").contains("nearest"));
    }

    #[test]
    fn guardrails_and_parameters_must_be_defined_by_the_pack() {
        assert!(read(&["guardrails.early_warning.params.medium_warnings_at_most=1,3"]).is_ok());
        assert!(read(&["guardrails.early_warning.warn_raises_risk=true,false"]).is_ok());
        assert_eq!(reported(&["guardrails.early_warning.params.nobody_reads_this=1"]), [("unknown_key", 1, 1)]);
        assert_eq!(reported(&["guardrails.moon_phase.enabled=true"]), [("unknown_key", 1, 1)]);
    }

    #[test]
    fn no_key_is_set_twice() {
        assert_eq!(reported(&["fatigue.warn_at=0.4", "fatigue.warn_at=0.5"]), [("set_twice", 2, 1)]);
        assert_eq!(reported(&["fatigue.warn_at,fatigue.warn_at=0.4"]), [("set_twice", 1, 1)]);
        let list = ["fatigue.frequency=[{ from = 0.4, factor = 0.5 }]", "fatigue.frequency.1.factor=0.25"];
        assert_eq!(reported(&list), [("set_twice", 2, 1)]);
    }
}
