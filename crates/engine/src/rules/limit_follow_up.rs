//! Limits on the order of channels: a post on one channel must follow each post on others.

use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, Timelike as _};

use super::contradiction::{Contradiction, contradiction};
use super::limit_filter::LimitFilter;
use super::limits::{LimitBound, LimitPeriod, LimitRules, LimitScope, declared_limits, limit, path};
use super::settings::{FoundSetting, Value, View};
use super::stated_limit::{StatedLimit, apply_together, includes};
use crate::model::{Channel, FollowUp};

/// The keys that only a limit with `followed_by` may state.
const FOLLOW_UP_KEYS: [&str; 3] = ["after_hours", "until_hours", "same_asset"];

/// The keys that a limit with `followed_by` may not state.
const OTHER_KEYS: [&str; 4] = ["per", "within_hours", "where.kinds", "where.campaigns"];

/// Number of hours in a week in which the clock does not change.
const HOURS_IN_WEEK: i64 = 168;

/// The errors in what a limit says about posts that must follow others.
pub(super) fn errors_in_follow_up(view: &View<'_>, name: &str) -> Vec<Option<Contradiction>> {
    let followed_by = path(name, "followed_by");
    if view.is_unread(&followed_by) {
        return Vec::new();
    }
    let Some(followed_by) = view.find(&followed_by) else {
        return FOLLOW_UP_KEYS.iter().map(|key| without_followed_by(view, name, key)).collect();
    };
    let mut found = vec![
        missing_after_hours(view, name, &followed_by),
        hours_backwards(view, name),
        follows_itself(view, name, &followed_by),
    ];
    found.extend(OTHER_KEYS.iter().map(|key| not_with_followed_by(view, name, key, &followed_by)));
    found.push(weighed(view, name, &followed_by));
    found
}

fn without_followed_by(view: &View<'_>, name: &str, key: &str) -> Option<Contradiction> {
    let found = view.find(&path(name, key))?;
    let cause = format!("`{}` has no meaning without `followed_by`", found.path);
    let remedy = "leave it out, or declare a limit with `followed_by`, the channel that follows";
    contradiction("not_for_this_bound", &[&found], cause, remedy.to_owned())
}

fn missing_after_hours(view: &View<'_>, name: &str, followed_by: &FoundSetting<'_>) -> Option<Contradiction> {
    let after_hours = path(name, "after_hours");
    if view.find(&after_hours).is_some() || view.is_unread(&after_hours) {
        return None;
    }
    let cause = format!("the limit `{name}` does not say how many hours later the post on {} is", channel(followed_by));
    let remedy = "add `after_hours`, as in `after_hours = 2`, and `until_hours` if it may be later";
    contradiction("missing_after_hours", &[followed_by], cause, remedy.to_owned())
}

fn hours_backwards(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let (after, until) = (view.find(&path(name, "after_hours"))?, view.find(&path(name, "until_hours"))?);
    let (Value::Integer(first), Value::Integer(last)) = (&after.setting.value, &until.setting.value) else {
        return None;
    };
    if first <= last {
        return None;
    }
    let cause = format!("`{}` is {last}, which is before `after_hours`, {first}", until.path);
    let remedy = format!("set `until_hours` to {first} or more, or leave it out for exactly {first} hours");
    contradiction("hours_backwards", &[&until, &after], cause, remedy)
}

/// A channel that would have to follow itself.
fn follows_itself(view: &View<'_>, name: &str, followed_by: &FoundSetting<'_>) -> Option<Contradiction> {
    let channels = view.find(&path(name, "where.channels"))?;
    let Value::Names(names) = &channels.setting.value else { return None };
    let follower = channel(followed_by);
    if !names.contains(&follower) {
        return None;
    }
    let cause = format!("in the limit `{name}` each post on {follower} would have to be followed by another on it");
    let remedy = match names.len() {
        1 => format!("write the channels of the posts that {follower} follows as `where.channels`"),
        _ => format!("remove `{follower}` from `where.channels`"),
    };
    contradiction("follows_itself", &[&channels, followed_by], cause, remedy)
}

