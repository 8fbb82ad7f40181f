//! Mutations of a pack: each number one step up and down, each comparison of a script flipped.
//!
//! A mutant is an edit of the pack's texts; `load` decides whether the result is still a valid pack.

use std::ops::Range;
use std::sync::Arc;

use rhai::{ASTNode, Expr, OptimizationLevel, Position};

use super::load::RulesPack;
use super::pack_files::PackFiles;
use super::script;
use super::settings::{Setting, Value};
use crate::diagnostic::SourceLocation;

/// A pack with one small change.
#[derive(Debug, Clone, PartialEq)]
pub struct PackMutant {
    /// The file that is changed.
    pub file: Arc<str>,
    /// 1-based line of the change.
    pub line: u32,
    /// The key that is changed; the file's name for a script.
    pub key: String,
    /// The original text.
    pub was: String,
    /// The text that replaces it.
    pub becomes: String,
    edits: Vec<TextEdit>,
}

/// A span of a file and the text that replaces it.
#[derive(Debug, Clone, PartialEq)]
struct TextEdit {
    file: Arc<str>,
    span: Range<usize>,
    becomes: String,
}

impl PackMutant {
    /// The files of the pack with the change applied.
    #[must_use]
    pub fn applied_to(&self, files: &PackFiles) -> PackFiles {
        let mut files = files.clone();
        for edit in &self.edits {
            if let Some(text) = files.get_mut(&*edit.file)
                && text.get(edit.span.clone()).is_some()
            {
                text.replace_range(edit.span.clone(), &edit.becomes);
            }
        }
        files
    }

    /// The mutant that replaces the text `was` at a location; `None` if the location has no span.
    fn at(place: &SourceLocation, key: &str, was: &str, becomes: String) -> Option<Self> {
        let start = place.span.as_ref()?.start;
        let file = Arc::clone(&place.file);
        let edit = TextEdit { file: Arc::clone(&file), span: start..start + was.len(), becomes: becomes.clone() };
        Some(Self { file, line: place.line, key: key.to_owned(), was: was.to_owned(), becomes, edits: vec![edit] })
    }
}

/// Numbers that must change together: key, partner, and whether the partner changes in the opposite direction.
const PARTNERS: [(&str, &str, bool); 6] = [
    ("risk.bands.low.from", "risk.bands.medium.to", false),
    ("risk.bands.medium.from", "risk.bands.high.to", false),
    ("fatigue.health_weights.rested", "fatigue.health_weights.momentum", true),
    ("fatigue.health_weights.momentum", "fatigue.health_weights.visibility", true),
    ("fatigue.health_weights.visibility", "fatigue.health_weights.engagement", true),
    ("fatigue.health_weights.engagement", "fatigue.health_weights.rested", true),
];

/// Ends of bands that are not changed on their own: each is fixed, or changes with the adjacent end in [`PARTNERS`].
const FOLLOWERS: [&str; 4] =
    ["risk.bands.low.to", "risk.bands.medium.to", "risk.bands.high.to", "risk.bands.high.from"];

impl RulesPack {
    /// Every mutant of the pack, by file and line. The keys of `pack.toml` are not changed.
    #[must_use]
    pub fn mutants(&self) -> Vec<PackMutant> {
        let mut mutants = Vec::new();
        for settings in self.all_layers() {
            for (path, setting) in settings.iter() {
                let is_fixed = path.starts_with("pack.") || FOLLOWERS.contains(&path);
                if !is_fixed {
                    mutants.extend(self.mutants_of_setting(path, setting));
                }
            }
        }
        mutants.extend(self.scripts().flat_map(|(path, text)| mutants_of_script(path, text)));
        mutants.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        mutants
    }

    fn mutants_of_setting(&self, path: &str, setting: &Setting) -> Vec<PackMutant> {
        if let Value::Rows(rows) = &setting.value {
            let cells = rows.iter().flat_map(|row| row.values());
            return cells.flat_map(|cell| self.mutants_of_setting(path, cell)).collect();
        }
        let Some(place) = &setting.place else { return Vec::new() };
        let (Some(text), Some(span)) = (self.files.get(&*place.file), place.span.clone()) else { return Vec::new() };
        let written = text.get(span.clone()).unwrap_or_default();
        let numbers = match &setting.value {
            Value::Number(_) | Value::Integer(_) | Value::Hours(_) => numbers_in(written),
            Value::Clock(_) | Value::WeekTime(_) => numbers_in(written).into_iter().take(1).collect(),
            _ => Vec::new(),
        };
        let mut mutants = Vec::new();
        for number in numbers {
            let start = span.start + number.start;
            let was = written.get(number).unwrap_or_default();
            let number_place = SourceLocation { span: Some(start..start + was.len()), ..place.clone() };
            for up in [true, false] {
                let mutant = nudged(was, up).and_then(|becomes| PackMutant::at(&number_place, path, was, becomes));
                mutants.extend(mutant.map(|mutant| self.with_partner(mutant, path, up)));
            }
        }
        mutants
    }

    /// Adds the change of the key's partner, if the key has one.
    fn with_partner(&self, mut mutant: PackMutant, path: &str, up: bool) -> PackMutant {
        let partner = PARTNERS.iter().find(|(key, ..)| *key == path);
        let Some((_, partner, is_opposite)) = partner else { return mutant };
        let place = self.all_layers().find_map(|settings| settings.get(partner)?.place.clone());
        if let Some(SourceLocation { file, span: Some(span), .. }) = place
            && let Some(was) = self.files.get(&*file).and_then(|text| text.get(span.clone()))
            && let Some(becomes) = nudged(was, up != *is_opposite)
        {
            mutant.edits.push(TextEdit { file, span, becomes });
            // Back to front, so that one edit does not shift the position of the next.
            mutant.edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        }
        mutant
    }
}

