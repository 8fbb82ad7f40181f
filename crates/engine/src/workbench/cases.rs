//! Reads the test cases from the files in `tests/`; if any of them is invalid, reports every error instead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::keys::CASE_KEYS;
use super::results::ResultValue;
use super::situation::{Situation, channel_of, day_and_hour};
use super::week::{ChannelHour, PostCount, is_of_week, limit_names};
use super::week_rows::{WeekRows, place_of_row, post_count};
use crate::diagnostic::{Diagnostic, SourceLocation, listed, nearest};
use crate::model::{CalendarError, Channel};
use crate::rules::{CompiledRules, Row, Scope, Setting, Settings, Value, View, read_alone};

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
    pub has_snapshot: bool,
}

/// One expected result.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Its key in the `expect` table.
    pub key: String,
    /// The condition that the result must meet.
    pub condition: Condition,
    /// 1-based line in the case's file.
    pub line: u32,
}

/// The condition that a result must meet.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Equal to this value.
    Exactly(ResultValue),
    /// This number, to as many decimal places as the case writes, but at least three.
    Number {
        /// The expected number.
        number: f64,
        /// Largest difference allowed.
        tolerance: f64,
    },
    /// A text that contains this one.
    Contains(String),
    /// Posts of which the right number counts.
    Count(PostCount),
    /// Posts on these channels, each with its weekday and hour.
    Posts(Vec<(Channel, u8, u8)>),
}

impl Expectation {
    /// The key of the result that is expected.
    pub(super) fn result_key(&self) -> &str {
        // `posts` counts posts of the list `week`.
        if self.key == "posts" { "week" } else { &self.key }
    }
}

impl Case {
    /// Whether the week is planned on all channels of the client, for results of the whole week.
    pub(super) fn plans_week(&self) -> bool {
        self.situation.states_channels() || self.expected.iter().any(|expected| is_of_week(&expected.key))
    }

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
    let mut indices = BTreeMap::new();
    let mut mistakes = Vec::new();
    let is_case_file = |path: &str| path.starts_with("tests/") && path.ends_with(".toml");
    for (path, text) in rules.pack().files.iter().filter(|(path, _)| is_case_file(path)) {
        let (settings, key_mistakes) = read_alone(path, text, &CASE_KEYS);
        let headers = table_headers(path, text);
        let file =
            CaseFile { path, text, settings: &settings, headers: &headers, names: &names, mistakes: &key_mistakes };
        for name in case_names(&settings) {
            let first = indices.get(&name).and_then(|index: &usize| cases.get(*index));
            mistakes.extend(first.map(|first| file.duplicate(&name, first)));
            match file.case(&name, rules) {
                Ok(case) => {
                    indices.entry(name).or_insert(cases.len());
                    cases.push(case);
                }
                Err(case_mistakes) => mistakes.extend(case_mistakes),
            }
        }
        mistakes.extend(key_mistakes);
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

/// The first table header of each case of a file that has one, by the case's name.
fn table_headers<'t>(path: &str, text: &'t str) -> BTreeMap<&'t str, SourceLocation> {
    let file: Arc<str> = path.into();
    let mut headers = BTreeMap::new();
    let mut start = 0;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        if let Some(header) = line.trim_start().strip_prefix('[') {
            let name = header.split(['.', ']']).next().unwrap_or_default();
            let span = Some(start..start + 1);
            let location = || SourceLocation { file: Arc::clone(&file), line: number, column: 1, span };
            headers.entry(name).or_insert_with(location);
        }
        start += line.len();
    }
    headers
}

/// The names that cases may refer to.
struct PackNames {
    guardrails: Vec<String>,
    clients: BTreeSet<String>,
    workspaces: BTreeSet<String>,
    campaigns: BTreeSet<String>,
    limits: Vec<Arc<str>>,
    /// The text of all scripts. A name in quotes there counts as known.
    scripts: String,
}

