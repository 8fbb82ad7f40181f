//! Validates one value of a TOML file against the kind that its key requires.
//!
//! Every error in the value is reported, and in a list every error in each part. Relations to other values are not
//! checked here.

use std::ops::{Bound, RangeBounds as _};

use chrono::{NaiveDate, NaiveTime};
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::closed::{DAY_MINUTES, WEEK_MINUTES};
use super::key::{DAYS, Key, Kind, Presence, Rows, weekday_of};
use super::settings::{Row, Setting, Value};
use super::toml_document::{TomlDocument, in_order};
use crate::diagnostic::{Diagnostic, SourceLocation, listed, nearest};
use crate::model::{parse_wall_time, wall_time_text};

/// The result of reading a value.
pub(crate) type Reading = Result<Value, Vec<Diagnostic>>;

/// Reads the value of `key` at the full path `path`.
pub(crate) fn read(document: &TomlDocument<'_>, key: &Key, path: &str, value: &Spanned<DeValue<'_>>) -> Reading {
    let reader = ValueReader { document, key, path, place: document.place(value.span()), value };
    match key.kind {
        Kind::Integer { least, most } => reader.integer(least, most),
        Kind::Number { least, most } => reader.number(least, most),
        Kind::Bool => value.get_ref().as_bool().map(Value::Bool).ok_or_else(|| reader.wrong_type()),
        Kind::Text => reader.text(),
        Kind::Choice(names) => reader.choice(names),
        Kind::Hours => reader.list().and_then(|list| reader.hours(list)),
        Kind::Names(names) => reader.list().and_then(|list| reader.names(names, list)),
        Kind::Texts => reader.list().and_then(|list| reader.texts(list)),
        Kind::Clock => reader.clock(),
        Kind::Date => reader.date(),
        Kind::DateTime => reader.date_time(),
        Kind::WallTime => reader.wall_time(),
        Kind::Rows(rows) => reader.list().and_then(|list| reader.rows(&rows, list)),
    }
}

/// Texts of a list with their locations, and the errors in other parts of the list.
type LocatedTexts<'l> = (Vec<(&'l str, SourceLocation)>, Vec<Diagnostic>);

/// A value with its key and location.
struct ValueReader<'a> {
    document: &'a TomlDocument<'a>,
    key: &'a Key,
    path: &'a str,
    place: SourceLocation,
    value: &'a Spanned<DeValue<'a>>,
}

