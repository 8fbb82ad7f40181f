//! `scenario.toml`: the name and start of a scenario, the parameters of its environment, and the files of its tables.
//!
//! Its keys are declared and parsed like those of a rules pack. The files of the tables are not opened here.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::NaiveDate;

use super::ScenarioTable;
use crate::diagnostic::{Diagnostic, SourceLocation, nearest};
use crate::model::{Capacity, Environment, ReviewPolicy, Week, Zone};
use crate::rules::{DefaultValue, FileKeys, Key, Kind, Setting, Settings, View, read_alone};

/// The name of the manifest in a scenario folder.
pub const MANIFEST_FILE: &str = "scenario.toml";

/// The contents of `scenario.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Shown in reports.
    pub name: String,
    /// First week; the file gives its Monday.
    pub start: Week,
    /// Default number of weeks of a simulation, `1..=520`.
    pub weeks: u32,
    /// Time zone of clients that have none.
    pub default_zone: Zone,
    /// Review capacity of each workspace.
    pub capacity: Capacity,
    /// How simulated reviewers behave.
    pub review: ReviewPolicy,
    /// The simulated environment that responds to posts.
    pub environment: Environment,
    /// File name by table: `clients`, `channels`, and any of the optional tables.
    pub files: BTreeMap<String, String>,
}

impl Manifest {
    /// A manifest with default parameters, and with each table in a CSV file named after it.
    #[must_use]
    pub fn new(name: String, start: Week, weeks: u32) -> Self {
        Self {
            name,
            start,
            weeks,
            default_zone: Zone::utc(),
            capacity: Capacity::default(),
            review: ReviewPolicy::default(),
            environment: Environment::default(),
            files: ScenarioTable::ALL
                .iter()
                .map(|table| (table.name.to_owned(), format!("{}.csv", table.name)))
                .collect(),
        }
    }

    /// Parses the text of a manifest; `file` is its name in messages.
    ///
    /// # Errors
    /// All errors, sorted by line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let (settings, mut diagnostics) = read_alone(file, text, &SCENARIO_KEYS);
        let start = parse_start(&settings, &mut diagnostics);
        let default_zone = parse_default_zone(&settings, &mut diagnostics);
        let files = parse_files(&settings, &mut diagnostics);
        Diagnostic::sort(&mut diagnostics);
        let view = View::new(&settings);
        match (start, default_zone) {
            (Some(start), Some(default_zone)) if diagnostics.is_empty() => Ok(Self {
                name: view.value_of::<&str>("name").to_owned(),
                start,
                weeks: view.value_of("weeks"),
                default_zone,
                capacity: capacity(&view),
                review: review(&view),
                environment: environment(&view),
                files,
            }),
            _ => Err(diagnostics),
        }
    }
}

/// The keys of `scenario.toml`. Their defaults equal those of the model's types, which a test checks.
pub const SCENARIO_KEYS: FileKeys = FileKeys {
    stem: "scenario",
    doc: "name, start and environment of a scenario, and the files of its tables",
    is_required: true,
    keys: KEYS,
};

