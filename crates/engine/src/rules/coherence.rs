//! Consistency checks across the keys and files of a pack.
//!
//! A check runs on a view: the base alone, or the base with the overlays of a scope applied. It reports the setting of
//! the topmost layer, since that layer introduced the contradiction. Single values have already been validated against
//! their keys.

use super::contradiction::{Contradiction, contradiction};
use super::fatigue::{HEALTH_WEIGHTS, LINEAR};
use super::hours;
use super::limit_contradictions;
use super::settings::{FoundSetting, Setting, Settings, Value, View};
use crate::diagnostic::{Diagnostic, SourceLocation};
use crate::model::digits::decimal;
use crate::model::{Channel, Zone};

/// Tolerance for comparing sums and products of rule values, so that 0.7 + 0.2 + 0.1 equals 1.
const SLACK: f64 = 1e-9;

/// Settings that are checked together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// The fatigue response and its thresholds.
    Fatigue,
    /// One channel's frequency, spacing and hours.
    Channel(Channel),
    /// The asset quality factor.
    Assets,
    /// The risk bands.
    Risk,
    /// The time zone of a server's scheduled passes.
    Passes,
    /// The limits, and the weekly posts and uses of assets that they need.
    Limits,
    /// Minima that have a price and can never be met: a warning, not an error.
    PricedLimits,
}

impl Group {
    /// The groups whose contradictions are errors.
    pub(crate) fn error_groups() -> impl Iterator<Item = Group> {
        [Group::Fatigue, Group::Assets, Group::Risk, Group::Passes, Group::Limits]
            .into_iter()
            .chain(Channel::ALL.into_iter().map(Group::Channel))
    }

    /// Whether the group depends on a setting.
    pub(crate) fn reads(self, path: &str) -> bool {
        match self {
            Group::Fatigue => {
                path.starts_with("fatigue.") || path.starts_with("channels.") && path.ends_with(".fatigue_per_post")
            }
            Group::Channel(channel) => {
                path.starts_with("calendar.minute.")
                    || path == "calendar.closed"
                    || path.starts_with(&format!("channels.{channel}."))
            }
            Group::Assets => path.starts_with("assets.quality_at_"),
            Group::Risk => path.starts_with("risk.bands."),
            Group::Passes => path == "calendar.passes.time_zone",
            Group::Limits | Group::PricedLimits => {
                path.starts_with("limits.")
                    || path.starts_with("channels.") && path.ends_with(".weekly_posts")
                    || path == "assets.max_uses_per_week"
            }
        }
    }

    /// All contradictions in the view.
    pub(crate) fn contradictions(self, view: &View<'_>) -> Vec<Contradiction> {
        let contradictions: Vec<Option<Contradiction>> = match self {
            Group::Fatigue => {
                let mut found = vec![warn_not_below_block(view), weights_do_not_sum_to_one(view), levels_cross(view)];
                found.extend(fatigue_overflow(view).into_iter().map(Some));
                if view.text("fatigue.response") == Some(LINEAR) {
                    found.extend(SLOPES.map(|key| missing_slope(view, key)));
                    found.extend([not_concave(view), response_below_zero(view)]);
                }
                found
            }
            Group::Channel(channel) => hours::contradictions(view, channel),
            Group::Assets => vec![quality_falls(view)],
            Group::Risk => bands_do_not_meet(view),
            Group::Passes => vec![unknown_time_zone(view)],
            Group::Limits => limit_contradictions::contradictions(view),
            Group::PricedLimits => limit_contradictions::priced_minima_never_met(view),
        };
        contradictions.into_iter().flatten().collect()
    }
}

fn number(found: &FoundSetting<'_>) -> f64 {
    found.setting.value.as_number().unwrap_or_default()
}

fn warn_not_below_block(view: &View<'_>) -> Option<Contradiction> {
    let (warn, block) = (view.find("fatigue.warn_at")?, view.find("fatigue.block_at")?);
    let (warn_at, block_at) = (number(&warn), number(&block));
    if warn_at < block_at {
        return None;
    }
    let cause = format!("`warn_at` {warn_at} is not below `block_at` {block_at}, so no post would ever get a warning");
    let remedy = "set `warn_at` below `block_at`".to_owned();
    contradiction("warn_not_below_block", &[&warn, &block], cause, remedy)
}

fn unknown_time_zone(view: &View<'_>) -> Option<Contradiction> {
    let found = view.find("calendar.passes.time_zone")?;
    let name = found.setting.value.as_text()?;
    if name.parse::<Zone>().is_ok() {
        return None;
    }
    let cause = format!("`{name}` is not the name of a time zone");
    contradiction("unknown_time_zone", &[&found], cause, "write an IANA name, such as `Europe/Berlin`".to_owned())
}

