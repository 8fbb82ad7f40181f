//! Closed hours: weekly or dated ranges in which nothing is posted.
//!
//! All ranges apply together: those of `calendar.toml`, of a channel's table and of every overlay that applies to a
//! client.

use std::fmt;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

use super::key::{Key, Kind, Rows, day_name};
use super::settings::{Row, Settings, Value, View, is_closed_ranges};
use crate::diagnostic::{Diagnostic, SourceLocation};
use crate::model::{Channel, wall_time_text};

const CLOSED_RANGE: &[Key] = &[
    Key::required("from", Kind::WallTime, "from this time on nothing is posted, client's clock"),
    Key::required("to", Kind::WallTime, "from this time on posts may run again"),
];

/// The kind of a key that holds a list of closed ranges.
pub(super) const CLOSED: Kind = Kind::Rows(Rows {
    columns: CLOSED_RANGE,
    is_ascending: false,
    first: None,
    example: "[{ from = \"friday 18:00\", to = \"monday 08:00\" }]",
});

pub(crate) const DAY_MINUTES: u16 = 24 * 60;

pub(crate) const WEEK_MINUTES: u16 = 7 * DAY_MINUTES;

/// A range in which nothing is posted, in the client's local time: the half-open interval from `from` to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedRange {
    /// Repeats every week.
    Weekly {
        /// Start, inclusive, in minutes since Monday 00:00, `0..10080`.
        from: u16,
        /// End, exclusive, in the same unit; less than `from` if the range wraps past the end of the week.
        to: u16,
    },
    /// Applies once.
    Dated {
        /// Start, inclusive.
        from: NaiveDateTime,
        /// End, exclusive; later than `from`.
        to: NaiveDateTime,
    },
}

impl ClosedRange {
    /// Start and end as written in the pack, such as `friday 18:00`.
    #[must_use]
    pub fn endpoints(&self) -> [String; 2] {
        match self {
            ClosedRange::Weekly { from, to } => [WeekTime(*from).to_string(), WeekTime(*to).to_string()],
            ClosedRange::Dated { from, to } => [wall_time_text(*from), wall_time_text(*to)],
        }
    }

    /// Whether a local time lies in the range.
    #[must_use]
    pub fn covers(&self, at: NaiveDateTime) -> bool {
        let minute_of_day = (at.hour() * 60 + at.minute()) as u16;
        match self {
            ClosedRange::Weekly { .. } => {
                let weekday = at.weekday().num_days_from_monday() as u16;
                self.covers_every_week(weekday * DAY_MINUTES + minute_of_day)
            }
            ClosedRange::Dated { from, to } => (*from..*to).contains(&at),
        }
    }

    /// Whether the range closes a minute, counted from Monday 00:00, in every week. Dated ranges never do.
    pub(crate) fn covers_every_week(&self, minute_of_week: u16) -> bool {
        match *self {
            ClosedRange::Weekly { from, to } if from < to => (from..to).contains(&minute_of_week),
            ClosedRange::Weekly { from, to } if from > to => minute_of_week >= from || minute_of_week < to,
            // Equal ends are reported as an error elsewhere.
            ClosedRange::Weekly { .. } | ClosedRange::Dated { .. } => false,
        }
    }
}

impl fmt::Display for ClosedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to] = self.endpoints();
        write!(f, "{from} to {to}")
    }
}

/// Minutes since Monday 00:00, displayed as `friday 18:00`.
pub(crate) struct WeekTime(pub(crate) u16);

impl fmt::Display for WeekTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = day_name((self.0 / DAY_MINUTES) as u8);
        let minute_of_day = self.0 % DAY_MINUTES;
        write!(f, "{day} {:02}:{:02}", minute_of_day / 60, minute_of_day % 60)
    }
}

/// Source location of a row in a list to which overlays add rows, such as a closed range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    /// Full path of the list, such as `calendar.closed`.
    pub key: String,
    /// 0-based position of the row in the list of its file.
    pub row: usize,
    /// File, as a path within the pack.
    pub file: Arc<str>,
    /// 1-based line in the file.
    pub line: u32,
}

/// A channel's closed ranges: those of the calendar, then its own, each in layer order.
pub(crate) fn ranges(view: &View<'_>, channel: Channel) -> Vec<ClosedRange> {
    rows(view, channel).filter_map(|row| range_of_row(row.cells)).collect()
}