/// A key that counts posts, which such a limit does not do.
fn not_with_followed_by(
    view: &View<'_>,
    name: &str,
    key: &str,
    followed_by: &FoundSetting<'_>,
) -> Option<Contradiction> {
    // A default `per` has no location.
    let found = view.find(&path(name, key)).filter(|found| found.setting.place.is_some())?;
    // Reported as a limit over several clients.
    if key == "per" && limit(view, name).is_some_and(|limit| limit.scope != LimitScope::Client) {
        return None;
    }
    let cause = format!("`{}` does not go with `followed_by`", found.path);
    let remedy = "leave it out: each post is followed on its own, whatever its asset is";
    contradiction("not_for_this_bound", &[&found, followed_by], cause, remedy.to_owned())
}

fn weighed(view: &View<'_>, name: &str, followed_by: &FoundSetting<'_>) -> Option<Contradiction> {
    let kinds = view.names_under(&path(name, "weigh"));
    not_with_followed_by(view, name, &format!("weigh.{}", kinds.first()?), followed_by)
}

/// The name of the channel that follows.
fn channel<'a>(followed_by: &FoundSetting<'a>) -> &'a str {
    followed_by.setting.value.as_text().unwrap_or_default()
}

/// Reasons why no post can ever follow as a limit requires: the channel that follows has no posts, or no asset may be
/// used a second time. `limits` are the limits whose counts can be compared. There are none if no channel has posts that
/// must be followed.
pub(super) fn never_followed(
    view: &View<'_>,
    minimum: &StatedLimit<'_>,
    follow_up: FollowUp,
    limits: &[StatedLimit<'_>],
) -> Vec<Option<Contradiction>> {
    if are_leaders_off(view, minimum, follow_up) {
        return Vec::new();
    }
    let mut found = vec![follower_is_off(view, minimum, follow_up)];
    found.extend(limits.iter().map(|other| follower_has_no_posts(minimum, follow_up, other)));
    if follow_up.same_asset {
        found.push(asset_used_once(view, minimum, follow_up));
        let names = declared_limits(view).into_iter();
        found.extend(names.map(|name| asset_rests(view, minimum, follow_up, name)));
    }
    found
}

/// What a limit requires, as the beginning of a cause.
fn requirement(minimum: &StatedLimit<'_>, follow_up: FollowUp) -> String {
    format!("`{}` requires each post to be {}", minimum.rules.name, follow_up.in_words())
}

fn switch_off(minimum: &StatedLimit<'_>) -> String {
    format!("set `limits.{}.enabled = false`", minimum.rules.name)
}

/// Whether all channels whose posts must be followed are switched off.
fn are_leaders_off(view: &View<'_>, minimum: &StatedLimit<'_>, follow_up: FollowUp) -> bool {
    let mut leaders = minimum.channels().into_iter().filter(|channel| *channel != follow_up.channel);
    leaders.all(|channel| view.integer(&format!("channels.{channel}.weekly_posts")) == Some(0))
}

fn follower_is_off(view: &View<'_>, minimum: &StatedLimit<'_>, follow_up: FollowUp) -> Option<Contradiction> {
    let weekly = view.find(&format!("channels.{}.weekly_posts", follow_up.channel))?;
    if !matches!(weekly.setting.value, Value::Integer(0)) {
        return None;
    }
    let cause = format!("{}, but `{}` is 0", requirement(minimum, follow_up), weekly.path);
    let remedy = format!("{}, or raise `weekly_posts`", switch_off(minimum));
    minimum.contradiction_with("never_followed", &[&weekly], cause, remedy)
}

/// A hard maximum of 0 posts on the channel that follows.
fn follower_has_no_posts(
    minimum: &StatedLimit<'_>,
    follow_up: FollowUp,
    maximum: &StatedLimit<'_>,
) -> Option<Contradiction> {
    // A maximum for each campaign allows posts of no campaign.
    let allows_none = |limit: &LimitRules| matches!(limit.bound, LimitBound::AtMost(posts) if posts < 1.0);
    let is_none = allows_none(&maximum.rules) && !maximum.rules.per_campaign;
    let of_follower = posts_of(&minimum.rules, vec![follow_up.channel]);
    let is_hard = maximum.rules.price.is_none();
    if !is_none || !is_hard || !includes(&maximum.rules.filter, &of_follower) {
        return None;
    }
    if !apply_together(&minimum.rules, &maximum.rules) {
        return None;
    }
    let cause = format!(
        "{}, but `{}` allows none on {}",
        requirement(minimum, follow_up),
        maximum.rules.name,
        follow_up.channel
    );
    let remedy = format!("{}, or raise `{}`", switch_off(minimum), maximum.bound.path);
    minimum.contradiction_with("never_followed", &maximum.bound_and_overlay_settings(), cause, remedy)
}

fn asset_used_once(view: &View<'_>, minimum: &StatedLimit<'_>, follow_up: FollowUp) -> Option<Contradiction> {
    let uses = view.find("assets.max_uses_per_week")?;
    let is_once = matches!(uses.setting.value, Value::Integer(..=1));
    if !is_once || !selects_any_due_in_its_week(&minimum.rules.filter, follow_up) {
        return None;
    }
    let cause = format!("{}, but an asset may be used once a week", requirement(minimum, follow_up));
    let remedy =
        format!("raise `{}` to 2 or more, or set `limits.{}.same_asset = false`", uses.path, minimum.rules.name);
    minimum.contradiction_with("never_followed", &[&uses], cause, remedy)
}

/// Whether a filter selects any time from which the last hour to follow lies in the same week. Posts at other times may be
/// followed in the next week, in which their assets may be used again.
fn selects_any_due_in_its_week(filter: &LimitFilter, follow_up: FollowUp) -> bool {
    let before_end = || filter.to?.checked_sub_signed(TimeDelta::hours(HOURS_IN_WEEK));
    // From `from` on, or before `to`, the minutes of a week include every weekday and hour that can be selected.
    let start = filter.from.or_else(before_end).unwrap_or(DateTime::UNIX_EPOCH.naive_utc());
    let minutes = (0..HOURS_IN_WEEK * 60).map(TimeDelta::minutes);
    let is_due_in_its_week = |at: NaiveDateTime| {
        let hour = i64::from(at.weekday().num_days_from_monday() * 24 + at.hour());
        hour + i64::from(follow_up.until_hours) < HOURS_IN_WEEK
    };
    let mut times = minutes.filter_map(|minutes| start.checked_add_signed(minutes));
    times.any(|at| is_due_in_its_week(at) && filter.covers(at))
}

/// A hard limit that allows each asset one post within more hours than a post may be followed in.
fn asset_rests(view: &View<'_>, minimum: &StatedLimit<'_>, follow_up: FollowUp, name: &str) -> Option<Contradiction> {
    let other = limit(view, name).filter(|_| view.bool(&path(name, "enabled")).unwrap_or(true))?;
    let within = view.find(&path(name, "within_hours"))?;
    let LimitRules { bound, period, per_asset, per_channel, per_campaign, price, weights, .. } = &other;
    let allows_one = matches!(bound, LimitBound::AtMost(posts) if *posts < 2.0);
    let is_longer = matches!(period, LimitPeriod::Within(hours) if *hours > follow_up.until_hours);
    let counts_both = *per_asset && !per_channel && !per_campaign && weights.is_none() && price.is_none();
    let mut channels = minimum.channels();
    channels.push(follow_up.channel);
    let of_both = posts_of(&minimum.rules, channels);
    if !allows_one || !is_longer || !counts_both || !includes(&other.filter, &of_both) {
        return None;
    }
    if !apply_together(&minimum.rules, &other) {
        return None;
    }
    let until = follow_up.until_hours;
    let cause = format!("{}, but `{name}` lets each asset rest longer", requirement(minimum, follow_up));
    let remedy =
        format!("set `{}` to at most {until}, or `limits.{}.same_asset = false`", within.path, minimum.rules.name);
    minimum.contradiction_with("never_followed", &[&within], cause, remedy)
}

/// All posts of some channels of the clients for which a limit applies.
fn posts_of(rules: &LimitRules, channels: Vec<Channel>) -> LimitFilter {
    let LimitFilter { tags, clients, .. } = &rules.filter;
    LimitFilter { channels, tags: tags.clone(), clients: clients.clone(), ..LimitFilter::ALL }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;
    use crate::rules::limits::tests::with_limits;
    use crate::rules::load;

    const ORDER: &str = "[order]\nfollowed_by = \"x\"\nafter_hours = 2\nwhere.channels = [\"linkedin\"]\n";

    fn errors(limits: &str, overlay: &str) -> Vec<Diagnostic> {
        load(with_limits(limits, overlay)).err().unwrap_or_default()
    }

    /// Code, cause and remedy of the only error.
    fn only_error(limits: &str) -> (&'static str, String, String) {
        let found = errors(limits, "");
        let [mistake] = found.as_slice() else { panic!("{limits}: {found:?}") };
        (mistake.code, mistake.cause.clone(), mistake.remedy.clone())
    }

    fn codes(limits: &str, overlay: &str) -> Vec<&'static str> {
        errors(limits, overlay).iter().map(|mistake| mistake.code).collect()
    }

    #[test]
    fn what_must_follow_is_read() {
        let bounds = |text: &str| load(with_limits(text, "")).unwrap().base().limits.remove(0).bound;
        let follow_up = FollowUp { channel: Channel::X, after_hours: 2, until_hours: 2, same_asset: false };
        assert_eq!(bounds(ORDER), LimitBound::FollowedBy(follow_up));
        let text = format!("{ORDER}until_hours = 4\nsame_asset = true\nprice = 3\n");
        let later = FollowUp { until_hours: 4, same_asset: true, ..follow_up };
        assert_eq!(bounds(&text), LimitBound::FollowedBy(later));
        assert_eq!(later.in_words(), "followed by a post on x 2 to 4 hours later, with the same asset");
        let pack = load(with_limits(ORDER, "[limits.order]\nafter_hours = 5\nfollowed_by = \"fb\"\n")).unwrap();
        let (workspace, client) = (crate::model::WorkspaceId::new("w"), crate::model::ClientId::new("acme"));
        let limits = pack.rules_for(&workspace, &client, None).limits;
        let of_overlay = FollowUp { channel: Channel::Fb, after_hours: 5, until_hours: 5, same_asset: false };
        assert_eq!(limits[0].bound, LimitBound::FollowedBy(of_overlay));
    }

    #[test]
    fn keys_of_the_order_of_channels_and_of_counts_do_not_go_together() {
        let (code, cause, _) = only_error("[a]\nat_most = 1\nafter_hours = 2\n");
        assert_eq!(
            (code, cause.as_str()),
            ("not_for_this_bound", "`limits.a.after_hours` has no meaning without `followed_by`")
        );
        assert_eq!(codes("[a]\nat_most = 1\nuntil_hours = 2\nsame_asset = true\n", ""), ["not_for_this_bound"; 2]);
        for other in ["per = [\"client\", \"day\"]", "within_hours = 3", "where.kinds = [\"video\"]", "weigh.video = 2"]
        {
            let (code, cause, _) = only_error(&format!("{ORDER}{other}\n"));
            assert_eq!(code, "not_for_this_bound", "{other}");
            assert!(cause.ends_with("does not go with `followed_by`"), "{cause}");
        }
        assert_eq!(codes(&format!("{ORDER}counts = \"needs_review\"\n"), ""), ["not_for_reviews"]);
        assert_eq!(codes(&format!("{ORDER}per = [\"workspace\"]\n"), ""), ["not_for_several_clients"]);
        assert_eq!(codes(&format!("{ORDER}at_most = 3\n"), ""), ["several_bounds"]);
        assert_eq!(codes("[a]\nat_most = 1\n", "[limits.a]\nafter_hours = 1\n"), ["not_for_this_bound"]);
    }

    #[test]
    fn the_hours_are_stated_and_in_order() {
        let (code, _, remedy) = only_error("[order]\nfollowed_by = \"x\"\n");
        assert_eq!(code, "missing_after_hours");
        assert!(remedy.starts_with("add `after_hours`"), "{remedy}");
        let (code, cause, _) = only_error(&format!("{ORDER}until_hours = 1\n"));
        assert_eq!(code, "hours_backwards");
        assert_eq!(cause, "`limits.order.until_hours` is 1, which is before `after_hours`, 2");
        assert_eq!(codes(&ORDER.replace("= 2", "= 0"), ""), ["out_of_range"]);
        assert_eq!(codes(&ORDER.replace("= 2", "= 169"), ""), ["out_of_range"]);
        assert_eq!(codes(ORDER, "[limits.order]\nuntil_hours = 1\n"), ["hours_backwards"]);
    }

    #[test]
    fn a_channel_does_not_follow_itself() {
        let (code, _, remedy) = only_error(&ORDER.replace("\"linkedin\"", "\"linkedin\", \"x\""));
        assert_eq!((code, remedy.as_str()), ("follows_itself", "remove `x` from `where.channels`"));
        assert_eq!(codes(&ORDER.replace("\"linkedin\"", "\"x\""), ""), ["follows_itself"]);
        assert_eq!(codes(&ORDER.replace("where.channels = [\"linkedin\"]\n", ""), ""), Vec::<&str>::new());
    }

    #[test]
    fn a_post_that_can_never_be_followed_is_reported() {
        let (code, cause, _) = only_error(&format!("{ORDER}[no_x]\nat_most = 0\nwhere.channels = [\"x\", \"fb\"]\n"));
        assert_eq!(code, "never_followed");
        assert_eq!(
            cause,
            "`order` requires each post to be followed by a post on x 2 hours later, but `no_x` allows none on x"
        );
        assert_eq!(codes(ORDER, "[channels.x]\nweekly_posts = 0\n"), ["never_followed"]);
        assert_eq!(codes(ORDER, "[channels.linkedin]\nweekly_posts = 0\n"), Vec::<&str>::new());
        let same_asset = format!("{ORDER}same_asset = true\n");
        assert_eq!(codes(&same_asset, "[assets]\nmax_uses_per_week = 1\n"), ["never_followed"]);
        assert_eq!(codes(ORDER, "[assets]\nmax_uses_per_week = 1\n"), Vec::<&str>::new());
        let rest = |hours: u32| {
            let limit = "[rest]\nat_most = 1\nper = [\"client\", \"asset\"]\n";
            format!("{same_asset}{limit}within_hours = {hours}\n")
        };
        let (code, cause, remedy) = only_error(&rest(3));
        assert_eq!(code, "never_followed");
        assert!(cause.ends_with("but `rest` lets each asset rest longer"), "{cause}");
        assert!(remedy.starts_with("set `limits.rest.within_hours` to at most 2"), "{remedy}");
        assert_eq!(codes(&rest(2), ""), Vec::<&str>::new());
    }

    #[test]
    fn an_asset_that_may_be_used_once_a_week_can_follow_in_the_next_week() {
        let found = |hours: u32, filter: &str| {
            let order = ORDER.replace("= 2\n", &format!("= {hours}\n"));
            let overlay = "[assets]\nmax_uses_per_week = 1\n";
            codes(&format!("{order}same_asset = true\n{filter}"), overlay)
        };
        let sunday = "where.days = [\"sunday\"]\n";
        let evening = "where.days = [\"sunday\"]\nwhere.hours = [20]\n";
        // The 25th is a Sunday.
        let last_day = "where.from = 2026-10-25T00:00:00\nwhere.to = 2026-10-26T00:00:00\n";
        let last_days = "where.from = 2026-10-24T00:00:00\nwhere.to = 2026-10-26T00:00:00\n";
        for (hours, filter) in [(24, sunday), (168, ""), (4, evening), (24, last_day)] {
            assert_eq!(found(hours, filter), Vec::<&str>::new(), "{hours} {filter}");
        }
        for (hours, filter) in [(23, sunday), (167, ""), (3, evening), (24, last_days), (24, "")] {
            assert_eq!(found(hours, filter), ["never_followed"], "{hours} {filter}");
        }
        let later = format!("{ORDER}until_hours = 24\nsame_asset = true\n{sunday}");
        assert_eq!(codes(&later, "[assets]\nmax_uses_per_week = 1\n"), Vec::<&str>::new());
    }

    #[test]
    fn nothing_is_reported_if_no_channel_has_posts_to_be_followed() {
        let off = |channels: &[&str]| {
            let tables = channels.iter().map(|channel| format!("[channels.{channel}]\nweekly_posts = 0\n"));
            tables.collect::<String>()
        };
        assert_eq!(codes(ORDER, &off(&["x", "linkedin"])), Vec::<&str>::new());
        let of_two = ORDER.replace("\"linkedin\"", "\"linkedin\", \"fb\"");
        assert_eq!(codes(&of_two, &off(&["x", "linkedin"])), ["never_followed"]);
        let of_all = ORDER.replace("where.channels = [\"linkedin\"]\n", "");
        assert_eq!(codes(&of_all, &off(&["x", "linkedin"])), ["never_followed"]);
        let same_asset = format!("{ORDER}same_asset = true\n");
        let once = format!("{}[assets]\nmax_uses_per_week = 1\n", off(&["linkedin"]));
        assert_eq!(codes(&same_asset, &once), Vec::<&str>::new());
    }
}
