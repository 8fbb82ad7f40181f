//! Checks that a channel's frequency, spacing, best hours, quiet hours and closed hours are compatible.
//!
//! Only rules that are never possible are rejected: a week is checked as if nothing had been posted before it, and an
//! hour counts as open if a post may run at some minute of it.

use super::calendar;
use super::channels;
use super::clock_span::is_within_clock_span;
use super::closed::{self, DAY_MINUTES};
use super::contradiction::{Contradiction, contradiction};
use super::key::DAYS;
use super::settings::{FoundSetting, Value, View};
use crate::model::Channel;

/// All contradictions in the rules of a channel.
pub(crate) fn contradictions(view: &View<'_>, channel: Channel) -> Vec<Option<Contradiction>> {
    let quiet = |key: &str| view.find(&format!("channels.{channel}.quiet_hours.{key}"));
    match (quiet("from"), quiet("to")) {
        (Some(stated), None) | (None, Some(stated)) => vec![half_quiet_hours(view, &stated)],
        (Some(from), Some(to)) if channels::quiet_minutes(view, channel).is_some() => {
            if from.setting.value == to.setting.value {
                return vec![quiet_all_day(&from, &to)];
            }
            let mut found = quiet_best_hours(view, channel, &from, &to);
            found.push(too_many_posts(view, channel, &[from, to]));
            found
        }
        _ => vec![too_many_posts(view, channel, &[])],
    }
}

/// Quiet hours of which only one end is stated.
fn half_quiet_hours(view: &View<'_>, stated: &FoundSetting<'_>) -> Option<Contradiction> {
    let (table, end) = stated.path.rsplit_once('.')?;
    let other = if end == "from" { "to" } else { "from" };
    // Reported elsewhere: the other end if it is invalid, or missing from the base.
    if stated.layer == 0 || view.is_unread(&format!("{table}.{other}")) {
        return None;
    }
    let cause = format!("`{}` is set without `{other}`", stated.path);
    contradiction(
        "missing_key",
        &[stated],
        cause,
        format!("add `{other}`, as in `{{ from = \"23:00\", to = \"06:00\" }}`"),
    )
}

fn quiet_all_day(from: &FoundSetting<'_>, to: &FoundSetting<'_>) -> Option<Contradiction> {
    let cause = format!(
        "the quiet hours of `{}` begin and end at the same time, and would cover the whole day",
        channel_of(from)
    );
    let remedy = "omit `quiet_hours` if there are none; use `weekly_posts = 0` to switch a channel off".to_owned();
    contradiction("quiet_all_day", &[to, from], cause, remedy)
}

fn channel_of<'a>(found: &'a FoundSetting<'_>) -> &'a str {
    found.path.split('.').nth(1).unwrap_or_default()
}

fn quiet_best_hours(
    view: &View<'_>,
    channel: Channel,
    from: &FoundSetting<'_>,
    to: &FoundSetting<'_>,
) -> Vec<Option<Contradiction>> {
    let parts = ["weekday", "weekend"].into_iter().chain(DAYS);
    let lists = parts.filter_map(|part| view.find(&format!("channels.{channel}.best_hours.{part}")));
    lists.map(|list| quiet_best_hours_of(view, channel, &list, from, to)).collect()
}

fn quiet_best_hours_of(
    view: &View<'_>,
    channel: Channel,
    list: &FoundSetting<'_>,
    from: &FoundSetting<'_>,
    to: &FoundSetting<'_>,
) -> Option<Contradiction> {
    let Value::Hours(hours) = &list.setting.value else { return None };
    let quiet: Vec<String> =
        hours.iter().filter(|hour| !is_open(view, channel, **hour)).map(|hour| format!("{hour}")).collect();
    if quiet.is_empty() {
        return None;
    }
    let hours = quiet.join(", ");
    let hours_lie = if quiet.len() == 1 { format!("hour {hours} lies") } else { format!("hours {hours} lie") };
    let cause = format!("best {hours_lie} in the quiet hours of `{channel}`, when nothing is posted");
    let remedy = format!("remove {hours} from the best hours, or shorten the quiet hours");
    let mut settings = vec![list, from, to];
    // The minute of the hour is part of the contradiction only if an overlay changes it.
    let minute_settings = ["calendar.minute.mode", "calendar.minute.at"].map(|key| view.find(key));
    settings.extend(minute_settings.iter().flatten().filter(|found| found.layer > 0));
    contradiction("best_hour_is_quiet", &settings, cause, remedy)
}