impl PackNames {
    fn of(rules: &CompiledRules) -> Self {
        let pack = rules.pack();
        let mut names = Self {
            guardrails: pack.declared_guardrails().iter().map(|guardrail| guardrail.name.to_string()).collect(),
            clients: BTreeSet::new(),
            workspaces: BTreeSet::new(),
            campaigns: BTreeSet::new(),
            limits: limit_names(rules),
            scripts: pack.scripts().map(|(_, text)| text).collect(),
        };
        for (_, scope) in pack.overlays() {
            match scope {
                Scope::Workspace(id) => names.workspaces.extend([id.to_string()]),
                Scope::Client(id) => names.clients.extend([id.to_string()]),
                Scope::Campaign(id, client) => {
                    names.campaigns.extend([id.to_string()]);
                    names.clients.extend(client.iter().map(ToString::to_string));
                }
            }
        }
        names
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
    /// The first table header of each case that has one, by the case's name.
    headers: &'f BTreeMap<&'f str, SourceLocation>,
    names: &'f PackNames,
    /// The errors in the file's keys and values.
    mistakes: &'f [Diagnostic],
}

impl CaseFile<'_> {
    fn case(&self, name: &str, rules: &CompiledRules) -> Result<Case, Vec<Diagnostic>> {
        let mut mistakes = self.unknown_names(name);
        let expected = self.expected(name);
        let view = View::new(self.settings);
        let has_snapshot = view.bool(&format!("{name}.snapshot")).unwrap_or_default();
        let prefix = format!("{name}.");
        let has_mistake = self.mistakes.iter().any(|mistake| mistake.place.name().starts_with(&prefix));
        if expected.is_empty() && !has_snapshot && !has_mistake {
            let cause = format!("the case `{name}` has no expected result");
            let remedy = format!("add `[{name}.expect]` with the expected results, or `snapshot = true`");
            mistakes.push(Diagnostic::at("expects_nothing", &self.start(name), name, cause, remedy));
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
            line: self.start(name).line,
            situation,
            expected,
            has_snapshot,
        })
    }

    /// Where the case starts: its table header, or else its first key.
    fn start(&self, name: &str) -> SourceLocation {
        let places = || self.settings.under(name).filter_map(|(_, setting)| setting.place.as_ref());
        let start = self.headers.get(name).or_else(|| places().min_by_key(|place| place.line));
        start.cloned().unwrap_or_else(|| SourceLocation::whole(self.path))
    }

    fn duplicate(&self, name: &str, first: &Case) -> Diagnostic {
        let cause = format!("there is a case `{name}` already, at {}:{}", first.file, first.line);
        Diagnostic::at("duplicate_case", &self.start(name), name, cause, "give it another name")
    }

    /// Where the case states a key, or else where it starts.
    fn place(&self, path: &str, name: &str) -> SourceLocation {
        let stated = self.settings.get(path).and_then(|setting| setting.place.clone());
        stated.unwrap_or_else(|| self.start(name))
    }

    fn bad_calendar(&self, name: &str, error: &CalendarError) -> Diagnostic {
        let (key, remedy) = match error {
            CalendarError::UnknownZone(zone) => {
                let guess = nearest(zone, crate::model::Zone::names());
                let remedy = guess.map(|guess| format!("write `{guess}`, the nearest known zone"));
                ("client.time_zone", remedy.unwrap_or_else(|| "write an IANA name".to_owned()))
            }
            _ => ("week", "write the ISO year and week, as in `2026-W48`".to_owned()),
        };
        let path = format!("{name}.{key}");
        Diagnostic::at("bad_calendar", &self.place(&path, name), path, error.to_string(), remedy)
    }

    /// Errors for names that the pack or the case does not know, and in rows that concern the whole week.
    fn unknown_names(&self, name: &str) -> Vec<Diagnostic> {
        let mut mistakes = Vec::new();
        for (key, noun, known) in
            [("client.id", "client", &self.names.clients), ("client.workspace", "workspace", &self.names.workspaces)]
        {
            let path = format!("{name}.{key}");
            let Some((stated, place)) = stated_text(self.settings.get(&path)) else { continue };
            mistakes.extend(self.unknown_scope(noun, stated, known, place, &path));
        }
        for table in ["verdicts", "reasons", "remedies"] {
            let table = format!("{name}.expect.{table}");
            for (path, setting) in self.settings.under(&table) {
                let guardrail = path.rsplit('.').next().unwrap_or_default();
                let place = setting.place.clone().unwrap_or_else(|| self.start(name));
                mistakes.extend(self.unknown_guardrail(guardrail, &place, path));
            }
        }
        mistakes.extend(self.unknown_campaigns(name));
        let rows = WeekRows { settings: self.settings, case: name, start: self.start(name) };
        mistakes.extend(rows.unknown_limits(&self.names.limits));
        mistakes.extend(rows.mistakes());
        mistakes
    }

    /// The error for an id that no overlay and no script names. If a mistyped id were accepted, the case would silently
    /// test the base rules.
    fn unknown_scope(
        &self,
        noun: &str,
        stated: &str,
        known: &BTreeSet<String>,
        place: &SourceLocation,
        path: &str,
    ) -> Option<Diagnostic> {
        if known.contains(stated) || self.names.is_in_scripts(stated) {
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
        let known = || self.names.guardrails.iter().map(String::as_str);
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
            self.unknown_scope("campaign", id, &self.names.campaigns, place, &path)
        };
        let mut mistakes: Vec<Diagnostic> = ids.iter().filter_map(unknown).collect();
        let asset = self.settings.get(&format!("{name}.asset.campaign"));
        let assets = View::new(self.settings).rows(&format!("{name}.assets")).unwrap_or_default();
        let of_assets = assets.iter().map(|row| (row.get("campaign"), "assets"));
        for (setting, key) in std::iter::once((asset, "asset.campaign")).chain(of_assets) {
            let Some((campaign, place)) = stated_text(setting) else { continue };
            if ids.iter().any(|(id, _)| *id == campaign) {
                continue;
            }
            let cause = format!("the case has no campaign `{campaign}`");
            let remedy = match nearest(campaign, ids.iter().map(|(id, _)| *id)) {
                Some(guess) => format!("write `{guess}`, the nearest known name"),
                None => format!("add it to the client: `campaigns = [{{ id = \"{campaign}\" }}]`"),
            };
            mistakes.push(Diagnostic::at("unknown_name", place, format!("{name}.{key}"), cause, remedy));
        }
        mistakes
    }

    fn expected(&self, name: &str) -> Vec<Expectation> {
        let table = format!("{name}.expect");
        let mut expected: Vec<Expectation> = self
            .settings
            .under(&table)
            .flat_map(|(path, setting)| {
                let key = path.get(table.len() + 1..).unwrap_or_default();
                let conditions = self.conditions(key, setting).into_iter();
                conditions.map(|(condition, line)| Expectation { key: key.to_owned(), condition, line })
            })
            .collect();
        expected.sort_by_key(|expected| expected.line);
        expected
    }

    /// The conditions that a key states, each with its line: one for each row of `posts`, and one for any other key.
    fn conditions(&self, key: &str, setting: &Setting) -> Vec<(Condition, u32)> {
        let Some(place) = &setting.place else { return Vec::new() };
        if let ("posts", Value::Rows(rows)) = (key, &setting.value) {
            let line = |row: &Row| place_of_row(row).unwrap_or(place).line;
            return rows.iter().map(|row| (Condition::Count(post_count(row)), line(row))).collect();
        }
        self.condition(key, setting).map(|condition| (condition, place.line)).into_iter().collect()
    }

    fn condition(&self, key: &str, setting: &Setting) -> Option<Condition> {
        let is_sentence = key.starts_with("reasons.") || key.starts_with("remedies.");
        Some(match &setting.value {
            Value::Number(number) => {
                let span = setting.place.as_ref()?.span.clone()?;
                let written = self.text.get(span).unwrap_or_default();
                Condition::Number { number: *number, tolerance: tolerance(written) }
            }
            Value::Integer(whole) => Condition::Exactly(ResultValue::Integer(*whole)),
            Value::Bool(flag) => Condition::Exactly(ResultValue::Bool(*flag)),
            Value::Text(text) if is_sentence => Condition::Contains(text.clone()),
            Value::Text(text) => Condition::Exactly(ResultValue::Text(text.clone())),
            Value::Hours(hours) => Condition::Exactly(ResultValue::Hours(hours.clone())),
            Value::Rows(rows) if key == "week" => Condition::Posts(rows.iter().filter_map(channel_hour).collect()),
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

fn channel_hour(row: &Row) -> Option<ChannelHour> {
    let (day, hour) = day_and_hour(row);
    Some((channel_of(row)?, day, hour))
}

/// A text that a file states, and its location.
fn stated_text(setting: Option<&Setting>) -> Option<(&str, &SourceLocation)> {
    let setting = setting?;
    Some((setting.value.as_text()?, setting.place.as_ref()?))
}

/// The tolerance of a number as written: half a unit of its last decimal place, but at most half a thousandth.
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
    fn a_case_starts_at_its_own_table_or_at_its_first_subtable() {
        let text = "# é\n[a]\nx = 1\n  [b.expect]\ny = 1\n[a.expect]\n";
        let headers = table_headers("tests/x.toml", text);
        for (name, line) in [("a", 2), ("b", 4)] {
            assert_eq!(headers[name], SourceLocation::at_position("tests/x.toml", text, line, 1), "{name}");
        }
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn a_number_is_compared_to_the_decimal_places_written_and_at_least_three() {
        assert!((tolerance("0.5") - 0.0005).abs() < 1e-9);
        assert!((tolerance("12") - 0.0005).abs() < 1e-9);
        assert!((tolerance("0.123_45") - 0.000_005).abs() < 1e-9);
    }
}