/// The spans of the numbers in a text.
pub(super) fn numbers_in(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, letter) in text.char_indices() {
        let is_part = letter.is_ascii_digit() || letter == '_' || letter == '.' || letter == '-';
        match found.last_mut() {
            Some(last) if is_part && last.end == at => last.end = at + 1,
            _ if letter.is_ascii_digit() || letter == '-' => found.push(at..at + 1),
            _ => {}
        }
    }
    found
}

/// A number one step up or down. A step is a unit of the last decimal place, but at most 0.01 if there are decimal
/// places. `None` if the text is not a number.
fn nudged(written: &str, up: bool) -> Option<String> {
    let plain = written.replace('_', "");
    let Some((_, places)) = plain.split_once('.') else {
        let whole: i64 = plain.parse().ok()?;
        // Leading zeros stay, as in the `06` of a time.
        let width = if plain.starts_with('0') { plain.len() } else { 1 };
        let changed = if up { whole.checked_add(1)? } else { whole.checked_sub(1)? };
        return Some(format!("{changed:0width$}"));
    };
    let places = places.len().max(2);
    let step = libm::pow(10.0, -(places as f64));
    let number: f64 = plain.parse().ok()?;
    Some(format!("{:.places$}", if up { number + step } else { number - step }))
}

/// What replaces a comparison operator: the one that differs at equality, then the one with the direction reversed.
fn mutated_operators(operator: &str) -> &'static [&'static str] {
    match operator {
        ">" => &[">=", "<"],
        ">=" => &[">", "<="],
        "<" => &["<=", ">"],
        "<=" => &["<", ">="],
        "==" => &["!="],
        "!=" => &["=="],
        _ => &[],
    }
}

fn mutants_of_script(path: &str, text: &str) -> Vec<PackMutant> {
    let mut engine = script::engine();
    engine.set_optimization_level(OptimizationLevel::None);
    let Ok(ast) = engine.compile(text) else { return Vec::new() };
    let mut mutants = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    ast.walk(&mut |nodes| {
        let (position, is_number) = match nodes.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, position))) if call.op_token.is_some() => (*position, false),
            Some(ASTNode::Expr(Expr::FloatConstant(_, position) | Expr::IntegerConstant(_, position))) => {
                (*position, true)
            }
            _ => return true,
        };
        let Some(place) = place_of(path, text, position) else { return true };
        if seen.insert((place.line, place.column)) {
            mutants.extend(mutants_at(text, &place, path, is_number));
        }
        true
    });
    mutants
}

/// The mutants of the number or operator at a location.
fn mutants_at(text: &str, place: &SourceLocation, path: &str, is_number: bool) -> Vec<PackMutant> {
    let start = place.span.as_ref().map_or(0, |span| span.start);
    let rest = text.get(start..).unwrap_or_default();
    if is_number {
        let was = numbers_in(rest).into_iter().next().filter(|number| number.start == 0);
        let Some(was) = was.and_then(|number| rest.get(number)) else { return Vec::new() };
        let nudges = [true, false].into_iter().filter_map(|up| nudged(was, up));
        return nudges.filter_map(|becomes| PackMutant::at(place, path, was, becomes)).collect();
    }
    let operator: String = rest.chars().take_while(|letter| "<>=!".contains(*letter)).collect();
    let others = mutated_operators(&operator).iter();
    others.filter_map(|other| PackMutant::at(place, path, &operator, (*other).to_owned())).collect()
}

fn place_of(path: &str, text: &str, position: Position) -> Option<SourceLocation> {
    let line = u32::try_from(position.line()?).ok()?;
    let column = u32::try_from(position.position()?).ok()?;
    Some(SourceLocation::at_position(path, text, line, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_unit_of_the_last_place() {
        let nudged = |written, up| nudged(written, up).unwrap();
        assert_eq!([nudged("0.5", true), nudged("0.075", false), nudged("14", true)], ["0.51", "0.074", "15"]);
        assert_eq!([nudged("06", false), nudged("23", true), nudged("-30", true)], ["05", "24", "-29"]);
    }

    #[test]
    fn numbers_are_found_in_lists_and_times() {
        let found =
            |text: &str| -> Vec<String> { numbers_in(text).into_iter().map(|range| text[range].to_owned()).collect() };
        assert_eq!(found("[9, 13, 16]"), ["9", "13", "16"]);
        assert_eq!(found("\"23:00\""), ["23", "00"]);
        assert_eq!(found("-30"), ["-30"]);
    }

    #[test]
    fn comparisons_and_numbers_of_a_script_are_changed_at_their_locations() {
        let text = "fn f(post, ctx) {\n    let why = `at ${post.hour > 17} h`;\n    if post.fatigue >= 0.5 { 1 } else { 2 }\n}\n";
        let change = |mutant: PackMutant| (mutant.line, mutant.was, mutant.becomes);
        let reported: Vec<(u32, String, String)> = mutants_of_script("a.rhai", text).into_iter().map(change).collect();
        let expected = [
            (2, ">", ">="),
            (2, ">", "<"),
            (2, "17", "18"),
            (2, "17", "16"),
            (3, ">=", ">"),
            (3, ">=", "<="),
            (3, "0.5", "0.51"),
            (3, "0.5", "0.49"),
            (3, "1", "2"),
            (3, "1", "0"),
            (3, "2", "3"),
            (3, "2", "1"),
        ];
        let mut reported: Vec<_> =
            reported.iter().map(|(line, was, becomes)| (*line, was.as_str(), becomes.as_str())).collect();
        let mut expected = expected.to_vec();
        reported.sort_unstable();
        expected.sort_unstable();
        assert_eq!(reported, expected);
    }
}