/// Whether a post may run in an hour: at some minute that `calendar.toml` allows and that is not quiet.
fn is_open(view: &View<'_>, channel: Channel, hour: u8) -> bool {
    let minutes = calendar::minute_rule(view).minutes();
    let quiet = channels::quiet_minutes(view, channel);
    minutes.iter().any(|minute| {
        let minute_of_day = u16::from(hour) * 60 + u16::from(*minute);
        !quiet.is_some_and(|span| is_within_clock_span(span, minute_of_day))
    })
}

/// For each of the week's 168 hours, whether a post may run at some minute of it. Dated closed ranges are ignored.
fn open_hours_of_week(view: &View<'_>, channel: Channel) -> Vec<bool> {
    let minutes = calendar::minute_rule(view).minutes();
    let quiet = channels::quiet_minutes(view, channel);
    let closed = closed::ranges(view, channel);
    let is_open_at = |minute_of_week: u16| {
        let is_quiet = quiet.is_some_and(|span| is_within_clock_span(span, minute_of_week % DAY_MINUTES));
        !is_quiet && !closed.iter().any(|range| range.covers_every_week(minute_of_week))
    };
    (0..168).map(|hour| minutes.iter().any(|minute| is_open_at(hour * 60 + u16::from(*minute)))).collect()
}

/// Maximum number of posts that fit into a week of 168 hours, if no post before the week is near. They are placed
/// greedily, each as early as possible, which gives the maximum.
fn max_posts_of_week(view: &View<'_>, channel: Channel, spacing_hours: i64) -> i64 {
    let (mut posts, mut earliest) = (0, 0);
    for (hour, is_open) in (0..).zip(open_hours_of_week(view, channel)) {
        if is_open && hour >= earliest {
            posts += 1;
            earliest = hour + spacing_hours;
        }
    }
    posts
}

fn too_many_posts(view: &View<'_>, channel: Channel, quiet: &[FoundSetting<'_>]) -> Option<Contradiction> {
    let find = |key: &str| view.find(&format!("channels.{channel}.{key}"));
    let (weekly, spacing) = (find("weekly_posts")?, find("min_spacing_hours")?);
    let (Value::Integer(wanted), Value::Integer(spacing_hours)) = (&weekly.setting.value, &spacing.setting.value)
    else {
        return None;
    };
    let max_posts = max_posts_of_week(view, channel, *spacing_hours);
    if *wanted <= max_posts {
        return None;
    }
    let holds_rows = |found: &FoundSetting<'_>| found.setting.value.as_rows().is_some_and(|rows| !rows.is_empty());
    // The channel's own ranges come first, so that they are reported rather than those of the calendar.
    let lists = closed::keys(channel).into_iter().rev().filter_map(|key| view.find(&key));
    let closed_ranges: Vec<FoundSetting<'_>> = lists.filter(holds_rows).collect();
    let mut settings = vec![&weekly, &spacing];
    settings.extend(quiet);
    if max_posts == 0 {
        // Quiet hours never cover the whole day, so closed ranges must contribute.
        let cause = format!("every hour of the week is closed or quiet on `{channel}`, and {wanted} posts are wanted");
        let remedy = "shorten the ranges of `closed`; use `weekly_posts = 0` to switch a channel off".to_owned();
        let settings: Vec<&FoundSetting<'_>> = closed_ranges.iter().chain(settings).collect();
        return contradiction("closed_all_week", &settings, cause, remedy);
    }
    let outside = match (quiet.is_empty(), closed_ranges.is_empty()) {
        (true, true) => "",
        (false, true) => " outside the quiet hours",
        (true, false) => " outside the closed hours",
        (false, false) => " outside the quiet and closed hours",
    };
    let cause = format!(
        "{wanted} posts a week, {spacing_hours} h apart, do not fit on `{channel}`: at most {max_posts} do{outside}"
    );
    let remedy = format!("set `weekly_posts` to at most {max_posts}, or `min_spacing_hours` lower");
    settings.extend(&closed_ranges);
    contradiction("too_many_posts", &settings, cause, remedy)
}