const KEYS: &[Key] = &[
    Key::required("name", Kind::Text, "name of the scenario in reports"),
    Key::required("format", Kind::integer(1, 1), "version of the scenario format"),
    Key::required("start", Kind::Date, "the Monday of the first week"),
    Key::with_default(
        "weeks",
        Kind::integer(1, 520),
        DefaultValue::Integer(12),
        "default number of weeks of a simulation",
    ),
    Key::with_default(
        "default_zone",
        Kind::Text,
        DefaultValue::Text("UTC"),
        "default time zone of clients, an IANA name",
    ),
    Key::with_default(
        "capacity.reviewers",
        Kind::integer(0, 100_000),
        DefaultValue::Integer(2),
        "number of reviewers per workspace",
    ),
    Key::with_default(
        "capacity.reviews_per_reviewer_per_day",
        Kind::integer(0, 100_000),
        DefaultValue::Integer(60),
        "posts that one reviewer can review per day",
    ),
    share("review.medium_approved", 0.95, "probability that a post of medium risk is approved"),
    share("review.high_approved", 0.8, "probability that a post of high risk is approved"),
    Key::with_default(
        "review.delay_hours",
        Kind::above(0.0, 10_000.0),
        DefaultValue::Number(12.0),
        "mean hours from planning to the review decision",
    ),
    Key::with_default(
        "review.planned_ahead_hours",
        Kind::number(0.0, 10_000.0),
        DefaultValue::Number(48.0),
        "hours before Monday 00:00 at which the week is planned and review begins",
    ),
    log_sd("environment.noise_log_sd", 1.0, "log SD of a post's engagement around its expectation"),
    Key::with_default(
        "environment.channel_ar1",
        Kind::below(0.0, 1.0),
        DefaultValue::Number(0.1),
        "correlation of a channel's results from day to day",
    ),
    log_sd(
        "environment.channel_log_sd",
        0.15,
        "log SD of the part of a channel's results that is correlated from day to day",
    ),
    log_sd("environment.account_drift_log_sd", 0.03, "log SD of an account's drift per week"),
    exponent(
        "environment.loss_24_hours",
        0.108,
        "exponent e of the factor (1 + posts in the last 24 h)^-e on engagement; above 0 if posts cause fatigue",
    ),
    exponent("environment.loss_7_days", 0.040, "exponent e of the factor (1 + posts in the last 7 days)^-e"),
    exponent(
        "environment.lasting_loss",
        0.25,
        "exponent e of (posts in 28 days / usual number)^-e, a factor where posts are more than usual; an assumption",
    ),
    Key::with_default(
        "environment.min_usual_posts",
        Kind::above(0.0, 10_000.0),
        DefaultValue::Number(12.0),
        "minimum of the usual number of posts in 28 days; with fewer posts, nothing is lost",
    ),
    share(
        "environment.leave_per_post",
        0.0001,
        "share of the audience that leaves after a post on any channel except email; an assumption",
    ),
    share("environment.leave_per_email", 0.0018, "share of the recipients that unsubscribe after an email"),
    Key::with_default(
        "environment.leave_doubling_posts",
        Kind::above(0.0, 10_000.0),
        DefaultValue::Number(7.0),
        "number of posts in the last 7 days at which twice the share leaves; an assumption",
    ),
    log_sd("environment.hour_log_sd", 0.06, "log SD of the true effect of the hour of the day"),
    log_sd("environment.weekday_log_sd", 0.05, "log SD of the true effect of the weekday"),
    log_sd("environment.rate_log_sd", 0.2, "log SD of the true engagement rate around that of the scenario"),
    Key::with_default(
        "environment.unknown_engagement_rate",
        Kind::above(0.0, 10.0),
        DefaultValue::Number(0.03),
        "true engagements per person reached if the scenario has no rate",
    ),
    exponent("environment.asset_log_gain", 0.8, "log gain from an asset of quality 0 to one of quality 1"),
    share("environment.score_smoothing", 0.3, "share of the newest week in the smoothed scores"),
    Key::required("files.clients", Kind::Text, "table of clients, a CSV or Parquet file"),
    Key::required("files.channels", Kind::Text, "table of the clients' channels, a CSV or Parquet file"),
    Key::optional("files.assets", Kind::Text, "table of assets, a CSV or Parquet file"),
    Key::optional("files.campaigns", Kind::Text, "table of campaigns, a CSV or Parquet file"),
    Key::optional("files.policies", Kind::Text, "table of policies, a CSV or Parquet file"),
    Key::optional("files.limits", Kind::Text, "table of numbers for limits of the rules pack, a CSV or Parquet file"),
    Key::optional("files.warnings", Kind::Text, "table of warnings, a CSV or Parquet file"),
    Key::optional("files.reality", Kind::Text, "table of perceived and true results, a CSV or Parquet file"),
    Key::optional("files.calendar", Kind::Text, "table of special days, a CSV or Parquet file"),
    Key::optional("files.history", Kind::Text, "table of past posts, a CSV or Parquet file"),
    Key::optional("files.world", Kind::Text, "table of estimates of the audiences' response, a CSV or Parquet file"),
];

const fn share(path: &'static str, default: f64, doc: &'static str) -> Key {
    Key::with_default(path, Kind::number(0.0, 1.0), DefaultValue::Number(default), doc)
}

const fn log_sd(path: &'static str, default: f64, doc: &'static str) -> Key {
    Key::with_default(path, Kind::number(0.0, 5.0), DefaultValue::Number(default), doc)
}

const fn exponent(path: &'static str, default: f64, doc: &'static str) -> Key {
    Key::with_default(path, Kind::number(-5.0, 5.0), DefaultValue::Number(default), doc)
}

/// Allowed start dates of a scenario.
const STARTS: RangeInclusive<NaiveDate> =
    NaiveDate::from_ymd_opt(2000, 1, 1).unwrap()..=NaiveDate::from_ymd_opt(2199, 12, 31).unwrap();

/// Whether a scenario may start in the week.
#[must_use]
pub fn is_allowed_start(start: Week) -> bool {
    STARTS.contains(&start.monday())
}