impl ValueReader<'_> {
    fn mistake(&self, code: &'static str, cause: String) -> Vec<Diagnostic> {
        let remedy = format!("write {}: {}", self.key.kind.expected(), self.key.doc);
        vec![Diagnostic::at(code, &self.place, self.path, cause, remedy)]
    }

    fn wrong_type(&self) -> Vec<Diagnostic> {
        let found = described(self.document, self.value);
        self.mistake("wrong_type", format!("`{}` must be {}, not {found}", self.path, self.key.kind.noun()))
    }

    fn out_of_range(&self) -> Vec<Diagnostic> {
        let written = self.document.quote(self.value.span());
        let expected = self.key.kind.expected();
        self.mistake("out_of_range", format!("`{}` is `{written}`, but must be {expected}", self.path))
    }

    fn integer(&self, least: i64, most: i64) -> Reading {
        let integer = self.value.get_ref().as_integer().ok_or_else(|| self.wrong_type())?;
        parsed_integer(integer)
            .filter(|number| (least..=most).contains(number))
            .map(Value::Integer)
            .ok_or_else(|| self.out_of_range())
    }

    fn number(&self, least: Bound<f64>, most: Bound<f64>) -> Reading {
        let number = match self.value.get_ref() {
            DeValue::Integer(integer) => parsed_integer(integer).map(|number| number as f64),
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            _ => return Err(self.wrong_type()),
        };
        number
            .filter(|number| number.is_finite() && (least, most).contains(number))
            // Adding 0.0 turns -0.0 into 0.0.
            .map(|number| Value::Number(number + 0.0))
            .ok_or_else(|| self.out_of_range())
    }

    fn text(&self) -> Reading {
        let text = self.value.get_ref().as_str().ok_or_else(|| self.wrong_type())?;
        if text.trim().is_empty() {
            return Err(self.mistake("empty_text", format!("`{}` is empty", self.path)));
        }
        Ok(Value::Text(text.to_owned()))
    }

    fn choice(&self, names: &'static [&'static str]) -> Reading {
        let text = self.value.get_ref().as_str().ok_or_else(|| self.wrong_type())?;
        if names.contains(&text) {
            return Ok(Value::Text(text.to_owned()));
        }
        let cause = format!("`{}` cannot be `{text}`", self.path);
        Err(vec![self.unknown_name(text, names, &self.place, cause)])
    }

    /// The error of a text that is none of the allowed names.
    fn unknown_name(
        &self,
        text: &str,
        names: &'static [&'static str],
        place: &SourceLocation,
        cause: String,
    ) -> Diagnostic {
        let short_for = || names.iter().copied().find(|name| is_short_for(text, name));
        let remedy = match nearest(text, names.iter().copied()).or_else(short_for) {
            Some(name) => format!("write `\"{name}\"`, the nearest of {}", listed(names.iter().copied())),
            None => format!("write {}: {}", self.key.kind.expected(), self.key.doc),
        };
        Diagnostic::at("unknown_value", place, self.path, cause, remedy)
    }

    fn clock(&self) -> Reading {
        let minutes = match self.value.get_ref() {
            DeValue::String(text) => clock_minutes(text),
            DeValue::Datetime(when) => match (when.date, when.time) {
                (None, Some(time)) if time.second.unwrap_or(0) == 0 && time.nanosecond.unwrap_or(0) == 0 => {
                    Some(u16::from(time.hour) * 60 + u16::from(time.minute))
                }
                _ => None,
            },
            _ => return Err(self.wrong_type()),
        };
        minutes.map(Value::Clock).ok_or_else(|| {
            let written = self.document.quote(self.value.span());
            self.mistake("bad_clock", format!("`{}` is {written}, which is not a time of day", self.path))
        })
    }

    fn date(&self) -> Reading {
        let date = match self.value.get_ref() {
            DeValue::String(text) => text.parse().ok(),
            DeValue::Datetime(when) => match (when.date, when.time) {
                (Some(date), None) => to_date(date),
                _ => return Err(self.wrong_type()),
            },
            _ => return Err(self.wrong_type()),
        };
        date.map(Value::Date).ok_or_else(|| {
            let written = self.document.quote(self.value.span());
            self.mistake("bad_date", format!("`{}` is {written}, which is not a date", self.path))
        })
    }

    fn wall_time(&self) -> Reading {
        match self.value.get_ref() {
            DeValue::String(text) => self.week_time(text),
            _ => self.date_time(),
        }
    }

    fn date_time(&self) -> Reading {
        match self.value.get_ref() {
            DeValue::String(text) => Err(self.quoted_date_time(text).unwrap_or_else(|| self.wrong_type())),
            DeValue::Datetime(when) if when.offset.is_some() => {
                let written = self.document.quote(self.value.span());
                let cause = format!("`{}` is {written}, which has an offset from UTC", self.path);
                let remedy = "leave the offset out, as in `2026-12-24T12:00:00`: times are those of the client's clock";
                Err(vec![Diagnostic::at("offset_time", &self.place, self.path, cause, remedy)])
            }
            DeValue::Datetime(when) => match (when.date.and_then(to_date), when.time.and_then(to_time)) {
                (Some(date), Some(time)) => Ok(Value::DateTime(date.and_time(time))),
                _ => Err(self.wrong_type()),
            },
            _ => Err(self.wrong_type()),
        }
    }

    /// The error in a date and time that is written as a text; `None` if the text is not a date and time.
    fn quoted_date_time(&self, text: &str) -> Option<Vec<Diagnostic>> {
        let when = parse_wall_time(text.trim())?;
        let cause = format!("`{}` is a text: a date and time is written without quotes", self.path);
        let remedy = format!("write `{}`, without quotes", wall_time_text(when));
        Some(vec![Diagnostic::at("wrong_type", &self.place, self.path, cause, remedy)])
    }

    /// Parses a text such as `friday 18:00`.
    fn week_time(&self, text: &str) -> Reading {
        if let Some(mistakes) = self.quoted_date_time(text) {
            return Err(mistakes);
        }
        let (day, time) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let (weekday, minutes) = (weekday_of(day), minutes_up_to_midnight(time.trim()));
        match (weekday, minutes) {
            (Some(weekday), Some(minutes)) => {
                Ok(Value::WeekTime((u16::from(weekday) * DAY_MINUTES + minutes) % WEEK_MINUTES))
            }
            (Some(_), None) if time.is_empty() => {
                Err(self.mistake("bad_clock", format!("`{}` is `{text}`, which has no time of day", self.path)))
            }
            (Some(_), None) => {
                let cause = format!("`{}` is `{text}`: `{}` is not a time of day", self.path, time.trim());
                Err(self.mistake("bad_clock", cause))
            }
            (None, _) => Err(vec![self.unknown_weekday(text, day)]),
        }
    }

    fn unknown_weekday(&self, text: &str, day: &str) -> Diagnostic {
        let cause = format!("`{}` is `{text}`: `{day}` is not a day of the week", self.path);
        let remedy = match nearest(day, DAYS).or_else(|| DAYS.into_iter().find(|known| is_short_for(day, known))) {
            Some(known) => format!("write `{known}`, the nearest day of the week"),
            None => format!("write {}: {}", self.key.kind.expected(), self.key.doc),
        };
        Diagnostic::at("unknown_weekday", &self.place, self.path, cause, remedy)
    }

    fn list(&self) -> Result<&DeArray<'_>, Vec<Diagnostic>> {
        self.value.get_ref().as_array().ok_or_else(|| self.wrong_type())
    }

    fn hours(&self, list: &DeArray<'_>) -> Reading {
        let mut hours = Vec::with_capacity(list.len());
        let mut mistakes = Vec::new();
        for part in list.iter() {
            let hour = part.get_ref().as_integer().and_then(parsed_integer).and_then(|hour| u8::try_from(hour).ok());
            let written = self.document.quote(part.span());
            let (code, cause) = match hour {
                Some(hour) if hour < 24 && !hours.contains(&hour) => {
                    hours.push(hour);
                    continue;
                }
                Some(hour) if hour < 24 => ("duplicate_hour", format!("hour {hour} is named twice")),
                _ => ("out_of_range", format!("`{}` contains `{written}`, which is not an hour of the day", self.path)),
            };
            let remedy = format!("write {}", self.key.kind.expected());
            mistakes.push(Diagnostic::at(code, &self.document.place(part.span()), self.path, cause, remedy));
        }
        hours.sort_unstable();
        if mistakes.is_empty() { Ok(Value::Hours(hours)) } else { Err(mistakes) }
    }

    fn names(&self, allowed: &'static [&'static str], list: &DeArray<'_>) -> Reading {
        let (texts, mut mistakes) = self.distinct_texts(list)?;
        let mut names = Vec::with_capacity(texts.len());
        for (text, place) in texts {
            match allowed.iter().find(|name| **name == text) {
                Some(name) => names.push(*name),
                None => {
                    let cause = format!("`{}` cannot contain `{text}`", self.path);
                    mistakes.push(self.unknown_name(text, allowed, &place, cause));
                }
            }
        }
        names.sort_by_key(|name| allowed.iter().position(|other| other == name));
        if mistakes.is_empty() { Ok(Value::Names(names)) } else { Err(mistakes) }
    }

    fn texts(&self, list: &DeArray<'_>) -> Reading {
        let (texts, mistakes) = self.distinct_texts(list)?;
        let texts = texts.into_iter().map(|(text, _)| text.to_owned()).collect();
        if mistakes.is_empty() { Ok(Value::Texts(texts)) } else { Err(mistakes) }
    }

    /// The texts of a list with their locations, and the errors in other parts of it; an error if the list is empty.
    fn distinct_texts<'l>(&self, list: &'l DeArray<'_>) -> Result<LocatedTexts<'l>, Vec<Diagnostic>> {
        if list.is_empty() {
            let cause = format!("`{}` is an empty list", self.path);
            let remedy = format!("leave it out, or write {}", self.key.kind.expected());
            return Err(vec![Diagnostic::at("empty_list", &self.place, self.path, cause, remedy)]);
        }
        let mut texts: Vec<(&str, SourceLocation)> = Vec::with_capacity(list.len());
        let mut mistakes = Vec::new();
        for part in list.iter() {
            let place = self.document.place(part.span());
            let (code, cause) = match part.get_ref().as_str() {
                Some(text) if text.trim().is_empty() => {
                    ("empty_text", format!("`{}` contains an empty text", self.path))
                }
                Some(text) if texts.iter().any(|(other, _)| *other == text) => {
                    ("duplicate_name", format!("`{}` contains `{text}` twice", self.path))
                }
                Some(text) => {
                    texts.push((text, place));
                    continue;
                }
                None => {
                    let found = described(self.document, part);
                    ("wrong_type", format!("`{}` must contain texts, not {found}", self.path))
                }
            };
            let remedy = format!("write {}", self.key.kind.expected());
            mistakes.push(Diagnostic::at(code, &place, self.path, cause, remedy));
        }
        Ok((texts, mistakes))
    }

    fn rows(&self, schema: &Rows, list: &DeArray<'_>) -> Reading {
        let mut rows = Vec::with_capacity(list.len());
        let mut mistakes = Vec::new();
        for part in list.iter() {
            match part.get_ref().as_table() {
                Some(table) => match self.row(schema, table, &self.document.place(part.span())) {
                    Ok(row) => rows.push(row),
                    Err(found) => mistakes.extend(found),
                },
                None => {
                    let found = described(self.document, part);
                    let cause = format!("`{}` must contain rows, not {found}", self.path);
                    let remedy = format!("write {}", self.key.kind.expected());
                    let place = self.document.place(part.span());
                    mistakes.push(Diagnostic::at("wrong_type", &place, self.path, cause, remedy));
                }
            }
        }
        if mistakes.is_empty() {
            mistakes.extend(self.order_mistakes(schema, &rows));
        }
        if mistakes.is_empty() { Ok(Value::Rows(rows)) } else { Err(mistakes) }
    }

    fn row(&self, schema: &Rows, table: &DeTable<'_>, place: &SourceLocation) -> Result<Row, Vec<Diagnostic>> {
        let mut row = Row::new();
        let mut mistakes = Vec::new();
        let mut guesses = Vec::new();
        for (name, value) in in_order(table) {
            let column = schema.columns.iter().find(|column| column.path == name.get_ref().as_ref());
            let Some(column) = column else {
                let (mistake, guess) = self.unknown_column(schema, table, name.get_ref(), name.span());
                mistakes.push(mistake);
                guesses.extend(guess);
                continue;
            };
            match read(self.document, column, &format!("{}.{}", self.path, column.path), value) {
                Ok(read) => {
                    let place = Some(self.document.place(value.span()));
                    row.insert(column.path, Setting { value: read, place });
                }
                Err(found) => mistakes.extend(found),
            }
        }
        for column in schema.columns {
            let is_there_or_mistyped = table.contains_key(column.path) || guesses.contains(&column.path);
            if column.presence == Presence::Required && !is_there_or_mistyped {
                let cause = format!("a row of `{}` has no `{}`", self.path, column.path);
                let remedy = format!("add `{} = …`, {}: {}", column.path, column.kind.expected(), column.doc);
                mistakes.push(Diagnostic::at("missing_key", place, self.path, cause, remedy));
            }
        }
        if mistakes.is_empty() { Ok(row) } else { Err(mistakes) }
    }

    /// The error of an unknown column, and the column that was probably meant.
    fn unknown_column(
        &self,
        schema: &Rows,
        table: &DeTable<'_>,
        name: &str,
        span: std::ops::Range<usize>,
    ) -> (Diagnostic, Option<&'static str>) {
        let columns = || schema.columns.iter().map(|column| column.path);
        let guess = nearest(name, columns().filter(|column| !table.contains_key(*column)));
        let remedy = match guess {
            Some(guess) => format!("write `{guess}`, the nearest known key"),
            None => format!("a row may have {}", listed(columns())),
        };
        let cause = format!("`{name}` is not known in a row of `{}`", self.path);
        (Diagnostic::at("unknown_key", &self.document.place(span), self.path, cause, remedy), guess)
    }

    /// The errors in the order of rows whose first column must ascend.
    fn order_mistakes(&self, schema: &Rows, rows: &[Row]) -> Vec<Diagnostic> {
        let Some(column) = schema.columns.first().map(|column| column.path).filter(|_| schema.is_ascending) else {
            return Vec::new();
        };
        let thresholds: Vec<(f64, Option<&SourceLocation>)> = rows
            .iter()
            .filter_map(|row| row.get(column))
            .filter_map(|cell| cell.value.as_number().map(|number| (number, cell.place.as_ref())))
            .collect();
        let mut mistakes = Vec::new();
        if let Some(first) = schema.first
            && thresholds.first().map(|(from, _)| *from) != Some(first)
        {
            let place = thresholds.first().and_then(|(_, place)| *place).unwrap_or(&self.place);
            let cause = format!("the first row of `{}` must begin with `{column} = {first}`", self.path);
            let remedy = format!("add a row that applies from {first} on, as in `{}`", schema.example);
            mistakes.push(Diagnostic::at("first_row", place, self.path, cause, remedy));
        }
        for ((before, _), (after, place)) in thresholds.iter().zip(thresholds.iter().skip(1)) {
            if after <= before {
                let cause =
                    format!("the rows of `{}` do not ascend: `{column}` {after} comes after {before}", self.path);
                let remedy = format!("sort the rows by `{column}`, smallest first, each number once");
                let place = place.unwrap_or(&self.place);
                mistakes.push(Diagnostic::at("not_ascending", place, self.path, cause, remedy));
            }
        }
        mistakes
    }
}

