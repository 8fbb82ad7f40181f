//! Reads test cases from the files in `tests/`: all of them, or every error in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::keys::CASE_KEYS;
use super::results::ResultValue;
use super::situation::{Situation, day_and_hour};
use crate::diagnostic::{Diagnostic, SourceLocation, listed, nearest};
use crate::model::CalendarError;
use crate::rules::{CompiledRules, Scope, Setting, Settings, Value, View, read_alone};

/// A test case: a named situation, and the results expected of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its name, unique in the pack.
    pub name: String,
    /// What it tests, in a sentence; may be empty.
    pub about: String,
    /// File, as a path within the pack.
    pub file: Arc<str>,
    /// 1-based line that it starts on.
    pub line: u32,
    /// The situation to evaluate.
    pub situation: Situation,
    /// The expected results, in file order.
    pub expected: Vec<Expectation>,
    /// Whether all results are compared with a snapshot file.
    pub snapshot: bool,
}

/// One expected result.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Its key in the `expect` table.
    pub key: String,
    /// The value it must have.
    pub condition: Condition,
    /// 1-based line in the case's file.
    pub line: u32,
}

/// The condition that a result must meet.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Equal to this value.
    Exactly(ResultValue),
    /// This number, to as many decimal places as are written and at least three.
    Number {
        /// The expected number.
        number: f64,
        /// Largest difference allowed.
        tolerance: f64,
    },
    /// A text that contains this one.
    Contains(String),
}

impl Case {
    /// The snapshot file of the case, as a path within the pack.
    #[must_use]
    pub fn snapshot_file(&self) -> String {
        snapshot_file(&self.name)
    }
}

fn snapshot_file(case: &str) -> String {
    format!("tests/{case}.snapshot")
}

/// Reads the test cases of a pack.
///
/// # Errors
/// Every error in their files, sorted by file, line and column.
pub fn read(rules: &CompiledRules) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let names = PackNames::of(rules);
    let mut cases: Vec<Case> = Vec::new();
    let mut positions = BTreeMap::new();
    let mut mistakes = Vec::new();
    let is_cases = |path: &str| path.starts_with("tests/") && path.ends_with(".toml");
    for (path, text) in rules.pack().files.iter().filter(|(path, _)| is_cases(path)) {
        let (settings, wrong) = read_alone(path, text, &CASE_KEYS);
        let heads = heads(path, text);
        let file = CaseFile { path, text, settings: &settings, heads: &heads, known: &names, wrong: &wrong };
        for name in case_names(&settings) {
            let first = positions.get(&name).and_then(|at: &usize| cases.get(*at));
            mistakes.extend(first.map(|first| file.twice(&name, first)));
            match file.case(&name, rules) {
                Ok(case) => {
                    positions.entry(name).or_insert(cases.len());
                    cases.push(case);
                }
                Err(wrong) => mistakes.extend(wrong),
            }
        }
        mistakes.extend(wrong);
    }
    if !mistakes.is_empty() {
        Diagnostic::sort(&mut mistakes);
        return Err(mistakes);
    }
    Ok(cases)
}

/// The names of a file's cases, in file order.
fn case_names(settings: &Settings) -> Vec<String> {
    let mut first_line: BTreeMap<&str, u32> = BTreeMap::new();
    for (path, setting) in settings.iter() {
        let name = path.split('.').next().unwrap_or_default();
        let line = setting.place.as_ref().map_or(u32::MAX, |place| place.line);
        let first = first_line.entry(name).or_insert(line);
        *first = line.min(*first);
    }
    let mut names: Vec<(&str, u32)> = first_line.into_iter().collect();
    names.sort_by_key(|(_, line)| *line);
    names.into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// Where the cases of a file start that have a table header of their own, by name.
fn heads<'t>(path: &str, text: &'t str) -> BTreeMap<&'t str, SourceLocation> {
    let file: Arc<str> = path.into();
    let mut heads = BTreeMap::new();
    let mut start = 0;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        if let Some(head) = line.trim_start().strip_prefix('[') {
            let name = head.split(['.', ']']).next().unwrap_or_default();
            let span = Some(start..start + 1);
            let place = || SourceLocation { file: Arc::clone(&file), line: number, column: 1, span };
            heads.entry(name).or_insert_with(place);
        }
        start += line.len();
    }
    heads
}