fn parse_start(settings: &Settings, diagnostics: &mut Vec<Diagnostic>) -> Option<Week> {
    let (setting, place) = explicit_setting(settings, "start")?;
    let date = setting.value.as_date()?;
    let week = Week::of(date);
    if week.monday() != date {
        let cause = format!("`start` is {date}, a {}, but weeks begin on Monday", date.format("%A"));
        let remedy = format!("write `start = {}`, the Monday of that week", week.monday());
        diagnostics.push(Diagnostic::at("not_a_monday", place, "start", cause, remedy));
        return None;
    }
    if !is_allowed_start(week) {
        let cause = format!("`start` is {date}, which is out of range");
        let remedy = format!("write a Monday from {} to {}", STARTS.start(), STARTS.end());
        diagnostics.push(Diagnostic::at("out_of_range", place, "start", cause, remedy));
        return None;
    }
    Some(week)
}

fn parse_default_zone(settings: &Settings, diagnostics: &mut Vec<Diagnostic>) -> Option<Zone> {
    let setting = settings.get("default_zone")?;
    let name = setting.value.as_text()?;
    let zone = Zone::from_str(name);
    if let (Err(_), Some(place)) = (&zone, &setting.place) {
        let remedy = match nearest(name, Zone::names()) {
            Some(guess) => format!("write `{guess}`, the nearest known zone"),
            None => "write an IANA name such as `Australia/Sydney`".to_owned(),
        };
        let cause = format!("`{name}` is not a time zone");
        diagnostics.push(Diagnostic::at("unknown_zone", place, "default_zone", cause, remedy));
    }
    zone.ok()
}

fn parse_files(settings: &Settings, diagnostics: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for table in settings.names_under("files") {
        let path = format!("files.{table}");
        let Some((setting, place)) = explicit_setting(settings, &path) else { continue };
        let Some(name) = setting.value.as_text() else { continue };
        diagnostics.extend(file_name_error(name, &files, place, &path));
        files.insert(table.to_owned(), name.to_owned());
    }
    files
}

/// The error about a table's file name, if it is invalid or already used for one of the other tables.
fn file_name_error(
    name: &str,
    others: &BTreeMap<String, String>,
    place: &SourceLocation,
    key: &str,
) -> Option<Diagnostic> {
    if name.contains(['/', '\\', ':']) || name.starts_with('.') {
        let cause = format!("`{name}` is not a plain file name");
        let remedy = "put the file into the scenario's folder and write only its name";
        return Some(Diagnostic::at("bad_file_name", place, key, cause, remedy));
    }
    if !name.ends_with(".csv") && !name.ends_with(".parquet") {
        let cause = format!("`{name}` does not end in `.csv` or `.parquet`");
        let remedy = "save the table as CSV or Parquet, and write the name with its extension";
        return Some(Diagnostic::at("bad_file_name", place, key, cause, remedy));
    }
    let (table, _) = others.iter().find(|(_, other)| *other == name)?;
    let cause = format!("`{name}` is already the file of `{table}`");
    Some(Diagnostic::at("duplicate_file", place, key, cause, "use a separate file for each table"))
}

/// A setting that the file itself contains, with its location.
fn explicit_setting<'a>(settings: &'a Settings, path: &str) -> Option<(&'a Setting, &'a SourceLocation)> {
    settings.get(path).and_then(|setting| Some((setting, setting.place.as_ref()?)))
}

fn capacity(view: &View<'_>) -> Capacity {
    Capacity {
        reviewers: view.value_of("capacity.reviewers"),
        reviews_per_reviewer_per_day: view.value_of("capacity.reviews_per_reviewer_per_day"),
    }
}

fn review(view: &View<'_>) -> ReviewPolicy {
    let number = |key: &str| view.value_of(&format!("review.{key}"));
    ReviewPolicy {
        medium_approved: number("medium_approved"),
        high_approved: number("high_approved"),
        delay_hours: number("delay_hours"),
        planned_ahead_hours: number("planned_ahead_hours"),
    }
}

