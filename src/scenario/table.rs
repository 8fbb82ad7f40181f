//! Typed reading of a table, row by row: every bad cell is noted with its place, cause and remedy.
//!
//! A cell that is blank is unknown, never zero. A cell that cannot be read gives nothing here and
//! leaves a mistake behind, so that one pass finds all mistakes.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use polars_core::prelude::StringChunked;

use super::error::{Problems, TableError, quoted};
use super::frame::{Frame, Place, nearest};
use crate::model::{Channel, Score, Timestamp, Zone, parse_date};
use crate::spreadsheet::unguarded;

/// Mistakes after which no nearest name is looked for any more: it costs time, and nobody reads so many.
const SUGGESTIONS: usize = 200;

/// What a number may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Least number.
    pub least: f64,
    /// Greatest number.
    pub most: f64,
}

impl Bounds {
    /// From `least` to `most`, both included.
    pub const fn within(least: f64, most: f64) -> Self {
        Self { least, most }
    }

    fn hold(self, number: f64) -> bool {
        (self.least..=self.most).contains(&number)
    }

    fn words(self) -> String {
        format!("from {} to {}", self.least, self.most)
    }
}

/// When an instant may be, both ends included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Era {
    least: Timestamp,
    most: Timestamp,
}

impl Era {
    /// Any time that somebody may plan for, or look back on: from 1990-01-01, before any post on any channel, to
    /// 2200-01-01, after any.
    pub fn any() -> Self {
        Self { least: Timestamp::from_second(631_152_000), most: Timestamp::from_second(7_258_118_400) }
    }

    /// Until so many days after an instant.
    pub fn until(days: i64, after: Timestamp) -> Self {
        Self { most: after.plus_days(days), ..Self::any() }
    }

    fn holds(self, at: Timestamp) -> bool {
        (self.least..=self.most).contains(&at)
    }
}

/// A table whose rows can be read.
#[derive(Debug)]
pub(super) struct Table {
    frame: Frame,
}

impl Table {
    pub fn new(frame: Frame) -> Self {
        Self { frame }
    }

    fn has(&self, column: &str) -> bool {
        self.cells(column).is_some()
    }

    /// Whether every row and the column can be read, so that what it lacks is not there.
    pub fn is_whole(&self, column: &str) -> bool {
        self.frame.is_whole && self.has(column)
    }

    /// Data rows that can be read.
    pub fn height(&self) -> usize {
        self.frame.rows.len()
    }

    /// The row at a position from 0.
    pub fn row<'t, 'p>(&'t self, index: usize, problems: &'p mut Problems) -> Row<'t, 'p> {
        let beyond = Place { position: usize::MAX, number: index + 1, line: None };
        Row { table: self, place: self.frame.rows.get(index).copied().unwrap_or(beyond), problems }
    }

    fn cell(&self, position: usize, column: &str) -> Option<&str> {
        let cell = self.cells(column)?.get(position)?.trim();
        let text = if self.frame.is_csv { unguarded(cell) } else { cell };
        (!text.is_empty()).then_some(text)
    }

    fn cells(&self, column: &str) -> Option<&StringChunked> {
        self.frame.columns.iter().find(|(name, _)| *name == column).map(|(_, cells)| cells)
    }
}

fn written_instant(text: &str) -> Option<(Timestamp, Option<i32>)> {
    let iso = Timestamp::parse_with_offset(text).ok();
    let is_utc = iso.is_some() && text.ends_with(['Z', 'z']);
    let with_blanks = || {
        let mut formats = ["%Y-%m-%d %H:%M %z", "%Y-%m-%d %H:%M:%S %z"].into_iter();
        formats.find_map(|format| DateTime::parse_from_str(text, format).ok())
    };
    let at = iso.or_else(with_blanks).or_else(|| DateTime::parse_from_rfc2822(text).ok())?;
    let minutes_ahead = at.offset().local_minus_utc() / 60;
    Some((Timestamp::from(at.to_utc()), (!is_utc).then_some(minutes_ahead)))
}

/// One row of a table, with where its mistakes go.
pub(super) struct Row<'t, 'p> {
    table: &'t Table,
    place: Place,
    problems: &'p mut Problems,
}