/// The names that a pack knows.
struct PackNames {
    guardrails: Vec<String>,
    clients: BTreeSet<String>,
    workspaces: BTreeSet<String>,
    campaigns: BTreeSet<String>,
    /// The text of all scripts, which may refer to any name in quotes.
    scripts: String,
}

impl PackNames {
    fn of(rules: &CompiledRules) -> Self {
        let pack = rules.pack();
        let mut known = Self {
            guardrails: pack.declared_guardrails().iter().map(|guardrail| guardrail.name.to_string()).collect(),
            clients: BTreeSet::new(),
            workspaces: BTreeSet::new(),
            campaigns: BTreeSet::new(),
            scripts: pack.scripts().map(|(_, text)| text).collect(),
        };
        for (_, scope) in pack.overlays() {
            match scope {
                Scope::Workspace(id) => known.workspaces.extend([id.to_string()]),
                Scope::Client(id) => known.clients.extend([id.to_string()]),
                Scope::Campaign(id, client) => {
                    known.campaigns.extend([id.to_string()]);
                    known.clients.extend(client.iter().map(ToString::to_string));
                }
            }
        }
        known
    }

    fn is_in_scripts(&self, name: &str) -> bool {
        self.scripts.contains(&format!("\"{name}\""))
    }
}

/// One file of cases.
struct CaseFile<'f> {
    path: &'f str,
    text: &'f str,
    settings: &'f Settings,
    /// The table headers of its cases.
    heads: &'f BTreeMap<&'f str, SourceLocation>,
    known: &'f PackNames,
    /// The errors in its keys and values.
    wrong: &'f [Diagnostic],
}

