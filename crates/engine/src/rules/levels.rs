//! The values of a sweep parameter, parsed from a list or a range and checked against the kind of its key.

use std::ops::Range;

use super::key::{Key, Kind};
use super::settings::Value;
use super::toml_document::TomlDocument;
use super::value;
use crate::diagnostic::{Diagnostic, SourceLocation};

/// Maximum number of values of one key.
const MAX_VALUES: usize = 10_000;

/// Minimum number of steps into which a continuous range is divided. Values are rounded to these steps, which keeps
/// their texts short.
const MIN_RANGE_STEPS: f64 = 10_000.0;

/// The values that a sweep gives a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Levels {
    /// These values, in this order; at least one.
    List(Vec<Level>),
    /// Any number from the first to the second, both inclusive.
    Range(f64, f64),
}

/// One value that a sweep gives a key.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Level {
    /// The value as TOML.
    pub written: String,
    /// The value as a number; `None` if it is not a number.
    pub number: Option<f64>,
}

impl Level {
    fn number(number: f64) -> Self {
        Self { written: number.to_string(), number: Some(number) }
    }

    /// Converts a value of a pack.
    pub(super) fn of(value: &Value) -> Self {
        Self { written: value.to_string(), number: number_of(value) }
    }

    /// Whether both are the same value, however they are written.
    fn is_same_value(&self, other: &Level) -> bool {
        self.written == other.written || self.number.is_some() && self.number == other.number
    }
}

impl Levels {
    /// Number of values; `None` for a continuous range.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        match self {
            Levels::List(levels) => Some(levels.len()),
            Levels::Range(..) => None,
        }
    }

    /// The value at a position from the first to the last, given as a share in `0..1`.
    #[must_use]
    pub fn at(&self, share: f64) -> Level {
        match self {
            Levels::List(levels) => {
                let index = (share * levels.len() as f64) as usize;
                let level = levels.get(index.min(levels.len().saturating_sub(1)));
                level.cloned().unwrap_or(Level { written: String::new(), number: None })
            }
            Levels::Range(low, high) => {
                // The largest power of ten of which the range holds at least `MIN_RANGE_STEPS`.
                let step = libm::pow(10.0, libm::log10((high - low) / MIN_RANGE_STEPS).floor());
                Level::number(rounded(((low + share * (high - low)) / step).round() * step).clamp(*low, *high))
            }
        }
    }
}

/// Rounds away floating-point error, so that 0.1 + 0.2 gives 0.3.
fn rounded(number: f64) -> f64 {
    // Adding 0.0 turns -0.0 into 0.0.
    format!("{number:.11e}").parse().map_or(number, |short: f64| short + 0.0)
}

/// Parses values and checks each against every key. `place` gives the location of a span of the text.
///
/// # Errors
/// Every error in the values.
pub(super) fn read(
    keys: &[(&str, &Key)],
    text: &str,
    place: &dyn Fn(Range<usize>) -> SourceLocation,
) -> Result<Levels, Vec<Diagnostic>> {
    // A caller without a valid key reports that key instead.
    let Some((path, key)) = keys.first() else { return Ok(Levels::List(Vec::new())) };
    let reader = LevelReader { keys, path, kind: key.kind, place };
    let parts = parts(text);
    if let [only] = parts.as_slice()
        && let Some((low, high)) = reader.continuous_range(only, text)?
    {
        return Ok(Levels::Range(low, high));
    }
    let mut levels: Vec<Level> = Vec::new();
    let mut mistakes = Vec::new();
    for span in parts {
        match reader.levels_of_part(&span, text) {
            Ok(part_levels) => {
                let repeated = part_levels.iter().find(|level| levels.iter().any(|other| other.is_same_value(level)));
                mistakes.extend(repeated.map(|level| reader.listed_twice(level, &span)));
                levels.extend(part_levels);
            }
            Err(errors) => mistakes.extend(errors),
        }
    }
    if levels.len() > MAX_VALUES {
        let cause = format!("`{path}` would take {} values", levels.len());
        let remedy = format!("take larger steps: at most {MAX_VALUES} values");
        mistakes.push(Diagnostic::at("too_many_values", &place(0..text.len()), *path, cause, remedy));
    }
    if mistakes.is_empty() { Ok(Levels::List(levels)) } else { Err(mistakes) }
}