/// The keys of the lists that hold a channel's closed ranges.
pub(crate) fn keys(channel: Channel) -> [String; 2] {
    ["calendar.closed".to_owned(), format!("channels.{channel}.closed")]
}

/// A row of a list of closed ranges.
pub(super) struct ClosedRow<'a> {
    /// Full path of the list.
    pub key: String,
    /// 0-based position in the list of its layer.
    pub index: usize,
    pub cells: &'a Row,
}

/// The rows of the lists that hold a channel's closed ranges: those of the calendar, then its own, in layer order.
pub(super) fn rows<'a>(view: &View<'a>, channel: Channel) -> impl Iterator<Item = ClosedRow<'a>> {
    keys(channel).into_iter().flat_map(move |key| {
        let numbered: Vec<(usize, &Row)> = numbered_rows(view, &key).collect();
        numbered.into_iter().map(move |(index, cells)| ClosedRow { key: key.clone(), index, cells })
    })
}

/// The rows of a list in every layer, each with its 0-based position in the list of its layer.
pub(super) fn numbered_rows<'a>(view: &View<'a>, key: &str) -> impl Iterator<Item = (usize, &'a Row)> {
    view.rows_by_layer(key).flat_map(|rows| rows.iter().enumerate())
}

/// The range that a row states; `None` if one end recurs and the other does not.
pub(crate) fn range_of_row(cells: &Row) -> Option<ClosedRange> {
    match (&cells.get("from")?.value, &cells.get("to")?.value) {
        (Value::WeekTime(from), Value::WeekTime(to)) => Some(ClosedRange::Weekly { from: *from, to: *to }),
        (Value::DateTime(from), Value::DateTime(to)) => Some(ClosedRange::Dated { from: *from, to: *to }),
        _ => None,
    }
}

/// The location of a row, which is that of its topmost cell; `None` if no cell has a location.
pub(super) fn row_place(key: String, row: usize, cells: &Row) -> Option<RowPlace> {
    let topmost = cells.values().filter_map(|cell| cell.place.as_ref()).min_by_key(|place| place.line)?;
    Some(RowPlace { key, row, file: Arc::clone(&topmost.file), line: topmost.line })
}

/// Errors in the closed ranges of a file, row by row.
pub(crate) fn mistakes(settings: &Settings) -> Vec<Diagnostic> {
    let lists = settings.iter().filter(|(path, _)| is_closed_ranges(path));
    let all = lists.flat_map(|(path, setting)| {
        let rows = setting.value.as_rows().unwrap_or_default();
        rows.iter().filter_map(move |cells| mistake(path, cells))
    });
    all.collect()
}