#[cfg(test)]
mod tests {
    use crate::rules::load::tests::{changed, codes, default_files, only_contradiction, reported};
    use crate::rules::{PackFiles, load};

    #[test]
    fn a_best_hour_may_not_be_quiet() {
        let weekend = "weekend = [9, 13, 16]";
        let reported = only_contradiction("channels.toml", weekend, "weekend = [23, 9, 5]");
        assert_eq!(reported, ("best_hour_is_quiet", "channels.fb.best_hours.weekend".to_owned()));
        assert!(load(changed("channels.toml", weekend, "weekend = [6, 22]")).is_ok());
        let reported = codes(changed("channels.toml", "to = \"06:00\"", "to = \"09:01\""));
        assert_eq!(reported.len(), 2, "{reported:?}");
    }

    #[test]
    fn a_best_hour_that_is_quiet_in_part_depends_on_the_minute() {
        let with_weekend_hour_six = |minute: &str| {
            let mut files = changed("channels.toml", "weekend = [9, 13, 16]", "weekend = [6]");
            let channels = files.get_mut("channels.toml").unwrap();
            *channels = channels.replacen("to = \"06:00\"", "to = \"06:30\"", 1);
            let calendar = files.get_mut("calendar.toml").unwrap();
            *calendar = calendar.replacen("mode = \"fixed\", at = 0", minute, 1);
            files
        };
        assert!(load(with_weekend_hour_six("mode = \"spread\"")).is_ok());
        assert!(load(with_weekend_hour_six("mode = \"fixed\", at = 30")).is_ok());
        assert_eq!(codes(with_weekend_hour_six("mode = \"fixed\", at = 29")).len(), 1);
        let mut files = with_weekend_hour_six("mode = \"spread\"");
        files.insert(
            "overlays/a.toml".to_owned(),
            "scope = { client = \"a\" }\n[calendar.minute]\nmode = \"fixed\"\n".to_owned(),
        );
        let reported = reported(files);
        assert_eq!(
            reported,
            [("best_hour_is_quiet", "overlays/a.toml".to_owned(), 3, "calendar.minute.mode".to_owned())]
        );
    }

    #[test]
    fn quiet_hours_may_not_cover_the_day() {
        let reported = only_contradiction("channels.toml", "to = \"06:00\"", "to = \"23:00\"");
        assert_eq!(reported, ("quiet_all_day", "channels.fb.quiet_hours.to".to_owned()));
        let reported = only_contradiction(
            "channels.toml",
            "{ from = \"23:00\", to = \"06:00\" }",
            "{ from = \"00:00\", to = \"24:00\" }",
        );
        assert_eq!(reported.0, "quiet_all_day");
    }

    #[test]
    fn the_maximum_of_posts_that_fit_is_counted_hour_by_hour() {
        let fits = |files: PackFiles, wanted: u32| {
            let mut files = files;
            let text = files.get_mut("channels.toml").unwrap();
            *text = text.replacen("weekly_posts = 5", &format!("weekly_posts = {wanted}"), 1);
            load(files).is_ok()
        };
        // From 06:00 to 22:00 every four hours: five a day.
        assert!(fits(default_files(), 35));
        assert!(!fits(default_files(), 36));
        // Every 20 hours from Monday 06:00; the next slot, at 02:00, is quiet and moves to 06:00: one a day.
        let every_twenty_hours = || changed("channels.toml", "min_spacing_hours = 4", "min_spacing_hours = 20");
        assert!(fits(every_twenty_hours(), 7));
        assert!(!fits(every_twenty_hours(), 8));
        // Without quiet hours, 168 / 20 hours: nine.
        let without_quiet_hours = || {
            let mut files = every_twenty_hours();
            let text = files.get_mut("channels.toml").unwrap();
            *text = text.replacen("quiet_hours = { from = \"23:00\", to = \"06:00\" }\n", "", 1);
            files
        };
        assert!(fits(without_quiet_hours(), 9));
        assert!(!fits(without_quiet_hours(), 10));
    }
}