/// The keys that a linear response must state.
const SLOPES: [&str; 2] = ["slope_below_warn", "slope_above_warn"];

fn missing_slope(view: &View<'_>, key: &str) -> Option<Contradiction> {
    let path = format!("fatigue.{key}");
    let (response, slope) = (view.find("fatigue.response")?, view.find(&path)?);
    if slope.setting.place.is_some() {
        return None;
    }
    let place = response.setting.place.clone().unwrap_or_else(|| SourceLocation::whole("fatigue.toml"));
    let cause = format!("`{key}` is missing: a linear response needs it");
    let remedy = format!("add `{key} = …`, or set `response = \"saturating\"`");
    Some(Contradiction {
        diagnostic: Diagnostic::at("missing_key", &place, path, cause, remedy),
        layer: response.layer.max(slope.layer),
    })
}

fn not_concave(view: &View<'_>) -> Option<Contradiction> {
    let (below, above) = (view.find("fatigue.slope_below_warn")?, view.find("fatigue.slope_above_warn")?);
    if number(&above) >= number(&below) {
        return None;
    }
    let cause = format!(
        "response would fall more slowly above `warn_at` ({}) than below it ({}), and no plan could be proven optimal",
        number(&above),
        number(&below)
    );
    let remedy = format!("set `slope_above_warn` to at least {}", number(&below));
    contradiction("not_concave", &[&above, &below], cause, remedy)
}

fn response_below_zero(view: &View<'_>) -> Option<Contradiction> {
    let find = |key: &str| view.find(&format!("fatigue.{key}"));
    let (warn, block) = (find("warn_at")?, find("block_at")?);
    let (below, above) = (find("slope_below_warn")?, find("slope_above_warn")?);
    // 0 if `warn_at` is above `block_at`, which is an error of its own.
    let steep_part = (number(&block) - number(&warn)).max(0.0);
    let response = 1.0 - number(&below) * number(&warn).min(number(&block)) - number(&above) * steep_part;
    if response >= -SLACK {
        return None;
    }
    let cause = format!("response would be {response:.3} just below `block_at`: posts would have a negative value");
    let remedy = "lower `slope_above_warn` or `slope_below_warn`, or set `block_at` lower".to_owned();
    contradiction("response_below_zero", &[&above, &below, &block, &warn], cause, remedy)
}

fn weights_do_not_sum_to_one(view: &View<'_>) -> Option<Contradiction> {
    let weights: Vec<FoundSetting<'_>> =
        HEALTH_WEIGHTS.iter().map(|key| view.find(&format!("fatigue.{key}"))).collect::<Option<_>>()?;
    let sum: f64 = weights.iter().map(number).sum();
    if (sum - 1.0).abs() <= SLACK {
        return None;
    }
    let cause = format!("the weights of channel health sum to {}, not to 1", decimal(sum));
    let remedy = format!("change them by {} in total", decimal(1.0 - sum));
    contradiction("weights_sum", &weights.iter().collect::<Vec<_>>(), cause, remedy)
}

fn levels_cross(view: &View<'_>) -> Option<Contradiction> {
    let (fair, good) = (view.find("fatigue.health_levels.fair_from")?, view.find("fatigue.health_levels.good_from")?);
    if number(&fair) <= number(&good) {
        return None;
    }
    let cause = format!("`fair_from` {} is above `good_from` {}", number(&fair), number(&good));
    contradiction("levels_cross", &[&fair, &good], cause, "set `fair_from` to `good_from` or below".to_owned())
}

fn fatigue_overflow(view: &View<'_>) -> Vec<Contradiction> {
    let Some(block) = view.find("fatigue.block_at") else { return Vec::new() };
    let of_channel = |channel: &Channel| view.find(&format!("channels.{channel}.fatigue_per_post"));
    let per_post_settings: Vec<FoundSetting<'_>> = Channel::ALL.iter().filter_map(of_channel).collect();
    let is_over = |per_post: &&FoundSetting<'_>| number(&block) + number(per_post) > 1.0 + SLACK;
    // If every channel overflows, `block_at` is reported in place of the channels.
    let all_are_over = per_post_settings.iter().all(|per_post| is_over(&per_post));
    let mut contradictions: Vec<Contradiction> = Vec::new();
    for per_post in per_post_settings.iter().filter(is_over) {
        let sum = decimal(number(&block) + number(per_post));
        let cause = format!("`block_at` and `{}` sum to {sum}: fatigue could rise above 1", per_post.path);
        let max_block_at = decimal(1.0 - number(per_post));
        let remedy = format!("set `block_at` to at most {max_block_at}, or `fatigue_per_post` lower");
        let settings = if all_are_over { [&block, per_post] } else { [per_post, &block] };
        contradictions.extend(contradiction("fatigue_overflow", &settings, cause, remedy));
    }
    // `block_at` is reported once, not for every channel.
    contradictions.dedup_by(|later, first| later.diagnostic.place.source() == first.diagnostic.place.source());
    contradictions
}