fn mistake(path: &str, cells: &Row) -> Option<Diagnostic> {
    let (from, to) = (cells.get("from")?, cells.get("to")?);
    let report = |place: &Option<SourceLocation>, code, cause, remedy: &str| {
        place.as_ref().map(|place| Diagnostic::at(code, place, path, cause, remedy))
    };
    match (&from.value, &to.value) {
        (Value::WeekTime(begin), Value::WeekTime(end)) if begin == end => {
            let cause = format!("the range begins and ends at {}", WeekTime(*begin));
            report(&to.place, "empty_range", cause, "write the time from which posts may run again as `to`")
        }
        (Value::DateTime(begin), Value::DateTime(end)) if begin == end => {
            let cause = format!("the range begins and ends at {}", wall_time_text(*begin));
            report(&to.place, "empty_range", cause, "write the time from which posts may run again as `to`")
        }
        (Value::DateTime(begin), Value::DateTime(end)) if begin > end => {
            let [begin, end] = [begin, end].map(|time| wall_time_text(*time));
            let cause = format!("the range ends at {end}, before it begins at {begin}");
            report(&to.place, "span_backwards", cause, "write the first time as `from` and the last as `to`")
        }
        (Value::WeekTime(_), Value::DateTime(_)) | (Value::DateTime(_), Value::WeekTime(_)) => {
            let cause = format!(
                "the range runs from {} to {}: one end recurs every week, the other is a single date",
                from.value, to.value
            );
            report(&to.place, "mixed_range", cause, "write two weekdays with times, or two dates with times")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientId, WorkspaceId};
    use crate::rules::load;
    use crate::rules::load::tests::{changed, default_files, reported};

    fn with_closed(rows: &str) -> crate::rules::PackFiles {
        changed("calendar.toml", "closed = []", &format!("closed = [{rows}]"))
    }

    fn closed_on_fb(files: crate::rules::PackFiles) -> Vec<String> {
        load(files).unwrap().base().channel(Channel::Fb).closed.iter().map(ToString::to_string).collect()
    }

    /// Code and remedy of each diagnostic.
    fn codes_and_remedies(rows: &str) -> Vec<(&'static str, String)> {
        let mistakes = load(with_closed(rows)).expect_err(rows);
        mistakes.into_iter().map(|mistake| (mistake.code, mistake.remedy)).collect()
    }

    #[test]
    fn ranges_of_every_week_and_of_single_dates_are_read_as_they_are_written() {
        let rows = "{ from = \"friday 18:00\", to = \"monday 08:00\" }, \
                    { from = 2026-12-24T12:00:00, to = 2026-12-27 00:00:00 }";
        let expected = ["friday 18:00 to monday 08:00", "2026-12-24T12:00:00 to 2026-12-27T00:00:00"];
        assert_eq!(closed_on_fb(with_closed(rows)), expected);
        assert_eq!(
            closed_on_fb(with_closed("{ from = \"saturday 00:00\", to = \"sunday 24:00\" }")),
            ["saturday 00:00 to monday 00:00"]
        );
    }

    #[test]
    fn a_range_over_the_end_of_the_week_covers_the_end_and_the_start_of_the_week() {
        let at = |weekday: u16, hour: u16| (weekday * 24 + hour) * 60;
        let range = ClosedRange::Weekly { from: at(4, 18), to: at(0, 8) };
        for (minute, is_closed) in [
            (0, true),
            (at(0, 8) - 1, true),
            (at(0, 8), false),
            (at(4, 18) - 1, false),
            (at(4, 18), true),
            (10_079, true),
        ] {
            assert_eq!(range.covers_every_week(minute), is_closed, "{minute}");
        }
    }

    #[test]
    fn ends_that_are_not_local_times_are_reported_with_a_remedy() {
        for (rows, code, remedy) in [
            ("{ from = \"fryday 18:00\", to = \"monday 08:00\" }", "unknown_weekday", "write `friday`"),
            ("{ from = \"Fri 18:00\", to = \"monday 08:00\" }", "unknown_weekday", "write `friday`"),
            ("{ from = \"friday 18:00\", to = \"monday 25:00\" }", "bad_clock", "`\"friday 18:00\"`"),
            ("{ from = \"friday\", to = \"monday 08:00\" }", "bad_clock", "`\"friday 18:00\"`"),
            ("{ from = \"2026-12-24\", to = \"monday 08:00\" }", "wrong_type", "write `2026-12-24T00:00:00`"),
            ("{ from = \"2026-12-24 12:00\", to = \"monday 08:00\" }", "wrong_type", "write `2026-12-24T12:00:00`"),
            ("{ from = \"24.12.2026 12:00\", to = \"monday 08:00\" }", "unknown_weekday", "`2026-12-24T12:00:00`"),
            ("{ from = 2026-12-24, to = 2026-12-27T00:00:00 }", "wrong_type", "`2026-12-24T12:00:00`"),
            ("{ from = 18:00:00, to = 19:00:00 }", "wrong_type", "`\"friday 18:00\"`"),
            ("{ from = 2026-12-24T12:00:00Z, to = 2026-12-27T00:00:00 }", "offset_time", "leave the offset out"),
            ("{ from = \"friday 18:00\" }", "missing_key", "add `to = …`"),
            ("{ from = \"friday 18:00\", til = \"monday 08:00\" }", "unknown_key", "from"),
        ] {
            let reported = codes_and_remedies(rows);
            let is_expected = |found: &(&str, String)| found.0 == code && found.1.contains(remedy);
            assert!(reported.iter().any(is_expected), "{rows}: {reported:?}");
        }
    }

    #[test]
    fn ranges_that_are_empty_reversed_or_of_two_kinds_are_reported_at_their_location() {
        for (rows, code) in [
            ("{ from = \"friday 18:00\", to = \"friday 18:00\" }", "empty_range"),
            ("{ from = \"monday 00:00\", to = \"sunday 24:00\" }", "empty_range"),
            ("{ from = 2026-12-24T12:00:00, to = 2026-12-24T12:00:00 }", "empty_range"),
            ("{ from = 2026-12-27T12:00:00, to = 2026-12-24T12:00:00 }", "span_backwards"),
            ("{ from = \"friday 18:00\", to = 2026-12-24T12:00:00 }", "mixed_range"),
            ("{ from = 2026-12-24T12:00:00, to = \"monday 08:00\" }", "mixed_range"),
        ] {
            assert_eq!(codes_and_remedies(rows).iter().map(|(code, _)| *code).collect::<Vec<_>>(), [code], "{rows}");
        }
        let mut files = default_files();
        let text = "scope = { client = \"a\" }\n[channels.fb]\n\
                    closed = [\n{ from = \"friday 18:00\", to = \"friday 18:00\" },\n]\n";
        files.insert("overlays/a.toml".to_owned(), text.to_owned());
        assert_eq!(
            reported(files),
            [("empty_range", "overlays/a.toml".to_owned(), 4, "channels.fb.closed".to_owned())]
        );
    }

    #[test]
    fn ranges_of_calendar_channel_and_overlays_add_up_and_each_has_its_location() {
        let row = |day: &str| format!("closed = [{{ from = \"{day} 10:00\", to = \"{day} 11:00\" }}]\n");
        let mut files = with_closed("{ from = \"monday 10:00\", to = \"monday 11:00\" }");
        let channels = files.get_mut("channels.toml").unwrap();
        *channels = channels.replacen("weekly_posts = 5\n", &format!("weekly_posts = 5\n{}", row("tuesday")), 1);
        let overlay = format!(
            "scope = {{ client = \"bakery\" }}\n[calendar]\n{}[channels.fb]\n{}",
            row("wednesday"),
            row("thursday")
        );
        files.insert("overlays/bakery.toml".to_owned(), overlay);
        let pack = load(files).unwrap();
        let key = pack.overlay_key(&WorkspaceId::new("any"), &ClientId::new("bakery"), None);
        let days = |channel: Channel| -> Vec<String> {
            let closed = pack.rules_with(&key).channel(channel).closed.clone();
            closed.iter().map(|range| range.endpoints()[0].split(' ').next().unwrap().to_owned()).collect()
        };
        assert_eq!(days(Channel::Fb), ["monday", "wednesday", "tuesday", "thursday"]);
        assert_eq!(days(Channel::X), ["monday", "wednesday"]);
        assert_eq!(pack.base().channel(Channel::X).closed.len(), 1);
        let places = pack.closed_places(&key, Channel::Fb);
        let files: Vec<(&str, &str)> = places.iter().map(|place| (place.key.as_str(), &*place.file)).collect();
        assert_eq!(
            files,
            [
                ("calendar.closed", "calendar.toml"),
                ("calendar.closed", "overlays/bakery.toml"),
                ("channels.fb.closed", "channels.toml"),
                ("channels.fb.closed", "overlays/bakery.toml"),
            ]
        );
        assert_eq!((places[1].line, places[3].line), (3, 5));
        let shown = pack.effective(&key).into_iter().find(|value| value.key == "channels.fb.closed").unwrap();
        let both = "[{ from = \"tuesday 10:00\", to = \"tuesday 11:00\" }, \
                    { from = \"thursday 10:00\", to = \"thursday 11:00\" }]";
        assert_eq!(shown.value, both);
        assert_eq!(pack.remarks(), []);
    }

    #[test]
    fn posts_that_no_longer_fit_into_the_open_week_are_reported() {
        let code = |rows: &str| reported(with_closed(rows)).into_iter().map(|(code, ..)| code).collect::<Vec<_>>();
        // Only Monday is open, with room for five posts four hours apart: fewer than TikTok's 14.
        assert!(code("{ from = \"tuesday 00:00\", to = \"monday 00:00\" }").contains(&"too_many_posts"));
        let all = code(
            "{ from = \"monday 00:00\", to = \"thursday 00:00\" }, { from = \"thursday 00:00\", to = \"monday 00:00\" }",
        );
        assert_eq!(all, ["closed_all_week"; 9]);
        assert_eq!(closed_on_fb(with_closed("{ from = \"friday 18:00\", to = \"monday 08:00\" }")).len(), 1);
        // A dated range of a year does not close the weeks after it.
        assert_eq!(closed_on_fb(with_closed("{ from = 2026-01-01T00:00:00, to = 2027-01-01T00:00:00 }")).len(), 1);
    }
}