/// The spans of a list's parts, without surrounding spaces. Commas outside brackets and quotes separate the parts.
fn parts(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_i32, None);
    for (at, letter) in text.char_indices() {
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            (',', None) if depth == 0 => {
                parts.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(start..text.len());
    let trimmed = parts.into_iter().map(|span| {
        let part = text.get(span.clone()).unwrap_or_default();
        let from = span.start + (part.len() - part.trim_start().len());
        from..from + part.trim().len()
    });
    trimmed.collect()
}

/// Reads the values of keys that vary together.
struct LevelReader<'a> {
    keys: &'a [(&'a str, &'a Key)],
    /// Path of the first key.
    path: &'a str,
    /// Kind of the first key.
    kind: Kind,
    place: &'a dyn Fn(Range<usize>) -> SourceLocation,
}

/// The text of a range: its ends and step, each with its span.
struct WrittenRange<'t> {
    low: (&'t str, Range<usize>),
    high: (&'t str, Range<usize>),
    step: Option<(&'t str, Range<usize>)>,
}

impl LevelReader<'_> {
    fn mistake(&self, code: &'static str, span: &Range<usize>, cause: String, remedy: &str) -> Diagnostic {
        Diagnostic::at(code, &(self.place)(span.clone()), self.path, cause, remedy)
    }

    fn listed_twice(&self, level: &Level, span: &Range<usize>) -> Diagnostic {
        let cause = format!("`{}` is listed twice", level.written);
        self.mistake("listed_twice", span, cause, "list each value once")
    }

    /// The values of a part: one, or those of a range with steps.
    fn levels_of_part(&self, span: &Range<usize>, text: &str) -> Result<Vec<Level>, Vec<Diagnostic>> {
        let part = text.get(span.clone()).unwrap_or_default();
        if part.is_empty() {
            let remedy = "write a value between two commas, and one after `=`";
            return Err(vec![self.mistake("no_value", span, format!("a value of `{}` is empty", self.path), remedy)]);
        }
        match self.written_range(span, part)? {
            Some(written) => self.stepped_levels(span, &written),
            None => self.level(part, span).map(|level| vec![level]),
        }
    }

    /// The range that a part states with two dots; `None` if the part is a single value.
    fn written_range<'t>(
        &self,
        span: &Range<usize>,
        part: &'t str,
    ) -> Result<Option<WrittenRange<'t>>, Vec<Diagnostic>> {
        if part.starts_with(['"', '\'', '[', '{']) {
            return Ok(None);
        }
        let Some((low, rest)) = part.split_once("..") else { return Ok(None) };
        if !matches!(self.kind, Kind::Integer { .. } | Kind::Number { .. }) {
            let cause = format!("`{}` is {}, which cannot be a range", self.path, self.kind.noun());
            let remedy = format!("list the values with commas, each {}", self.kind.expected());
            return Err(vec![self.mistake("range_of_no_numbers", span, cause, &remedy)]);
        }
        let (high, step) = rest.split_once(':').map_or((rest, None), |(high, step)| (high, Some(step)));
        let high_start = span.start + low.len() + 2;
        let step_start = high_start + high.len() + 1;
        Ok(Some(WrittenRange {
            low: (low, span.start..span.start + low.len()),
            high: (high, high_start..high_start + high.len()),
            step: step.map(|step| (step, step_start..step_start + step.len())),
        }))
    }

    /// The lower and upper end of a range, each of which must be valid for every key.
    fn ends(&self, span: &Range<usize>, written: &WrittenRange<'_>) -> Result<(f64, f64), Vec<Diagnostic>> {
        let end = |(text, at): &(&str, Range<usize>)| {
            if text.trim().is_empty() {
                let remedy = "write both ends, as in `7..21:2`";
                return Err(vec![self.mistake("open_range", span, "the range has an open end".to_owned(), remedy)]);
            }
            self.level(text.trim(), at).map(|level| level.number.unwrap_or_default())
        };
        let (low, high) = match (end(&written.low), end(&written.high)) {
            (Ok(low), Ok(high)) => (low, high),
            (low, high) => return Err([low.err(), high.err()].into_iter().flatten().flatten().collect()),
        };
        if low < high {
            return Ok((low, high));
        }
        let cause = format!("the range from {low} to {high} is empty");
        Err(vec![self.mistake("empty_range", span, cause, "write the smaller number first")])
    }

    /// The ends of a continuous range, which is one of numbers without a step; `None` for any other part.
    fn continuous_range(&self, span: &Range<usize>, text: &str) -> Result<Option<(f64, f64)>, Vec<Diagnostic>> {
        let part = text.get(span.clone()).unwrap_or_default();
        let is_continuous =
            |written: &WrittenRange<'_>| written.step.is_none() && matches!(self.kind, Kind::Number { .. });
        let written = self.written_range(span, part)?.filter(is_continuous);
        written.map(|written| self.ends(span, &written)).transpose()
    }

    /// The values of a range with steps.
    fn stepped_levels(&self, span: &Range<usize>, written: &WrittenRange<'_>) -> Result<Vec<Level>, Vec<Diagnostic>> {
        let (low, high) = self.ends(span, written)?;
        let is_whole = matches!(self.kind, Kind::Integer { .. });
        let step = match &written.step {
            Some((text, at)) => self.step(text.trim(), at, is_whole)?,
            None if is_whole => 1.0,
            None => {
                let remedy = "add a step, as in `0.4..0.6:0.1`";
                let cause = "a range among other values has no step".to_owned();
                return Err(vec![self.mistake("no_step", span, cause, remedy)]);
            }
        };
        // The tolerance, 0.005 of a step, keeps a last value that misses the end by a rounding error.
        let count = ((high - low) / step + 0.005).floor();
        if count >= MAX_VALUES as f64 {
            let cause = format!("`{}` would take {} values", self.path, count + 1.0);
            let remedy = format!("take a larger step: at most {MAX_VALUES} values");
            return Err(vec![self.mistake("too_many_values", span, cause, &remedy)]);
        }
        Ok((0..=count as u32).map(|index| Level::number(rounded(low + f64::from(index) * step))).collect())
    }

    fn step(&self, text: &str, at: &Range<usize>, is_whole: bool) -> Result<f64, Vec<Diagnostic>> {
        let step = text.parse::<f64>().ok().filter(|step| step.is_finite() && *step > 0.0);
        let step = step.filter(|step| !is_whole || step.fract() == 0.0);
        step.ok_or_else(|| {
            let noun = if is_whole { "a whole number above 0" } else { "a number above 0" };
            let remedy =
                format!("write {noun} after `:`, as in `{}`", if is_whole { "7..21:2" } else { "0.4..0.6:0.1" });
            vec![self.mistake("bad_step", at, format!("the step `{text}` is not {noun}"), &remedy)]
        })
    }

    /// One value, which must be valid for every key.
    fn level(&self, text: &str, span: &Range<usize>) -> Result<Level, Vec<Diagnostic>> {
        let mut level = None;
        let mut mistakes = Vec::new();
        for (path, key) in self.keys {
            let written = quoted(&key.kind, text);
            match self.read_value(path, key, &written, span) {
                Ok(value) => level = level.or_else(|| Some(Level { number: number_of(&value), written })),
                Err(errors) => mistakes.extend(errors),
            }
        }
        match level {
            Some(level) if mistakes.is_empty() => Ok(level),
            _ => Err(mistakes),
        }
    }

    fn read_value(&self, path: &str, key: &Key, written: &str, span: &Range<usize>) -> Result<Value, Vec<Diagnostic>> {
        let place = (self.place)(span.clone());
        let wrong_type = || {
            let cause = format!("`{written}` is not {}", key.kind.noun());
            let remedy = format!("write {}: {}", key.kind.expected(), key.doc);
            vec![Diagnostic::at("wrong_type", &place, path, cause, remedy)]
        };
        let reading = TomlDocument::read("value", &format!("value = {written}"), |document| {
            let entries = document.root();
            match entries.get("value") {
                // A line break in the text could add entries.
                Some(entry) if document.mistakes().is_empty() && entries.len() == 1 => {
                    Some(value::read(document, key, path, entry))
                }
                _ => None,
            }
        });
        let relocated = |Diagnostic { code, place: in_value, cause, remedy }| {
            Diagnostic::at(code, &place, in_value.name(), cause, remedy)
        };
        reading.ok_or_else(wrong_type)?.map_err(|mistakes| mistakes.into_iter().map(relocated).collect())
    }
}

