//! Seasons: times in which every channel posts more or less often.
//!
//! All seasons apply together: those of `calendar.toml` and of every overlay that applies to a client.

use chrono::NaiveDateTime;

use super::key::{Key, Kind, Rows};
use super::settings::{Row, Settings, Value, View};
use crate::diagnostic::Diagnostic;
use crate::model::wall_time_text;

/// Full path of the list of seasons.
pub(super) const SEASONS_PATH: &str = "calendar.seasons";

const SEASON: &[Key] = &[
    Key::required("from", Kind::DateTime, "when it begins, client's clock"),
    Key::required("to", Kind::DateTime, "from this time on it no longer applies, client's clock"),
    Key::required("posts", Kind::number(0.0, 10.0), "factor on `weekly_posts` of every channel"),
];

/// The kind of the key that holds the seasons.
pub(super) const SEASONS: Kind = Kind::Rows(Rows {
    columns: SEASON,
    is_ascending: false,
    first: None,
    example: "[{ from = 2026-12-21T00:00:00, to = 2027-01-04T00:00:00, posts = 0.5 }]",
});

/// A time in which every channel posts more or less often, in the client's local time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Season {
    /// Start, inclusive.
    pub from: NaiveDateTime,
    /// End, exclusive; later than `from`.
    pub to: NaiveDateTime,
    /// Factor on `weekly_posts` of every channel, `0..=10`.
    pub posts: f64,
}

impl Season {
    /// Whether a local time lies in the season.
    #[must_use]
    pub fn covers(&self, at: NaiveDateTime) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// The seasons of every layer, in layer order.
pub(super) fn seasons(view: &View<'_>) -> Vec<Season> {
    view.rows_of_all_layers(SEASONS_PATH).filter_map(season).collect()
}

fn season(row: &Row) -> Option<Season> {
    let (from, to) = endpoints(row)?;
    Some(Season { from, to, posts: row.get("posts")?.value.as_number()? })
}

/// Start and end of a season.
fn endpoints(row: &Row) -> Option<(NaiveDateTime, NaiveDateTime)> {
    match (&row.get("from")?.value, &row.get("to")?.value) {
        (Value::DateTime(from), Value::DateTime(to)) => Some((*from, *to)),
        _ => None,
    }
}

/// Errors in the seasons of a file: those that do not end after they begin.
pub(super) fn mistakes(settings: &Settings) -> Vec<Diagnostic> {
    let rows = settings.get(SEASONS_PATH).and_then(|setting| setting.value.as_rows()).unwrap_or_default();
    let mistake = |row: &Row| {
        let (from, to) = endpoints(row).filter(|(from, to)| to <= from)?;
        let place = row.get("to")?.place.as_ref()?;
        let [begin, end] = [from, to].map(wall_time_text);
        let (code, cause) = match from == to {
            true => ("empty_range", format!("the season begins and ends at {begin}")),
            false => ("span_backwards", format!("the season ends at {end}, before it begins at {begin}")),
        };
        let remedy = "write the first time as `from`, and as `to` the time from which the season no longer applies";
        Some(Diagnostic::at(code, place, SEASONS_PATH, cause, remedy))
    };
    rows.iter().filter_map(mistake).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientId, WorkspaceId};
    use crate::rules::load;
    use crate::rules::load::tests::{changed, default_files, reported};

    fn with_seasons(rows: &str) -> crate::rules::PackFiles {
        changed("calendar.toml", "closed = []", &format!("closed = []\nseasons = [{rows}]"))
    }

    const CHRISTMAS: &str = "{ from = 2026-12-21T00:00:00, to = 2027-01-04T00:00:00, posts = 0.5 }";

    fn season(from: &str, to: &str, posts: f64) -> Season {
        Season { from: from.parse().unwrap(), to: to.parse().unwrap(), posts }
    }

    #[test]
    fn a_pack_that_says_nothing_has_no_season() {
        let pack = load(default_files()).unwrap();
        assert_eq!(pack.base().calendar.seasons, []);
        assert!(!default_files()["calendar.toml"].contains("seasons"));
    }