fn quality_falls(view: &View<'_>) -> Option<Contradiction> {
    let (low, high) = (view.find("assets.quality_at_0")?, view.find("assets.quality_at_100")?);
    if number(&high) >= number(&low) {
        return None;
    }
    let (at_100, at_0) = (number(&high), number(&low));
    let cause = format!("a better asset would earn less: `quality_at_100` {at_100} is below `quality_at_0` {at_0}");
    contradiction("quality_falls", &[&high, &low], cause, format!("set `quality_at_100` to at least {at_0}"))
}

fn bands_do_not_meet(view: &View<'_>) -> Vec<Option<Contradiction>> {
    let find = |band: &str, key: &str| view.find(&format!("risk.bands.{band}.{key}"));
    // Ascending by confidence: high risk is low confidence.
    let bands: Vec<(FoundSetting<'_>, FoundSetting<'_>)> =
        ["high", "medium", "low"].iter().filter_map(|band| Some((find(band, "from")?, find(band, "to")?))).collect();
    let [(high_from, high_to), (medium_from, medium_to), (low_from, low_to)] = bands.as_slice() else {
        return Vec::new();
    };
    if bands.iter().any(|(from, to)| number(from) >= number(to)) {
        return bands.iter().map(empty_band).collect();
    }
    vec![
        hole_at_end(high_from, 0.0),
        hole_or_overlap(high_to, medium_from),
        hole_or_overlap(medium_to, low_from),
        hole_at_end(low_to, 1.0),
    ]
}

fn empty_band((from, to): &(FoundSetting<'_>, FoundSetting<'_>)) -> Option<Contradiction> {
    if number(from) < number(to) {
        return None;
    }
    let cause = format!("a band from {} to {} is empty", number(from), number(to));
    contradiction("empty_band", &[from, to], cause, "set `from` below `to`".to_owned())
}

/// Reports a first or last band whose outer end is not at `required`, the end of the scale.
fn hole_at_end(end: &FoundSetting<'_>, required: f64) -> Option<Contradiction> {
    let actual = number(end);
    if actual == required {
        return None;
    }
    let (lower, upper) = (actual.min(required), actual.max(required));
    let cause = format!("no band covers a confidence from {lower} to {upper}");
    contradiction("band_hole", &[end], cause, format!("set `{}` to {required}", end.path))
}

/// Reports a band that does not end where the next one begins. A band includes its start, not its end.
fn hole_or_overlap(end: &FoundSetting<'_>, next_start: &FoundSetting<'_>) -> Option<Contradiction> {
    let (ends_at, next_at) = (number(end), number(next_start));
    if ends_at == next_at {
        return None;
    }
    let (code, cause) = if ends_at < next_at {
        ("band_hole", format!("no band covers a confidence from {ends_at} up to {next_at}"))
    } else {
        ("band_overlap", format!("two bands cover a confidence from {next_at} up to {ends_at}"))
    };
    let remedy = format!("set `{}` and `{}` to the same number", next_start.path, end.path);
    contradiction(code, &[next_start, end], cause, remedy)
}

/// Errors in the special days of a calendar, row by row.
pub(crate) fn special_day_errors(settings: &Settings) -> Vec<Diagnostic> {
    let Some(Setting { value: Value::Rows(rows), .. }) = settings.get("calendar.days") else { return Vec::new() };
    rows.iter()
        .filter_map(|row| {
            let name = row.get("name")?;
            let place = |column: &str| row.get(column).and_then(|cell| cell.place.as_ref());
            let name_place = name.place.as_ref()?;
            let date = |column: &str| row.get(column).and_then(|cell| cell.value.as_date());
            let title = name.value.as_text().unwrap_or_default();
            let (code, reported_at, cause, remedy) = match (date("date"), date("from"), date("to")) {
                (Some(_), None, None) => return None,
                (None, Some(from), Some(to)) if from <= to => return None,
                (None, Some(from), Some(to)) => {
                    let cause = format!("`{title}` ends on {to}, before it begins on {from}");
                    ("span_backwards", place("to"), cause, ORDER_REMEDY)
                }
                (Some(_), _, _) => {
                    let cause = format!("`{title}` has a `date`, and `from` or `to` as well");
                    ("date_and_span", place("date"), cause, DATE_REMEDY)
                }
                (None, None, None) => ("missing_date", None, format!("`{title}` has no date"), DATE_REMEDY),
                (None, from, _) => {
                    let (has, lacks) = if from.is_some() { ("from", "to") } else { ("to", "from") };
                    ("half_span", place(has), format!("`{title}` has a `{has}` but no `{lacks}`"), DATE_REMEDY)
                }
            };
            Some(Diagnostic::at(code, reported_at.unwrap_or(name_place), "calendar.days", cause, remedy))
        })
        .collect()
}