/// The text as TOML: adds quotes where the kind requires them.
fn quoted(kind: &Kind, text: &str) -> String {
    let is_text = matches!(kind, Kind::Text | Kind::Choice(_) | Kind::Clock | Kind::Date | Kind::WallTime);
    // A date and time is unquoted, a weekday and time quoted.
    let is_text =
        is_text && !(matches!(kind, Kind::WallTime) && text.starts_with(|first: char| first.is_ascii_digit()));
    if is_text && !text.starts_with(['"', '\'']) { toml::Value::from(text).to_string() } else { text.to_owned() }
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Bound;

    fn read_as(kind: Kind, text: &str) -> Result<Levels, Vec<Diagnostic>> {
        let key = Key::required("a.b", kind, "what it does");
        let place = |span: Range<usize>| SourceLocation { file: "--set".into(), line: 1, column: 0, span: Some(span) };
        read(&[("a.b", &key)], text, &place)
    }

    fn written(kind: Kind, text: &str) -> Vec<String> {
        match read_as(kind, text).unwrap() {
            Levels::List(levels) => levels.into_iter().map(|level| level.written).collect(),
            Levels::Range(low, high) => vec![format!("within {low} and {high}")],
        }
    }

    /// Code and marked text of each diagnostic.
    fn reported(kind: Kind, text: &str) -> Vec<(&'static str, String)> {
        let mistakes = read_as(kind, text).unwrap_err();
        mistakes
            .into_iter()
            .map(|m| (m.code, text[m.place.source().unwrap().span.clone().unwrap()].to_owned()))
            .collect()
    }

    const WHOLE: Kind = Kind::integer(0, 168);
    const NUMBER: Kind = Kind::number(0.0, 1.0);

    #[test]
    fn values_are_listed_and_ranges_are_expanded() {
        assert_eq!(written(WHOLE, "7..21:2").join(" "), "7 9 11 13 15 17 19 21");
        assert_eq!(written(WHOLE, "7..12:2").join(" "), "7 9 11");
        assert_eq!(written(WHOLE, "7..9, 20"), ["7", "8", "9", "20"]);
        assert_eq!(written(NUMBER, "0.1..0.5:0.1"), ["0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(written(NUMBER, "0.4,0.50,6e-1"), ["0.4", "0.50", "6e-1"]);
        assert_eq!(written(Kind::number(-100.0, 100.0), "-30..0:15"), ["-30", "-15", "0"]);
        assert_eq!(written(NUMBER, "0.25..0.75"), ["within 0.25 and 0.75"]);
    }

    #[test]
    fn values_other_than_numbers_are_listed_too() {
        assert_eq!(written(Kind::Bool, "true,false"), ["true", "false"]);
        assert_eq!(written(Kind::Choice(&["fixed", "spread"]), "fixed,\"spread\""), ["\"fixed\"", "\"spread\""]);
        assert_eq!(written(Kind::Clock, "22:00, 23:30"), ["\"22:00\"", "\"23:30\""]);
        assert_eq!(written(Kind::Hours, "[9, 13],[10]"), ["[9, 13]", "[10]"]);
        assert_eq!(written(Kind::Date, "2026-12-25"), ["\"2026-12-25\""]);
        assert_eq!(written(Kind::WallTime, "friday 18:00"), ["\"friday 18:00\""]);
        assert_eq!(written(Kind::WallTime, "2026-12-24T12:00:00"), ["2026-12-24T12:00:00"]);
    }

    #[test]
    fn each_error_is_reported_at_its_location() {
        assert_eq!(reported(WHOLE, "7.5..21:2"), [("wrong_type", "7.5".to_owned())]);
        assert_eq!(reported(WHOLE, "7..210:2"), [("out_of_range", "210".to_owned())]);
        assert_eq!(reported(WHOLE, "7..21:0"), [("bad_step", "0".to_owned())]);
        assert_eq!(reported(WHOLE, "7..21:0.5"), [("bad_step", "0.5".to_owned())]);
        assert_eq!(reported(WHOLE, "21..7"), [("empty_range", "21..7".to_owned())]);
        assert_eq!(reported(WHOLE, "7.."), [("open_range", "7..".to_owned())]);
        assert_eq!(
            reported(WHOLE, "7,seven,7"),
            [("wrong_type", "seven".to_owned()), ("listed_twice", "7".to_owned())]
        );
        assert_eq!(reported(WHOLE, ""), [("no_value", String::new())]);
        assert_eq!(reported(WHOLE, "7,,9"), [("no_value", String::new())]);
        assert_eq!(reported(WHOLE, "7\nb = 8"), [("wrong_type", "7\nb = 8".to_owned())]);
        assert_eq!(reported(NUMBER, "0.4..0.6,0.7"), [("no_step", "0.4..0.6".to_owned())]);
        assert_eq!(reported(NUMBER, "0..1:1e-9"), [("too_many_values", "0..1:1e-9".to_owned())]);
        assert_eq!(reported(NUMBER, "0.5,0.50"), [("listed_twice", "0.50".to_owned())]);
        assert_eq!(reported(Kind::Bool, "true..false"), [("range_of_no_numbers", "true..false".to_owned())]);
        assert_eq!(reported(Kind::Bool, "yes"), [("wrong_type", "yes".to_owned())]);
        assert_eq!(reported(Kind::Choice(&["fixed"]), "fixd"), [("unknown_value", "fixd".to_owned())]);
        let above = Kind::Number { least: Bound::Excluded(0.0), most: Bound::Included(0.5) };
        assert_eq!(reported(above, "0..0.5"), [("out_of_range", "0".to_owned())]);
    }

    #[test]
    fn a_value_of_keys_that_vary_together_is_checked_against_each_key() {
        let keys = [Key::required("a.b", WHOLE, "one"), Key::required("a.c", Kind::integer(0, 9), "two")];
        let keys: Vec<(&str, &Key)> = vec![("a.b", &keys[0]), ("a.c", &keys[1])];
        let place = |span: Range<usize>| SourceLocation { file: "--set".into(), line: 1, column: 0, span: Some(span) };
        let mistakes = read(&keys, "5,10", &place).unwrap_err();
        assert_eq!(mistakes.iter().map(|m| m.place.name()).collect::<Vec<_>>(), ["a.c"]);
    }

    #[test]
    fn a_value_at_a_share_of_a_range_is_a_short_number_within_the_range() {
        let range = Levels::Range(0.02, 0.1);
        assert_eq!(range.at(0.0).written, "0.02");
        assert_eq!(range.at(0.5).written, "0.06");
        for step in 0..1000 {
            let level = range.at(f64::from(step) / 1000.0);
            let number = level.number.unwrap();
            assert!((0.02..=0.1).contains(&number) && level.written.len() <= 9, "{level:?}");
        }
        let listed = read_as(WHOLE, "7..9").unwrap();
        assert_eq!([0.0, 0.34, 0.999].map(|share| listed.at(share).written), ["7", "8", "9"]);
    }
}