fn environment(view: &View<'_>) -> Environment {
    let number = |key: &str| view.value_of(&format!("environment.{key}"));
    Environment {
        noise_log_sd: number("noise_log_sd"),
        channel_ar1: number("channel_ar1"),
        channel_log_sd: number("channel_log_sd"),
        account_drift_log_sd: number("account_drift_log_sd"),
        loss_24_hours: number("loss_24_hours"),
        loss_7_days: number("loss_7_days"),
        lasting_loss: number("lasting_loss"),
        min_usual_posts: number("min_usual_posts"),
        leave_per_post: number("leave_per_post"),
        leave_per_email: number("leave_per_email"),
        leave_doubling_posts: number("leave_doubling_posts"),
        hour_log_sd: number("hour_log_sd"),
        weekday_log_sd: number("weekday_log_sd"),
        rate_log_sd: number("rate_log_sd"),
        unknown_engagement_rate: number("unknown_engagement_rate"),
        asset_log_gain: number("asset_log_gain"),
        score_smoothing: number("score_smoothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name = \"small\"\nformat = 1\nstart = \"2026-09-07\"\n\
                         [files]\nclients = \"clients.csv\"\nchannels = \"channels.parquet\"\n";

    fn codes(text: &str) -> Vec<(&'static str, u32)> {
        let diagnostics = Manifest::parse("scenario.toml", text).expect_err("the manifest should be rejected");
        diagnostics.iter().map(|error| (error.code, error.place.source().unwrap().line)).collect()
    }

    #[test]
    fn a_small_manifest_has_the_defaults_of_the_model() {
        let manifest = Manifest::parse("scenario.toml", SMALL).unwrap();
        assert_eq!(manifest.start.to_string(), "2026-W37");
        assert_eq!(manifest.weeks, 12);
        assert_eq!(manifest.default_zone, Zone::utc());
        assert_eq!(manifest.capacity, Capacity::default());
        assert_eq!(manifest.review, ReviewPolicy::default());
        assert_eq!(manifest.environment, Environment::default());
        assert_eq!(manifest.files.get("channels").map(String::as_str), Some("channels.parquet"));
    }

    #[test]
    fn values_of_the_manifest_are_read() {
        let text = format!(
            "default_zone = \"Australia/Sydney\"\nweeks = 4\n{SMALL}[capacity]\nreviewers = 5\n\
             [review]\ndelay_hours = 3\n[environment]\nnoise_log_sd = 0.5\nloss_7_days = 0\n"
        );
        let manifest = Manifest::parse("scenario.toml", &text).unwrap();
        assert_eq!((manifest.weeks, manifest.default_zone.name()), (4, "Australia/Sydney"));
        assert_eq!((manifest.capacity.reviewers, manifest.capacity.reviews_per_reviewer_per_day), (5, 60));
        assert_eq!(manifest.review.delay_hours, 3.0);
        assert_eq!((manifest.environment.noise_log_sd, manifest.environment.loss_7_days), (0.5, 0.0));
    }

    #[test]
    fn the_start_may_be_a_date_of_toml_and_must_be_a_monday() {
        assert!(Manifest::parse("scenario.toml", &SMALL.replace("\"2026-09-07\"", "2026-09-07")).is_ok());
        let diagnostics = Manifest::parse("scenario.toml", &SMALL.replace("09-07", "09-10")).unwrap_err();
        let [diagnostic] = diagnostics.as_slice() else { panic!("{diagnostics:?}") };
        assert_eq!((diagnostic.code, &*diagnostic.place.to_string()), ("not_a_monday", "scenario.toml:3:9"));
        assert_eq!(diagnostic.remedy, "write `start = 2026-09-07`, the Monday of that week");
    }

    #[test]
    fn all_errors_of_a_manifest_are_reported_together() {
        let text = "name = \"\"\nformat = 2\nstart = \"soon\"\nweeks = 0\ndefault_zone = \"Australia/Sidney\"\n\
                    [capacity]\nreviewer = 2\n[environment]\nchannel_ar1 = 1\n[files]\nclients = \"../c.csv\"\n\
                    channels = \"channels.xlsx\"\nassets = \"a.csv\"\nhistory = \"a.csv\"\nposts = \"p.csv\"\n";
        assert_eq!(
            codes(text),
            [
                ("empty_text", 1),
                ("out_of_range", 2),
                ("bad_date", 3),
                ("out_of_range", 4),
                ("unknown_zone", 5),
                ("unknown_key", 7),
                ("out_of_range", 9),
                ("bad_file_name", 11),
                ("bad_file_name", 12),
                ("duplicate_file", 14),
                ("unknown_key", 15),
            ]
        );
    }

    #[test]
    fn the_remedy_for_a_misplaced_key_names_its_table() {
        let text = SMALL.replace("format = 1", "format = 1\nreviewers = 3");
        let diagnostics = Manifest::parse("scenario.toml", &text).unwrap_err();
        assert_eq!(diagnostics.first().map(|error| error.remedy.as_str()), Some("move `reviewers` to `[capacity]`"));
    }

    #[test]
    fn an_empty_manifest_is_missing_only_the_required_keys() {
        let diagnostics = Manifest::parse("scenario.toml", "").unwrap_err();
        let keys: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.place.name()).collect();
        assert_eq!(keys, ["format", "name", "start", "files"]);
    }
}