/// What messages call a value.
fn described(document: &TomlDocument<'_>, value: &Spanned<DeValue<'_>>) -> String {
    let written = document.quote(value.span());
    match value.get_ref() {
        DeValue::String(_) => format!("the text `{written}`"),
        DeValue::Integer(_) | DeValue::Float(_) => format!("the number `{written}`"),
        DeValue::Boolean(_) => format!("`{written}`"),
        DeValue::Datetime(_) => format!("the date or time `{written}`"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn parsed_integer(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Whether a text abbreviates a name, as `Fri` and `fri.` do a weekday.
fn is_short_for(text: &str, name: &str) -> bool {
    let short = text.trim_end_matches('.').to_lowercase();
    short.len() >= 2 && name.starts_with(&short)
}

/// The minutes since midnight of a text such as `18:00`; 1440 for `24:00`.
fn minutes_up_to_midnight(text: &str) -> Option<u16> {
    if text == "24:00" { Some(DAY_MINUTES) } else { clock_minutes(text) }
}

/// The minutes since midnight of a text such as `18:00`; 0 for `24:00`.
fn clock_minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= 24 * 60).then_some(minutes % (24 * 60))
}

fn to_date(date: toml::value::Date) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))
}

fn to_time(time: toml::value::Time) -> Option<NaiveTime> {
    let (second, nanosecond) = (time.second.unwrap_or(0), time.nanosecond.unwrap_or(0));
    NaiveTime::from_hms_nano_opt(u32::from(time.hour), u32::from(time.minute), u32::from(second), nanosecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(kind: Kind, text: &str) -> Reading {
        let source = format!("k = {text}\n");
        let key = Key::required("k", kind, "for a test");
        TomlDocument::read("x.toml", &source, |document| {
            assert_eq!(document.mistakes(), []);
            read(document, &key, "k", document.root().get("k").unwrap())
        })
    }

    fn codes(reading: Reading) -> Vec<&'static str> {
        reading.unwrap_err().into_iter().map(|mistake| mistake.code).collect()
    }

    #[test]
    fn a_number_takes_integers_and_floats_but_nothing_infinite() {
        let kind = Kind::any_number();
        assert_eq!(read_as(kind, "3"), Ok(Value::Number(3.0)));
        assert_eq!(read_as(kind, "-0.25"), Ok(Value::Number(-0.25)));
        for bad in ["inf", "-inf", "nan", "1e999"] {
            assert_eq!(codes(read_as(kind, bad)), ["out_of_range"], "{bad}");
        }
    }

    #[test]
    fn both_ends_of_a_range_are_checked_exactly() {
        let kind = Kind::above(0.0, 0.5);
        assert!(read_as(kind, "0.5").is_ok());
        assert_eq!(codes(read_as(kind, "0")), ["out_of_range"]);
        assert_eq!(codes(read_as(kind, "0.5000001")), ["out_of_range"]);
        assert_eq!(codes(read_as(Kind::below(0.0, 1.0), "1")), ["out_of_range"]);
        assert_eq!(codes(read_as(Kind::integer(0, 9), "99999999999999999999")), ["out_of_range"]);
    }

    #[test]
    fn a_number_with_a_decimal_point_and_a_text_are_not_whole_numbers() {
        let kind = Kind::integer(0, 168);
        assert_eq!(codes(read_as(kind, "14.0")), ["wrong_type"]);
        assert_eq!(codes(read_as(kind, "\"14\"")), ["wrong_type"]);
        assert_eq!(read_as(kind, "0x10"), Ok(Value::Integer(16)));
    }

    #[test]
    fn each_bad_hour_of_a_list_is_named_and_good_ones_are_sorted() {
        assert_eq!(read_as(Kind::Hours, "[19, 7]"), Ok(Value::Hours(vec![7, 19])));
        assert_eq!(
            codes(read_as(Kind::Hours, "[7, 24, \"x\", 7]")),
            ["out_of_range", "out_of_range", "duplicate_hour"]
        );
    }

    #[test]
    fn the_end_of_a_day_is_read_as_midnight() {
        assert_eq!(read_as(Kind::Clock, "\"23:30\""), Ok(Value::Clock(1410)));
        assert_eq!(read_as(Kind::Clock, "\"24:00\""), Ok(Value::Clock(0)));
        assert_eq!(read_as(Kind::Clock, "06:15:00"), Ok(Value::Clock(375)));
        for bad in ["\"24:01\"", "\"7:00\"", "\"12:60\"", "\"+1:00\"", "\"noon\"", "06:15:30"] {
            assert_eq!(codes(read_as(Kind::Clock, bad)), ["bad_clock"], "{bad}");
        }
    }

    #[test]
    fn a_date_may_be_written_with_quotes_or_without() {
        let day = NaiveDate::from_ymd_opt(2026, 12, 25).unwrap();
        assert_eq!(read_as(Kind::Date, "2026-12-25"), Ok(Value::Date(day)));
        assert_eq!(read_as(Kind::Date, "\"2026-12-25\""), Ok(Value::Date(day)));
        assert_eq!(codes(read_as(Kind::Date, "\"2026-13-25\"")), ["bad_date"]);
        assert_eq!(codes(read_as(Kind::Date, "2026-12-25T10:00:00")), ["wrong_type"]);
    }

    const THRESHOLD_ROW: &[Key] = &[
        Key::required("from", Kind::number(0.0, 1.0), "threshold"),
        Key::required("factor", Kind::number(0.0, 1.0), "factor that applies"),
    ];

    #[test]
    fn thresholds_must_ascend_and_begin_where_they_should() {
        let kind = |first| Kind::threshold_table(THRESHOLD_ROW, first, "[{ from = 0, factor = 1 }]");
        let good = "[{ from = 0, factor = 1 }, { from = 0.5, factor = 0.5 }]";
        assert!(read_as(kind(Some(0.0)), good).is_ok());
        assert!(read_as(kind(None), "[]").is_ok());
        assert_eq!(codes(read_as(kind(Some(0.0)), "[]")), ["first_row"]);
        assert_eq!(codes(read_as(kind(Some(0.0)), "[{ from = 0.1, factor = 1 }]")), ["first_row"]);
        let twice = "[{ from = 0.5, factor = 1 }, { from = 0.5, factor = 1 }, { from = 0.2, factor = 1 }]";
        assert_eq!(codes(read_as(kind(None), twice)), ["not_ascending", "not_ascending"]);
    }

    #[test]
    fn a_mistyped_column_is_not_reported_as_missing_too() {
        let kind = Kind::threshold_table(THRESHOLD_ROW, None, "[]");
        assert_eq!(
            codes(read_as(kind, "[{ from = 0, facto = 1 }, { from = 0.2 }, 3]")),
            ["unknown_key", "missing_key", "wrong_type"]
        );
    }
}