const ORDER_REMEDY: &str = "write the first day as `from` and the last as `to`";
const DATE_REMEDY: &str = "write `date` for one day, or `from` and `to` for several";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::load::tests::{changed, codes, default_files, only_contradiction, reported};
    use crate::rules::{PackFiles, load};

    fn with_overlays(overlays: &[&str]) -> PackFiles {
        let mut files = default_files();
        let named = overlays.iter().enumerate().map(|(at, text)| (format!("overlays/{at}.toml"), (*text).to_owned()));
        files.extend(named);
        files
    }

    #[test]
    fn warn_must_be_below_block() {
        let reported = only_contradiction("fatigue.toml", "warn_at = 0.5", "warn_at = 0.8");
        assert_eq!(reported, ("warn_not_below_block", "fatigue.warn_at".to_owned()));
    }

    #[test]
    fn fatigue_may_not_rise_above_one() {
        let reported = only_contradiction("fatigue.toml", "block_at = 0.8", "block_at = 0.95");
        assert_eq!(reported, ("fatigue_overflow", "fatigue.block_at".to_owned()));
        let reported = only_contradiction("channels.toml", "fatigue_per_post = 0.10", "fatigue_per_post = 0.25");
        assert_eq!(reported, ("fatigue_overflow", "channels.fb.fatigue_per_post".to_owned()));
        assert!(load(changed("fatigue.toml", "block_at = 0.8", "block_at = 0.9")).is_ok());
    }

    #[test]
    fn response_must_fall_faster_above_warn_and_stay_above_zero() {
        let linear = |slope_above: f64| {
            let lines = format!("response = \"linear\"\nslope_below_warn = 0.6\nslope_above_warn = {slope_above}");
            changed("fatigue.toml", "response = \"saturating\"", &lines)
        };
        assert_eq!(codes(linear(0.5)), [("not_concave", "fatigue.slope_above_warn".to_owned())]);
        assert_eq!(codes(linear(2.5)), [("response_below_zero", "fatigue.slope_above_warn".to_owned())]);
        assert!(load(linear(1.4)).is_ok());
    }

    #[test]
    fn a_linear_response_must_state_its_slopes_and_a_saturating_one_need_not() {
        let without_slopes = |response: &str| {
            let mut files = default_files();
            let text = files.get_mut("fatigue.toml").unwrap();
            let others = text.lines().filter(|line| !line.starts_with("slope_") && !line.starts_with("response"));
            *text = format!("{response}\n{}", others.collect::<Vec<_>>().join("\n"));
            files
        };
        let missing = |key: &str, line: u32| ("missing_key", "fatigue.toml".to_owned(), line, format!("fatigue.{key}"));
        assert_eq!(reported(without_slopes("")), [missing("slope_above_warn", 0), missing("slope_below_warn", 0)]);
        let stated = reported(without_slopes("response = \"linear\""));
        assert_eq!(stated, [missing("slope_above_warn", 1), missing("slope_below_warn", 1)]);
        assert!(load(without_slopes("response = \"saturating\"")).is_ok());
    }

    #[test]
    fn the_slopes_of_a_saturating_response_contradict_nothing() {
        let text = "response = \"saturating\"\nslope_below_warn = 0.6\nslope_above_warn = 0.5";
        assert!(load(changed("fatigue.toml", "response = \"saturating\"", text)).is_ok());
    }

    #[test]
    fn health_weights_must_sum_to_one() {
        let reported = only_contradiction("fatigue.toml", "rested = 0.3", "rested = 0.35");
        assert_eq!(reported, ("weights_sum", "fatigue.health_weights.rested".to_owned()));
    }

    #[test]
    fn fair_must_not_begin_above_good() {
        let reported = only_contradiction("fatigue.toml", "fair_from = 0.4", "fair_from = 0.7");
        assert_eq!(reported, ("levels_cross", "fatigue.health_levels.fair_from".to_owned()));
    }

    #[test]
    fn bands_must_meet() {
        let low = "[bands.low]\nfrom = 0.75";
        assert_eq!(only_contradiction("risk.toml", low, "[bands.low]\nfrom = 0.8").0, "band_hole");
        assert_eq!(only_contradiction("risk.toml", low, "[bands.low]\nfrom = 0.7").0, "band_overlap");
        assert_eq!(
            only_contradiction("risk.toml", "to = 1.0", "to = 0.99"),
            ("band_hole", "risk.bands.low.to".to_owned())
        );
        let high = only_contradiction("risk.toml", "[bands.high]\nfrom = 0.0", "[bands.high]\nfrom = 0.1");
        assert_eq!(high, ("band_hole", "risk.bands.high.from".to_owned()));
        let medium = only_contradiction("risk.toml", "[bands.medium]\nfrom = 0.60", "[bands.medium]\nfrom = 0.75");
        assert_eq!(medium, ("empty_band", "risk.bands.medium.from".to_owned()));
    }

    #[test]
    fn a_better_asset_may_not_earn_less() {
        let reported = only_contradiction("assets.toml", "quality_at_100 = 1.1", "quality_at_100 = 0.2");
        assert_eq!(reported, ("quality_falls", "assets.quality_at_100".to_owned()));
    }

    #[test]
    fn days_must_have_a_date_and_end_after_they_begin() {
        let days = "days = [\n  { date = 2026-12-25, kind = \"holiday\", name = \"Christmas\" },\n  \
                    { from = 2026-12-31, to = 2026-12-30, kind = \"boost\", name = \"back\" },\n  \
                    { from = 2026-12-31, kind = \"boost\", name = \"half\" },\n  \
                    { kind = \"boost\", name = \"never\" },\n  \
                    { date = 2026-12-31, to = 2026-12-31, kind = \"boost\", name = \"both\" },\n]";
        let found: Vec<_> =
            codes(changed("calendar.toml", "days = []", days)).into_iter().map(|(code, _)| code).collect();
        assert_eq!(found, ["span_backwards", "half_span", "missing_date", "date_and_span"]);
    }

    #[test]
    fn a_contradiction_is_reported_at_the_overlay_with_the_locations_of_the_other_settings() {
        let overlay = "scope = { client = \"a\" }\n[fatigue]\nwarn_at = 0.85\n";
        let mistakes = load(with_overlays(&[overlay])).unwrap_err();
        let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
        assert_eq!((mistake.code, &*mistake.place.to_string()), ("warn_not_below_block", "overlays/0.toml:3:11"));
        assert!(mistake.cause.contains("(see also fatigue.toml, line "), "{}", mistake.cause);
    }

    #[test]
    fn overlays_that_may_apply_together_are_checked_together() {
        let workspace = "scope = { workspace = \"eu\" }\n[fatigue]\nblock_at = 0.6\n";
        let client = "scope = { client = \"a\" }\n[fatigue]\nwarn_at = 0.65\n";
        let reported = reported(with_overlays(&[workspace, client]));
        assert_eq!(reported, [("warn_not_below_block", "overlays/1.toml".to_owned(), 3, "fatigue.warn_at".to_owned())]);
        let other_client = "scope = { client = \"b\" }\n[fatigue]\nblock_at = 0.6\n";
        assert!(load(with_overlays(&[other_client, client])).is_ok());
    }

    #[test]
    fn an_overlay_may_switch_quiet_hours_off_but_not_give_half_of_them() {
        let off = "scope = { client = \"a\" }\n[channels.fb]\nquiet_hours = { enabled = false }\n";
        let pack = load(with_overlays(&[off])).unwrap();
        let (workspace, client) = (crate::model::WorkspaceId::new("w"), crate::model::ClientId::new("a"));
        assert_eq!(pack.rules_for(&workspace, &client, None).channel(Channel::Fb).quiet_minutes, None);
        let mut files = changed("channels.toml", "quiet_hours = { from = \"23:00\", to = \"06:00\" }\n", "");
        files.insert(
            "overlays/a.toml".to_owned(),
            "scope = { client = \"a\" }\n[channels.fb]\nquiet_hours = { from = \"22:00\" }\n".to_owned(),
        );
        let reported = reported(files);
        assert_eq!(
            reported,
            [("missing_key", "overlays/a.toml".to_owned(), 3, "channels.fb.quiet_hours.from".to_owned())]
        );
    }
}