impl CaseFile<'_> {
    fn case(&self, name: &str, rules: &CompiledRules) -> Result<Case, Vec<Diagnostic>> {
        let mut mistakes = self.unknown_names(name);
        let expected = self.expected(name);
        let view = View::new(self.settings);
        let snapshot = view.bool(&format!("{name}.snapshot")).unwrap_or_default();
        let below = format!("{name}.");
        let is_explained = self.wrong.iter().any(|mistake| mistake.place.name().starts_with(&below));
        if expected.is_empty() && !snapshot && !is_explained {
            let cause = format!("the case `{name}` has no expected result");
            let remedy = format!("add `[{name}.expect]` with the expected results, or `snapshot = true`");
            mistakes.push(Diagnostic::at("expects_nothing", &self.head(name), name, cause, remedy));
        }
        let situation = match Situation::of(self.settings, name, rules) {
            Ok(situation) if mistakes.is_empty() => situation,
            Ok(_) => return Err(mistakes),
            Err(error) => {
                mistakes.push(self.bad_calendar(name, &error));
                return Err(mistakes);
            }
        };
        Ok(Case {
            name: name.to_owned(),
            about: view.text(&format!("{name}.about")).unwrap_or_default().to_owned(),
            file: self.path.into(),
            line: self.head(name).line,
            situation,
            expected,
            snapshot,
        })
    }

    /// Where the case starts: its table header, or else its first key.
    fn head(&self, name: &str) -> SourceLocation {
        let first = || self.settings.under(name).filter_map(|(_, setting)| setting.place.as_ref());
        let head = self.heads.get(name).or_else(|| first().min_by_key(|place| place.line));
        head.cloned().unwrap_or_else(|| SourceLocation::whole(self.path))
    }

    fn twice(&self, name: &str, first: &Case) -> Diagnostic {
        let cause = format!("there is a case `{name}` already, at {}:{}", first.file, first.line);
        Diagnostic::at("duplicate_case", &self.head(name), name, cause, "give it another name")
    }

    fn place(&self, path: &str, name: &str) -> SourceLocation {
        let stated = self.settings.get(path).and_then(|setting| setting.place.clone());
        stated.unwrap_or_else(|| self.head(name))
    }

    fn bad_calendar(&self, name: &str, error: &CalendarError) -> Diagnostic {
        let (key, remedy) = match error {
            CalendarError::UnknownZone(zone) => {
                let guess = nearest(zone, crate::model::Zone::names());
                let named = guess.map(|guess| format!("write `{guess}`, the nearest known zone"));
                ("client.time_zone", named.unwrap_or_else(|| "write an IANA name".to_owned()))
            }
            _ => ("week", "write the ISO year and week, as in `2026-W48`".to_owned()),
        };
        let path = format!("{name}.{key}");
        Diagnostic::at("bad_calendar", &self.place(&path, name), path, error.to_string(), remedy)
    }

    /// Names that the keys allow but the pack does not know.
    fn unknown_names(&self, name: &str) -> Vec<Diagnostic> {
        let mut mistakes = Vec::new();
        for (key, noun, known) in
            [("client.id", "client", &self.known.clients), ("client.workspace", "workspace", &self.known.workspaces)]
        {
            let path = format!("{name}.{key}");
            let Some((stated, place)) = stated_text(self.settings.get(&path)) else { continue };
            mistakes.extend(self.unknown_scope(noun, stated, known, place, &path));
        }
        for table in ["verdicts", "reasons", "remedies"] {
            let table = format!("{name}.expect.{table}");
            for (path, setting) in self.settings.under(&table) {
                let guardrail = path.rsplit('.').next().unwrap_or_default();
                let place = setting.place.clone().unwrap_or_else(|| self.head(name));
                mistakes.extend(self.unknown_guardrail(guardrail, &place, path));
            }
        }
        mistakes.extend(self.unknown_campaigns(name));
        mistakes
    }

    /// A mistyped client would go unnoticed: the case would silently test the base rules.
    fn unknown_scope(
        &self,
        noun: &str,
        stated: &str,
        known: &BTreeSet<String>,
        place: &SourceLocation,
        path: &str,
    ) -> Option<Diagnostic> {
        if known.contains(stated) || self.known.is_in_scripts(stated) {
            return None;
        }
        let cause = format!("no overlay and no script of the pack names the {noun} `{stated}`");
        let remedy = match nearest(stated, known.iter().map(String::as_str)) {
            Some(guess) => format!("write `{guess}`, the nearest known name"),
            None if known.is_empty() => format!("omit it: the pack's rules are the same for every {noun}"),
            None => format!("omit it, or name one of {}", listed(known.iter().map(String::as_str))),
        };
        Some(Diagnostic::at("unknown_name", place, path, cause, remedy))
    }

    fn unknown_guardrail(&self, guardrail: &str, place: &SourceLocation, path: &str) -> Option<Diagnostic> {
        let known = || self.known.guardrails.iter().map(String::as_str);
        if known().any(|known| known == guardrail) {
            return None;
        }
        let remedy = match nearest(guardrail, known()) {
            Some(guess) => format!("write `{guess}`, the nearest known name"),
            None => format!("name one of {}", listed(known())),
        };
        let cause = format!("the pack has no guardrail `{guardrail}`");
        Some(Diagnostic::at("unknown_guardrail", place, path, cause, remedy))
    }

    fn unknown_campaigns(&self, name: &str) -> Vec<Diagnostic> {
        let path = format!("{name}.client.campaigns");
        let rows = View::new(self.settings).rows(&path).unwrap_or_default();
        let ids: Vec<(&str, &SourceLocation)> = rows.iter().filter_map(|row| stated_text(row.get("id"))).collect();
        let unknown = |(id, place): &(&str, &SourceLocation)| {
            self.unknown_scope("campaign", id, &self.known.campaigns, place, &path)
        };
        let mut mistakes: Vec<Diagnostic> = ids.iter().filter_map(unknown).collect();
        let path = format!("{name}.asset.campaign");
        if let Some((condition, place)) = stated_text(self.settings.get(&path))
            && !ids.iter().any(|(id, _)| *id == condition)
        {
            let cause = format!("the case has no campaign `{condition}`");
            let remedy = match nearest(condition, ids.iter().map(|(id, _)| *id)) {
                Some(guess) => format!("write `{guess}`, the nearest known name"),
                None => format!("add it to the client: `campaigns = [{{ id = \"{condition}\" }}]`"),
            };
            mistakes.push(Diagnostic::at("unknown_name", place, path, cause, remedy));
        }
        mistakes
    }

    fn expected(&self, name: &str) -> Vec<Expectation> {
        let table = format!("{name}.expect");
        let mut expected: Vec<Expectation> = self
            .settings
            .under(&table)
            .filter_map(|(path, setting)| {
                let key = path.get(table.len() + 1..)?.to_owned();
                Some(Expectation { condition: self.condition(&key, setting)?, key, line: setting.place.as_ref()?.line })
            })
            .collect();
        expected.sort_by_key(|expected| expected.line);
        expected
    }

    fn condition(&self, key: &str, setting: &Setting) -> Option<Condition> {
        let is_part = key.starts_with("reasons.") || key.starts_with("remedies.");
        Some(match &setting.value {
            Value::Number(number) => {
                let span = setting.place.as_ref()?.span.clone()?;
                let written = self.text.get(span).unwrap_or_default();
                Condition::Number { number: *number, tolerance: tolerance(written) }
            }
            Value::Integer(whole) => Condition::Exactly(ResultValue::Integer(*whole)),
            Value::Bool(truth) => Condition::Exactly(ResultValue::Bool(*truth)),
            Value::Text(text) if is_part => Condition::Contains(text.clone()),
            Value::Text(text) => Condition::Exactly(ResultValue::Text(text.clone())),
            Value::Hours(hours) => Condition::Exactly(ResultValue::Hours(hours.clone())),
            Value::Rows(rows) => Condition::Exactly(ResultValue::Times(rows.iter().map(day_and_hour).collect())),
            Value::Names(_)
            | Value::Texts(_)
            | Value::Clock(_)
            | Value::Date(_)
            | Value::WeekTime(_)
            | Value::DateTime(_) => return None,
        })
    }
}