impl<'t> Row<'t, '_> {
    /// The row's number, from 1.
    pub fn number(&self) -> usize {
        self.place.number
    }

    /// Notes a mistake of one cell, or of the whole row where `column` is empty.
    pub fn reject(&mut self, code: &'static str, column: &str, cause: String, remedy: String) {
        let error = self.note(code, column, cause, remedy);
        self.problems.errors.push(error);
    }

    /// Notes what is unlikely, and yet may be meant.
    pub fn warn(&mut self, code: &'static str, column: &str, cause: String, remedy: &str) {
        let warning = self.note(code, column, cause, remedy.to_owned());
        self.problems.warnings.push(warning);
    }

    fn note(&self, code: &'static str, column: &str, cause: String, remedy: String) -> TableError {
        let value = self.table.cell(self.place.position, column).unwrap_or_default().to_owned();
        TableError {
            code,
            file: Arc::clone(&self.table.frame.file),
            row: Some(self.number()),
            line: self.place.line,
            column: column.to_owned(),
            value,
            cause,
            remedy,
        }
    }

    /// Text without blanks around it; none where blank.
    pub fn text(&self, column: &str) -> Option<&'t str> {
        self.table.cell(self.place.position, column)
    }

    /// Text that must be there.
    pub fn required(&mut self, column: &str) -> Option<&'t str> {
        let text = self.text(column);
        if text.is_none() {
            self.reject_blank(column);
        }
        text
    }

    /// An identifier that must be there. It may not hold what separates identifiers elsewhere.
    pub fn identifier(&mut self, column: &str) -> Option<&'t str> {
        self.required(column)?;
        self.optional_identifier(column)
    }

    /// An identifier; none where blank.
    pub fn optional_identifier(&mut self, column: &str) -> Option<&'t str> {
        let text = self.text(column)?;
        if text.contains(|c: char| c == '/' || c == ';' || c.is_control()) {
            let cause = format!("{} holds `/`, `;` or a control character", quoted(text));
            self.reject("bad_identifier", column, cause, "write the identifier without them".to_owned());
            return None;
        }
        Some(text)
    }

    /// A finite number within bounds; none where blank.
    pub fn number_in(&mut self, column: &str, bounds: Bounds) -> Option<f64> {
        let text = self.text(column)?;
        let remedy = format!("give a number {}", bounds.words());
        let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) else {
            let remedy = match text.replace(',', ".").parse::<f64>() {
                Ok(number) if number.is_finite() => format!("{remedy}, with a point before its decimals: `{number}`"),
                _ => format!("{remedy}; leave it blank where it is not known"),
            };
            self.reject("not_a_number", column, format!("{} is not a number", quoted(text)), remedy);
            return None;
        };
        if !bounds.hold(number) {
            self.reject("out_of_range", column, format!("{} is out of range", quoted(text)), remedy);
            return None;
        }
        Some(number)
    }

    /// A finite number within bounds that must be there.
    pub fn required_number(&mut self, column: &str, bounds: Bounds) -> Option<f64> {
        self.required(column)?;
        self.number_in(column, bounds)
    }

    /// A number in `0..=1`; none where blank.
    pub fn score(&mut self, column: &str) -> Option<Score> {
        self.number_in(column, Bounds::within(0.0, 1.0)).and_then(Score::new)
    }

    /// A number in `0..=1` that must be there.
    pub fn required_score(&mut self, column: &str) -> Option<Score> {
        self.required(column)?;
        self.score(column)
    }

    /// A whole number up to `most`; none where blank. `5.0`, as spreadsheets write it, is whole.
    pub fn count(&mut self, column: &str, most: u32) -> Option<u32> {
        let number = self.number_in(column, Bounds::within(0.0, f64::from(most)))?;
        if number.fract() != 0.0 {
            let cause = format!("{} is not a whole number", quoted(self.text(column).unwrap_or_default()));
            self.reject("not_whole", column, cause, format!("give a whole number from 0 to {most}"));
            return None;
        }
        Some(number as u32)
    }

    /// `true` or `false`; none where blank.
    pub fn flag(&mut self, column: &str) -> Option<bool> {
        let text = self.text(column)?;
        if text.eq_ignore_ascii_case("true") {
            Some(true)
        } else if text.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            let cause = format!("{} is neither true nor false", quoted(text));
            self.reject("not_a_flag", column, cause, "write `true` or `false`".to_owned());
            None
        }
    }

    /// An instant of an era; none where blank.
    pub fn instant(&mut self, column: &str, era: Era) -> Option<Timestamp> {
        let text = self.text(column)?;
        let instant = text.parse::<Timestamp>().ok();
        if instant.is_none() {
            let cause = format!("{} is not a point in time", quoted(text));
            self.reject(
                "not_a_time",
                column,
                cause,
                "write ISO 8601 in UTC, such as `2026-09-07T08:30:00Z`".to_owned(),
            );
        }
        instant.filter(|at| self.is_in(column, era, *at))
    }

    fn is_in(&mut self, column: &str, era: Era, at: Timestamp) -> bool {
        if era.holds(at) {
            return true;
        }
        let cause = format!("{} is out of range", quoted(self.text(column).unwrap_or_default()));
        let day = |at: Timestamp| at.date().to_string();
        self.reject("out_of_range", column, cause, format!("give a time from {} to {}", day(era.least), day(era.most)));
        false
    }

    /// An instant that must be there, and how many minutes ahead of UTC the clock was that it was read from, where it
    /// says so. It may be written as ISO 8601, as that with blanks (`2026-09-07 08:30 +0000`), or as mail has it.
    ///
    /// `Z` says that the time is UTC, not where the clock stood.
    pub fn instant_with_offset(&mut self, column: &str) -> Option<(Timestamp, Option<i32>)> {
        let text = self.required(column)?;
        let found = written_instant(text);
        if found.is_none() {
            let cause = format!("{} is not a point in time", quoted(text));
            let remedy = "write ISO 8601 with its offset from UTC, such as `2026-09-07T08:30:00Z` or `2026-09-07 10:30:00+02:00`";
            self.reject("not_a_time", column, cause, remedy.to_owned());
        }
        found.filter(|(at, _)| self.is_in(column, Era::any(), *at))
    }

    /// An instant of an era that must be there.
    pub fn required_instant(&mut self, column: &str, era: Era) -> Option<Timestamp> {
        self.required(column)?;
        self.instant(column, era)
    }

    /// A date; none where blank.
    pub fn date(&mut self, column: &str) -> Option<NaiveDate> {
        let text = self.text(column)?;
        let date = parse_date(text);
        if date.is_none() {
            let cause = format!("{} is not a date", quoted(text));
            self.reject("not_a_date", column, cause, "write the date as `2026-09-07`".to_owned());
        }
        date
    }

    /// A date that must be there.
    pub fn required_date(&mut self, column: &str) -> Option<NaiveDate> {
        self.required(column)?;
        self.date(column)
    }

    /// A channel that must be there.
    pub fn channel(&mut self, column: &str) -> Option<Channel> {
        let text = self.required(column)?;
        self.channel_named(column, text)
    }

    /// Free marks with `;` between.
    pub fn tags(&mut self, column: &str) -> Vec<Arc<str>> {
        let tags = self.text(column).unwrap_or_default().split(';').map(str::trim);
        tags.filter(|tag| !tag.is_empty()).map(Arc::from).collect()
    }

    /// Channels with `;` between; empty where blank, nothing where one is wrong.
    pub fn channels(&mut self, column: &str) -> Option<Vec<Channel>> {
        let mut channels = Vec::new();
        let mut right = true;
        for name in self.text(column).unwrap_or_default().split(';').map(str::trim).filter(|name| !name.is_empty()) {
            match self.channel_named(column, name) {
                Some(channel) if channels.contains(&channel) => {
                    let cause = format!("`{channel}` is named twice");
                    self.reject("duplicate", column, cause, "name each channel once".to_owned());
                    right = false;
                }
                Some(channel) => channels.push(channel),
                None => right = false,
            }
        }
        channels.sort_unstable();
        right.then_some(channels)
    }

    /// The channel of that name, which stands in the given column.
    pub fn channel_named(&mut self, column: &str, name: &str) -> Option<Channel> {
        let channel = name.parse().ok();
        if channel.is_none() {
            let cause = format!("{} is not a channel", quoted(name));
            let remedy = self.suggestion(name, Channel::names(), || Channel::names().collect::<Vec<_>>().join(", "));
            self.reject("unknown_channel", column, cause, remedy);
        }
        channel
    }

    /// One of a few names; none where blank.
    pub fn named<T: FromStr + Copy>(&mut self, column: &str, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
        let text = self.text(column)?;
        let value = text.parse().ok();
        if value.is_none() {
            let names = || all.iter().copied().map(name);
            let remedy = self.suggestion(text, names(), || names().collect::<Vec<_>>().join(", "));
            self.reject("unknown_name", column, format!("{} is not known here", quoted(text)), remedy);
        }
        value
    }

    /// A time zone; none where blank.
    pub fn zone(&mut self, column: &str) -> Option<Zone> {
        let text = self.text(column)?;
        let zone = text.parse().ok();
        if zone.is_none() {
            let names = Zone::names().filter(|_| self.may_suggest());
            let otherwise = || "an IANA name such as `Australia/Sydney`".to_owned();
            let remedy = self.suggestion(text, names, otherwise);
            self.reject("unknown_zone", column, format!("{} is not a time zone", quoted(text)), remedy);
        }
        zone
    }

    /// Notes that a cell names something that is not there.
    pub fn reject_unknown<'n>(&mut self, column: &str, what: &str, name: &str, known: impl Iterator<Item = &'n str>) {
        let cause = format!("there is no {what} {}", quoted(name));
        let remedy = self.suggestion(name, known, || format!("a {what} that is in its table"));
        self.reject("unknown_reference", column, cause, remedy);
    }

    /// Notes that the row repeats an earlier one.
    pub fn reject_duplicate(&mut self, column: &str, what: &str, earlier: usize) {
        let cause = format!("{what} stands in row {earlier} already");
        self.reject("duplicate", column, cause, "keep one of the two rows".to_owned());
    }

    fn reject_blank(&mut self, column: &str) {
        if !self.table.frame.missing.contains(&column) {
            self.reject("blank", column, "it is blank".to_owned(), "fill it in".to_owned());
        }
    }

    fn may_suggest(&self) -> bool {
        self.problems.errors.len() < SUGGESTIONS
    }

    fn suggestion<'n>(
        &self,
        name: &str,
        known: impl Iterator<Item = &'n str>,
        otherwise: impl Fn() -> String,
    ) -> String {
        let found = if self.may_suggest() { nearest(name, known) } else { None };
        match found {
            Some(found) => format!("did you mean `{found}`?"),
            None => format!("use {}", otherwise()),
        }
    }
}