    #[test]
    fn seasons_of_the_pack_and_of_every_overlay_add_up() {
        let mut files = with_seasons(CHRISTMAS);
        let overlay = "scope = { client = \"bakery\" }\n[calendar]\n\
                       seasons = [{ from = 2026-12-01T06:30:00, to = 2026-12-24 14:00:00, posts = 2 }]\n";
        files.insert("overlays/bakery.toml".to_owned(), overlay.to_owned());
        let pack = load(files).unwrap();
        let christmas = season("2026-12-21T00:00:00", "2027-01-04T00:00:00", 0.5);
        let advent = season("2026-12-01T06:30:00", "2026-12-24T14:00:00", 2.0);
        let rules = pack.rules_for(&WorkspaceId::new("w"), &ClientId::new("bakery"), None);
        assert_eq!(rules.calendar.seasons, [christmas, advent]);
        assert_eq!(pack.base().calendar.seasons, [christmas]);
        let key = pack.overlay_key(&WorkspaceId::new("w"), &ClientId::new("bakery"), None);
        let shown = pack.effective(&key).into_iter().find(|value| value.key == SEASONS_PATH).unwrap();
        let both = "[{ from = 2026-12-21T00:00:00, posts = 0.5, to = 2027-01-04T00:00:00 }, \
                    { from = 2026-12-01T06:30:00, posts = 2, to = 2026-12-24T14:00:00 }]";
        assert_eq!(shown.value, both);
        assert_eq!(pack.remarks(), []);
    }

    #[test]
    fn the_end_is_not_part_of_a_season() {
        let christmas = season("2026-12-21T00:00:00", "2027-01-04T00:00:00", 0.5);
        for (at, is_covered) in [
            ("2026-12-20T23:59:59", false),
            ("2026-12-21T00:00:00", true),
            ("2027-01-03T23:00:00", true),
            ("2027-01-04T00:00:00", false),
        ] {
            assert_eq!(christmas.covers(at.parse().unwrap()), is_covered, "{at}");
        }
    }

    #[test]
    fn seasons_that_do_not_end_after_they_begin_and_wrong_values_are_reported() {
        let row = |from: &str, to: &str, posts: &str| format!("{{ from = {from}, to = {to}, posts = {posts} }}");
        let day = "2026-12-21T00:00:00";
        for (rows, code) in [
            (row(day, day, "0.5"), "empty_range"),
            (row(day, "2026-12-20T00:00:00", "0.5"), "span_backwards"),
            (row(day, "2026-12-22", "0.5"), "wrong_type"),
            (row(day, "\"friday 18:00\"", "0.5"), "wrong_type"),
            (row(day, "2026-12-22T00:00:00Z", "0.5"), "offset_time"),
            (row(day, "2026-12-22T00:00:00", "-0.1"), "out_of_range"),
            (row(day, "2026-12-22T00:00:00", "10.5"), "out_of_range"),
            (format!("{{ from = {day}, to = 2026-12-22T00:00:00 }}"), "missing_key"),
        ] {
            let codes: Vec<&str> = reported(with_seasons(&rows)).into_iter().map(|(code, ..)| code).collect();
            assert_eq!(codes, [code], "{rows}");
        }
        let mut files = default_files();
        let overlay = format!("scope = {{ client = \"a\" }}\n[calendar]\nseasons = [\n{},\n]\n", row(day, day, "1"));
        files.insert("overlays/a.toml".to_owned(), overlay);
        let at = ("empty_range", "overlays/a.toml".to_owned(), 4, SEASONS_PATH.to_owned());
        assert_eq!(reported(files), [at]);
        // They may overlap, and a factor of 1 or more is fine.
        assert!(load(with_seasons(&format!("{CHRISTMAS}, {}", row(day, "2026-12-22T00:00:00", "1")))).is_ok());
    }

    #[test]
    fn a_campaign_has_no_season_of_its_own() {
        let mut files = default_files();
        let overlay = format!("scope = {{ campaign = \"spring\" }}\n[calendar]\nseasons = [{CHRISTMAS}]\n");
        files.insert("overlays/spring.toml".to_owned(), overlay);
        let codes: Vec<&str> = reported(files).into_iter().map(|(code, ..)| code).collect();
        assert_eq!(codes, ["not_for_campaigns"]);
    }
}