/// A text that a file states, and its location.
fn stated_text(setting: Option<&Setting>) -> Option<(&str, &SourceLocation)> {
    let setting = setting?;
    Some((setting.value.as_text()?, setting.place.as_ref()?))
}

/// Half a unit of the last decimal place written, and at most half a thousandth.
fn tolerance(written: &str) -> f64 {
    let places = written.split_once('.').map_or(0, |(_, places)| places.bytes().filter(u8::is_ascii_digit).count());
    let places = places.clamp(3, 12) as f64;
    // Slightly more, so that floating-point rounding does not reject a number that lies exactly half-way.
    0.5 * libm::pow(10.0, -places) * (1.0 + 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_begins_at_its_head_or_at_its_first_table() {
        let text = "# é\n[a]\nx = 1\n  [b.expect]\ny = 1\n[a.expect]\n";
        let heads = heads("tests/x.toml", text);
        for (name, line) in [("a", 2), ("b", 4)] {
            assert_eq!(heads[name], SourceLocation::at_position("tests/x.toml", text, line, 1), "{name}");
        }
        assert_eq!(heads.len(), 2);
    }

    #[test]
    fn a_number_counts_to_the_places_that_are_written_and_no_less_than_three() {
        assert!((tolerance("0.5") - 0.0005).abs() < 1e-9);
        assert!((tolerance("12") - 0.0005).abs() < 1e-9);
        assert!((tolerance("0.123_45") - 0.000_005).abs() < 1e-9);
    }
}
