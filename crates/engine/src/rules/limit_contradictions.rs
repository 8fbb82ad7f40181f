//! Limits that contradict one another or the channels' `weekly_posts`.

use super::contradiction::Contradiction;
use super::limit_errors::errors_in_limit;
use super::limit_filter::LimitFilter;
use super::limit_follow_up::never_followed;
use super::limits::{
    BOUNDS, LIMITS, LimitBound, LimitCounts, LimitPeriod, LimitRules, LimitScope, declared_limits, limit, path,
};
use super::seasons::seasons;
use super::settings::{FoundSetting, Value, View};
use super::stated_limit::{StatedLimit, apply_together, includes, unit_in_words};
use crate::diagnostic::listed;
use crate::model::Channel;
use crate::model::digits::decimal;

/// Tolerance for comparing products of a pack's numbers.
const SLACK: f64 = 1e-9;

/// Errors in single limits, and hard minima that can never be met.
pub(super) fn contradictions(view: &View<'_>) -> Vec<Option<Contradiction>> {
    let single = declared_limits(view).into_iter().flat_map(|name| errors_in_limit(view, name));
    single.chain(hard_minima_never_met(view)).collect()
}

/// Hard minima that can never be met.
pub(super) fn hard_minima_never_met(view: &View<'_>) -> Vec<Option<Contradiction>> {
    never_met(view, true)
}

/// Minima that have a price and can never be met, so that the price is always paid.
pub(super) fn priced_minima_never_met(view: &View<'_>) -> Vec<Option<Contradiction>> {
    never_met(view, false)
}

/// The paths of all keys of a limit.
fn paths(name: &str) -> impl Iterator<Item = String> {
    LIMITS.iter().map(move |key| format!("limits.{}", key.path.replace("<limit>", name)))
}

/// Minima that a hard maximum or `weekly_posts` makes impossible: the hard ones if `is_hard`, otherwise those with a
/// price.
fn never_met(view: &View<'_>, is_hard: bool) -> Vec<Option<Contradiction>> {
    let limits = stated_limits(view);
    let hard_limits = || limits.iter().filter(|limit| limit.rules.price.is_none());
    let minima = limits.iter().filter(|limit| limit.rules.price.is_none() == is_hard);
    let mut found = Vec::new();
    for minimum in minima {
        match minimum.rules.bound {
            LimitBound::AtLeast(min_posts) => {
                found.extend(hard_limits().map(|limit| above_maximum(minimum, min_posts, limit)));
                found.extend(above_weekly_posts(view, minimum, min_posts));
            }
            LimitBound::AtLeastShare(min_share) => {
                found.extend(hard_limits().map(|limit| above_share(minimum, min_share, limit)));
            }
            LimitBound::FollowedBy(follow_up) => found.extend(never_followed(view, minimum, follow_up, &limits)),
            LimitBound::AtMost(_) | LimitBound::AtMostShare(_) => {}
        }
    }
    found
}

/// The enabled limits that have no errors themselves and whose counts can be compared.
fn stated_limits<'a>(view: &View<'a>) -> Vec<StatedLimit<'a>> {
    let is_enabled = |name: &&str| view.bool(&path(name, "enabled")).unwrap_or(true);
    let is_valid = |name: &&str| {
        !view.is_unread_under(&format!("limits.{name}")) && errors_in_limit(view, name).iter().all(Option::is_none)
    };
    let names = declared_limits(view).into_iter().filter(is_enabled).filter(is_valid);
    let stated = names.filter_map(|name| {
        let rules = limit(view, name)?;
        // Not known in advance: how many clients a limit covers, which posts need a review, which assets posts have and
        // what they count, when periods of hours begin, and on which channels campaigns run.
        if rules.scope != LimitScope::Client
            || rules.counts != LimitCounts::Posts
            || rules.per_asset
            || rules.weights.is_some()
            || (rules.per_campaign && rules.per_channel)
            || matches!(rules.period, LimitPeriod::Within(_))
        {
            return None;
        }
        let is_bound = |found: &FoundSetting<'_>| BOUNDS.iter().any(|key| path(name, key) == found.path);
        let settings = paths(name).filter_map(|path| view.find(&path));
        let (mut bounds, others): (Vec<_>, Vec<_>) = settings.partition(is_bound);
        Some(StatedLimit { rules, bound: bounds.pop()?, others })
    });
    stated.collect()
}

/// Number of periods of length `shorter` in one of length `longer` whose posts the filter selects. Changes of
/// daylight-saving time are ignored.
fn periods_within(filter: &LimitFilter, shorter: LimitPeriod, longer: LimitPeriod) -> f64 {
    let count = |flags: &[bool]| flags.iter().filter(|is_set| **is_set).count() as f64;
    let (days, hours) = (count(&filter.days), count(&filter.hours));
    match (shorter, longer) {
        (LimitPeriod::Hour, LimitPeriod::Day) => hours,
        (LimitPeriod::Hour, LimitPeriod::Week) => hours * days,
        (LimitPeriod::Day, LimitPeriod::Week) => days,
        _ => 1.0,
    }
}

/// Number of periods of a minimum that are certain to lie in a longer one. It is 1 if the minimum begins or ends at a
/// date, or holds while a campaign runs, since the longer period may then be cut short.
fn certain_periods_within(limit: &LimitRules, longer: LimitPeriod) -> f64 {
    let is_dated = limit.filter.from.is_some() || limit.filter.to.is_some();
    if is_dated || limit.per_campaign { 1.0 } else { periods_within(&limit.filter, limit.period, longer) }
}

/// The words that a cause ends with if one of the limits does not apply in every week.
fn in_some_weeks(a: &LimitRules, b: &LimitRules) -> &'static str {
    let is_always = [a, b].iter().all(|limit| limit.weeks.every == 1);
    if is_always { "" } else { ", in the weeks in which both apply" }
}

/// A minimum above what a maximum of the same posts allows.
fn above_maximum(minimum: &StatedLimit<'_>, min_posts: f64, maximum: &StatedLimit<'_>) -> Option<Contradiction> {
    let LimitBound::AtMost(max_posts) = maximum.rules.bound else { return None };
    let (low, high) = (&minimum.rules, &maximum.rules);
    if !includes(&high.filter, &low.filter) || !apply_together(low, high) {
        return None;
    }
    let allowing_campaigns = campaigns_apart(low, high)?;
    let longer = low.period.max(high.period);
    // It is not known which channels a client uses: at least one, or those that the minimum names.
    let needing_channels = if low.per_channel && !high.per_channel { low.filter.channels.len().max(1) } else { 1 };
    let allowing_channels = if high.per_channel && !low.per_channel { minimum.channels().len() } else { 1 };
    let times = certain_periods_within(low, longer) * needing_channels as f64;
    let needed = min_posts * times;
    let allowing_groups = (allowing_channels * allowing_campaigns) as f64;
    let allowed = max_posts * periods_within(&low.filter, high.period, longer) * allowing_groups;
    if needed <= allowed + SLACK {
        return None;
    }
    let are_campaigns_apart = low.per_campaign && high.per_campaign;
    let common_unit = unit_in_words(low.per_channel && high.per_channel, are_campaigns_apart, longer);
    let amount = |bound: f64, limit: &StatedLimit<'_>, total: f64| match total == bound && limit.unit() == common_unit {
        true => format!("{} per {common_unit}", decimal(bound)),
        false => format!("{} per {}, {} per {common_unit}", decimal(bound), limit.unit(), decimal(total)),
    };
    let cause = format!(
        "`{}` requires at least {}, but `{}` allows at most {}{}",
        low.name,
        amount(min_posts, minimum, needed),
        high.name,
        amount(max_posts, maximum, allowed),
        in_some_weeks(low, high)
    );
    let remedy = format!("{}, or raise `{}`", lower_the_minimum(minimum, allowed / times), maximum.bound.path);
    minimum.contradiction_with("limits_contradict", &maximum.bound_and_overlay_settings(), cause, remedy)
}

/// How many groups a maximum makes of the campaigns that a minimum counts: one for each if it alone counts each campaign
/// on its own, else 1. `None` if the minimum counts posts of no campaign as well, which such a maximum leaves out.
fn campaigns_apart(minimum: &LimitRules, maximum: &LimitRules) -> Option<usize> {
    let campaigns = minimum.filter.campaigns.len();
    if maximum.per_campaign && !minimum.per_campaign { (campaigns > 0).then_some(campaigns) } else { Some(1) }
}

/// The remedy for a minimum that can be met up to `attainable`.
fn lower_the_minimum(minimum: &StatedLimit<'_>, attainable: f64) -> String {
    match attainable > 0.0 {
        true => format!("set `{}` to at most {}", minimum.bound.path, decimal(attainable)),
        false => format!("set `limits.{}.enabled = false`", minimum.rules.name),
    }
}

/// A minimum above the `weekly_posts` of its channels.
fn above_weekly_posts(view: &View<'_>, minimum: &StatedLimit<'_>, min_posts: f64) -> Vec<Option<Contradiction>> {
    let names_channels = !minimum.rules.filter.channels.is_empty();
    let count = |found: &FoundSetting<'_>| match found.setting.value {
        Value::Integer(posts) => posts as f64,
        _ => 0.0,
    };
    let channels = minimum.channels().into_iter();
    let found = channels.filter_map(|channel| Some((channel, view.find(&format!("channels.{channel}.weekly_posts"))?)));
    // A channel with 0 is switched off: a minimum for each channel applies to it only if the minimum names it.
    let weekly: Vec<(Channel, FoundSetting<'_>)> =
        found.filter(|(_, found)| names_channels || !minimum.rules.per_channel || count(found) > 0.0).collect();
    let times = certain_periods_within(&minimum.rules, LimitPeriod::Week);
    // Seasons may raise `weekly_posts`, and may overlap.
    let max_season_factor: f64 = seasons(view).iter().map(|season| season.posts.max(1.0)).product();
    let report = |channels: &[(Channel, FoundSetting<'_>)]| {
        let allowed: f64 = channels.iter().map(|(_, found)| count(found)).sum();
        if min_posts * times <= allowed * max_season_factor + SLACK {
            return None;
        }
        let weekly_total =
            if times == 1.0 { String::new() } else { format!(", {} per week", decimal(min_posts * times)) };
        let names = match channels.len() {
            Channel::COUNT => "all channels".to_owned(),
            _ => listed(channels.iter().map(|(channel, _)| channel.name())),
        };
        let cause = format!(
            "`{}` requires at least {} per {}{weekly_total}, but `weekly_posts` of {names} allows {}",
            minimum.rules.name,
            decimal(min_posts),
            minimum.unit(),
            decimal(allowed)
        );
        let remedy = format!("{}, or raise `weekly_posts`", lower_the_minimum(minimum, allowed / times));
        let settings: Vec<&FoundSetting<'_>> = channels.iter().map(|(_, found)| found).collect();
        minimum.contradiction_with("limit_above_weekly_posts", &settings, cause, remedy)
    };
    if minimum.rules.per_channel { weekly.chunks(1).map(report).collect() } else { vec![report(&weekly)] }
}

/// A minimum share above what a maximum share of the same posts allows.
fn above_share(minimum: &StatedLimit<'_>, min_share: f64, maximum: &StatedLimit<'_>) -> Option<Contradiction> {
    let LimitBound::AtMostShare(max_share) = maximum.rules.bound else { return None };
    let (low, high) = (&minimum.rules, &maximum.rules);
    let are_of_same_posts = includes(&high.filter, &low.filter) && are_shares_of_same_posts(low, high);
    if min_share <= max_share + SLACK || !are_of_same_posts || !apply_together(low, high) {
        return None;
    }
    let cause = format!(
        "`{}` requires at least a share of {} per {}, but `{}` allows at most {} per {}{}",
        low.name,
        decimal(min_share),
        minimum.unit(),
        high.name,
        decimal(max_share),
        maximum.unit(),
        in_some_weeks(low, high)
    );
    let remedy = format!("{}, or raise `{}`", lower_the_minimum(minimum, max_share), maximum.bound.path);
    minimum.contradiction_with("limits_contradict", &maximum.bound_and_overlay_settings(), cause, remedy)
}

/// Whether a minimum share and a maximum share are shares of the same posts, once the minimum is added up over channels
/// and periods. A minimum for smaller parts says nothing about the whole unless it applies to every part.
fn are_shares_of_same_posts(minimum: &LimitRules, maximum: &LimitRules) -> bool {
    let LimitFilter { channels, days, hours, from, to, .. } = &minimum.filter;
    let covers_all_times = from.is_none() && to.is_none() && days.iter().chain(hours).all(|is_set| *is_set);
    // A campaign may not run in every period.
    let is_in_every_period = covers_all_times && !minimum.per_campaign;
    (!minimum.per_channel || maximum.per_channel || channels.is_empty())
        && campaigns_apart(minimum, maximum) == Some(1)
        && (minimum.period >= maximum.period || is_in_every_period)
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Diagnostic;
    use crate::rules::limits::tests::with_limits;
    use crate::rules::{RulesPack, load};

    /// The errors of a pack with these limits and this overlay for the client `acme`.
    fn errors(limits: &str, overlay: &str) -> Vec<Diagnostic> {
        load(with_limits(limits, overlay)).err().unwrap_or_default()
    }

    fn codes(found: &[Diagnostic]) -> Vec<&'static str> {
        found.iter().map(|mistake| mistake.code).collect()
    }

    /// Cause and remedy of the only error.
    fn only_error(limits: &str) -> (String, String) {
        let found = errors(limits, "");
        let [mistake] = found.as_slice() else { panic!("{limits}: {found:?}") };
        (mistake.cause.clone(), mistake.remedy.clone())
    }

    fn assert_valid(limits: &str) {
        let found = errors(limits, "");
        assert!(found.is_empty(), "{limits}: {found:?}");
    }

    #[test]
    fn a_limit_has_one_bound() {
        let (cause, _) = only_error("[a]\nprice = 3\n");
        assert_eq!(cause, "the limit `a` has no bound");
        assert_eq!(errors("[a]\n", "")[0].place.to_string(), "limits.toml");
        let (cause, remedy) = only_error("[a]\nat_least = 1\nat_most = 3\nat_most_share = 0.2\n");
        assert_eq!(cause, "the limit `a` has more than one bound: `at_most`, `at_least`, `at_most_share`");
        assert_eq!(remedy, "keep one, and declare a limit of its own for each of the others");
        let found = errors("[a]\nat_most = 3\n", "[limits.a]\nat_least = 1\n");
        assert_eq!(codes(&found), ["several_bounds"]);
        assert_eq!(found[0].place.to_string(), "overlays/acme.toml:3:12");
        assert!(found[0].remedy.starts_with("write `at_most`, the bound"), "{}", found[0].remedy);
        // A value that cannot be read is an error of its own.
        assert_eq!(codes(&errors("[a]\nat_most = \"3\"\n", "")), ["wrong_type"]);
    }

    #[test]
    fn a_limit_counts_over_one_period_and_in_some_hours() {
        let (cause, remedy) = only_error("[a]\nat_most = 1\nper = [\"week\", \"hour\"]\n");
        assert_eq!(cause, "`limits.a.per` names more than one period: `hour`, `week`");
        assert_eq!(remedy, "keep one of them; `week` needs a limit of its own");
        assert_eq!(codes(&errors("[a]\nat_most = 1\nwhere.hours = []\n", "")), ["empty_list"]);
        let span = |to: &str| format!("[a]\nat_most = 1\nwhere = {{ from = 2026-12-24T12:00:00, to = {to} }}\n");
        assert_eq!(codes(&errors(&span("2026-12-24T12:00:00"), "")), ["span_backwards"]);
        assert_valid(&span("2026-12-24T12:00:01"));
    }

    #[test]
    fn a_limit_over_several_clients_is_a_maximum_of_posts_hard_or_with_a_price() {
        for scope in ["workspace", "industry", "tag"] {
            let limit = |keys: &str| format!("[a]\nper = [\"{scope}\"]\n{keys}\n");
            assert_valid(&limit("at_most = 3\nprice = 40"));
            for bound in ["at_least = 3\nprice = 40", "at_most_share = 0.5", "at_least_share = 0.5"] {
                let (cause, remedy) = only_error(&limit(bound));
                let key = bound.split(' ').next().unwrap();
                assert_eq!(cause, format!("`limits.a.{key}` does not go with `{scope}` in `per`"));
                assert_eq!(
                    remedy,
                    "limits over several clients count posts whatever their assets are, and state `at_most`"
                );
            }
            for key in
                ["within_hours = 24", "weigh = { video = 4 }", "where.kinds = [\"video\"]", "where.campaigns = [\"s\"]"]
            {
                let found = errors(&limit(&format!("at_most = 3\nprice = 40\n{key}")), "");
                assert_eq!(codes(&found), ["not_for_several_clients"], "{key}");
            }
            let reviews = errors(&limit("at_most = 3\nprice = 40\ncounts = \"needs_review\""), "");
            assert_eq!(codes(&reviews), ["not_for_reviews"]);
        }
    }

    #[test]
    fn a_minimum_above_a_maximum_of_the_same_posts_is_reported_at_the_minimum() {
        let (cause, remedy) = only_error("[low]\nat_least = 5\n[high]\nat_most = 4\n");
        assert_eq!(cause, "`low` requires at least 5 per week, but `high` allows at most 4 per week");
        assert_eq!(remedy, "set `limits.low.at_least` to at most 4, or raise `limits.high.at_most`");
        assert_valid("[low]\nat_least = 4\n[high]\nat_most = 4\n");
        assert_valid("[low]\nat_least = 5\n[high]\nat_most = 4\nprice = 10\n");
        assert_valid("[low]\nat_least = 5\n[high]\nat_most = 4\nenabled = false\n");
        let (_, remedy) = only_error("[low]\nat_least = 5\n[high]\nat_most = 0\n");
        assert_eq!(remedy, "set `limits.low.enabled = false`, or raise `limits.high.at_most`");
    }

    #[test]
    fn counts_of_periods_and_channels_are_added_up() {
        let (cause, remedy) = only_error("[low]\nat_least = 8\n[high]\nat_most = 1\nper = [\"day\"]\n");
        assert_eq!(cause, "`low` requires at least 8 per week, but `high` allows at most 1 per day, 7 per week");
        assert_eq!(remedy, "set `limits.low.at_least` to at most 7, or raise `limits.high.at_most`");
        assert_valid("[low]\nat_least = 7\n[high]\nat_most = 1\nper = [\"day\"]\n");
        // Three days of the week.
        let midweek = "where.days = [\"tuesday\", \"wednesday\", \"thursday\"]\n";
        let (cause, _) = only_error(&format!("[low]\nat_least = 4\n{midweek}[high]\nat_most = 1\nper = [\"day\"]\n"));
        assert!(cause.ends_with("at most 1 per day, 3 per week"), "{cause}");
        // A daily minimum.
        let (cause, _) = only_error("[low]\nat_least = 1\nper = [\"day\"]\n[high]\nat_most = 6\n");
        assert_eq!(cause, "`low` requires at least 1 per day, 7 per week, but `high` allows at most 6 per week");
        // Two hours of the day.
        let hours = "where.hours = [6, 7]\nper = [\"day\"]\n";
        let (cause, _) = only_error(&format!("[low]\nat_least = 3\n{hours}[high]\nat_most = 1\nper = [\"hour\"]\n"));
        assert!(cause.ends_with("at most 1 per hour, 2 per day"), "{cause}");
        // Each of two channels, and two channels together.
        let two = "where.channels = [\"x\", \"ig\"]\n";
        let (cause, _) = only_error(&format!("[low]\nat_least = 2\nper = [\"channel\"]\n{two}[high]\nat_most = 3\n"));
        assert!(cause.contains("at least 2 per channel and week, 4 per week"), "{cause}");
        let (cause, _) = only_error(&format!("[low]\nat_least = 3\n{two}[high]\nat_most = 1\nper = [\"channel\"]\n"));
        assert!(cause.ends_with("at most 1 per channel and week, 2 per week"), "{cause}");
        let (cause, _) = only_error(
            "[low]\nat_least = 3\nper = [\"channel\"]\nwhere.channels = [\"x\"]\n\
                               [high]\nat_most = 2\nper = [\"channel\"]\n",
        );
        assert!(cause.ends_with("at most 2 per channel and week"), "{cause}");
        // It is not known which channels a client uses, only that it uses at least one.
        assert_valid("[low]\nat_least = 1\nper = [\"channel\"]\n[high]\nat_most = 1\n");
    }

    #[test]
    fn a_maximum_of_other_posts_contradicts_nothing() {
        for (low, high) in [
            ("", "where.channels = [\"x\"]"),
            ("where.channels = [\"x\", \"ig\"]", "where.channels = [\"x\"]"),
            ("", "where.days = [\"monday\"]"),
            ("where.hours = [6, 7]", "where.hours = [6]"),
            ("", "where.tags = [\"b2b\"]"),
            ("where.tags = [\"b2b\", \"eu\"]", "where.tags = [\"b2b\"]"),
            ("", "where.clients = [\"acme\"]"),
            ("", "where.from = 2026-12-24T12:00:00"),
            ("where.to = 2026-12-24T12:00:01", "where.to = 2026-12-24T12:00:00"),
        ] {
            assert_valid(&format!("[low]\nat_least = 2\n{low}\n[high]\nat_most = 1\n{high}\n"));
        }
        for (low, high) in [
            ("where.channels = [\"x\"]", "where.channels = [\"x\", \"ig\"]"),
            ("where.tags = [\"b2b\"]", "where.tags = [\"b2b\", \"eu\"]"),
            ("where.clients = [\"acme\"]", ""),
            ("where.from = 2026-12-24T12:00:00", "where.from = 2026-12-24T12:00:00"),
        ] {
            let text = format!("[low]\nat_least = 2\n{low}\n[high]\nat_most = 1\n{high}\n");
            assert_eq!(codes(&errors(&text, "")), ["limits_contradict"], "{text}");
        }
        // A daily minimum that begins at a date applies on at least one day of the week.
        let dated = "per = [\"day\"]\nwhere.from = 2026-12-24T12:00:00\n";
        assert_valid(&format!("[low]\nat_least = 2\n{dated}[high]\nat_most = 2\n"));
    }

    #[test]
    fn a_minimum_that_a_season_allows_is_valid() {
        let mistakes = |factor: f64| {
            let limits = "[much]\nat_least = 8\nwhere = { channels = [\"linkedin\"] }\n";
            let mut files = with_limits(limits, "");
            let season = format!(
                "seasons = [{{ from = 2026-12-01T00:00:00, to = 2026-12-24T00:00:00, posts = {factor:.1} }}]\n"
            );
            files.entry("calendar.toml".to_owned()).and_modify(|calendar| calendar.insert_str(0, &season));
            codes(&load(files).err().unwrap_or_default())
        };
        assert_eq!(mistakes(2.0), Vec::<&str>::new());
        assert_eq!(mistakes(1.2), ["limit_above_weekly_posts"]);
        assert_eq!(mistakes(0.5), ["limit_above_weekly_posts"]);
    }

    #[test]
    fn a_minimum_above_the_weekly_posts_is_reported() {
        let (cause, remedy) = only_error("[low]\nat_least = 6\nwhere.channels = [\"fb\"]\n");
        assert_eq!(
            cause,
            "`low` requires at least 6 per week, but `weekly_posts` of `fb` allows 5 (see also channels.toml, line 47)"
        );
        assert_eq!(remedy, "set `limits.low.at_least` to at most 5, or raise `weekly_posts`");
        assert_valid("[low]\nat_least = 12\nwhere.channels = [\"fb\", \"ig\"]\n");
        let (cause, _) = only_error("[low]\nat_least = 2\nper = [\"day\"]\nwhere.channels = [\"fb\", \"ig\"]\n");
        assert!(cause.contains("2 per day, 14 per week, but `weekly_posts` of `fb`, `ig` allows 12"), "{cause}");
        let (cause, _) = only_error("[low]\nat_least = 52\n");
        assert!(cause.contains("of all channels allows 51"), "{cause}");
        let found =
            errors("[low]\nat_least = 6\nper = [\"channel\"]\nwhere.channels = [\"fb\", \"ig\", \"gmb\"]\n", "");
        assert_eq!(codes(&found), ["limit_above_weekly_posts"; 2]);
    }

    #[test]
    fn a_limit_on_each_campaign_is_of_one_client_and_compared_with_others() {
        let (cause, remedy) = only_error("[a]\nat_most = 1\nper = [\"workspace\", \"campaign\", \"day\"]\n");
        assert_eq!(cause, "`limits.a.per` names `workspace` and `campaign`, but each campaign belongs to one client");
        assert_eq!(remedy, "write `client` in place of `workspace`, or remove `campaign`");
        let reviews = "[a]\nat_most = 1\nper = [\"campaign\"]\ncounts = \"needs_review\"\n";
        assert_eq!(codes(&errors(reviews, "")), ["not_for_reviews"]);
        let order = "[a]\nfollowed_by = \"x\"\nafter_hours = 2\nwhere.channels = [\"fb\"]\nper = [\"campaign\"]\n";
        assert_eq!(codes(&errors(order, "")), ["not_for_this_bound"]);
        let each = |bound: &str, period: &str| format!("{bound}\nper = [\"campaign\", \"{period}\"]\n");
        let (low, high) = (each("[low]\nat_least = 3", "week"), each("[high]\nat_most = 2", "week"));
        let (cause, _) = only_error(&format!("{low}{high}"));
        assert_eq!(
            cause,
            "`low` requires at least 3 per campaign and week, but `high` allows at most 2 per campaign and week"
        );
        assert_eq!(codes(&errors(&format!("{low}[high]\nat_most = 2\n"), "")), ["limits_contradict"]);
        // Posts of no campaign, and of a second one.
        assert_valid(&format!("[low]\nat_least = 3\n{high}"));
        assert_valid(&format!("[low]\nat_least = 3\nwhere.campaigns = [\"a\", \"b\"]\n{high}"));
        let (cause, _) = only_error(&format!("[low]\nat_least = 5\nwhere.campaigns = [\"a\", \"b\"]\n{high}"));
        assert!(cause.ends_with("allows at most 2 per campaign and week, 4 per week"), "{cause}");
        // A campaign may run on a single day.
        assert_valid(&format!("{}[high]\nat_most = 6\n", each("[low]\nat_least = 1", "day")));
        let half = each("[low]\nat_least_share = 0.5", "day");
        assert_valid(&format!("{half}{}", each("[high]\nat_most_share = 0.4", "week")));
        let share = format!("{half}{}", each("[high]\nat_most_share = 0.4", "day"));
        assert_eq!(codes(&errors(&share, "")), ["limits_contradict"]);
        let nothing = "[order]\nfollowed_by = \"x\"\nafter_hours = 2\nwhere.channels = [\"fb\"]\n";
        assert_valid(&format!("{nothing}{}", each("[high]\nat_most = 0", "week")));
    }

    #[test]
    fn shares_of_the_same_posts_are_compared() {
        let of_x = "where.channels = [\"x\"]\n";
        let text = format!("[low]\nat_least_share = 0.5\n{of_x}[high]\nat_most_share = 0.4\n{of_x}");
        let (cause, remedy) = only_error(&text);
        assert_eq!(cause, "`low` requires at least a share of 0.5 per week, but `high` allows at most 0.4 per week");
        assert_eq!(remedy, "set `limits.low.at_least_share` to at most 0.4, or raise `limits.high.at_most_share`");
        assert_valid(&format!("[low]\nat_least_share = 0.4\n{of_x}[high]\nat_most_share = 0.4\n{of_x}"));
        let high = format!("[high]\nat_most_share = 0.4\n{of_x}");
        let daily = format!("[low]\nat_least_share = 0.5\nper = [\"day\"]\n{of_x}{high}");
        assert_eq!(codes(&errors(&daily, "")), ["limits_contradict"]);
        // Half of Monday's posts may be less than two fifths of the week's.
        let monday = "per = [\"day\"]\nwhere = { channels = [\"x\"], days = [\"monday\"] }\n";
        assert_valid(&format!("[low]\nat_least_share = 0.5\n{monday}{high}"));
        // All posts of X are X's.
        assert_valid(&format!("[low]\nat_least_share = 0.5\nper = [\"channel\"]\n{of_x}{high}"));
    }

    #[test]
    fn an_overlay_that_makes_a_minimum_impossible_is_reported_where_it_is_certain() {
        let base = "[low]\nat_least = 3\nwhere.channels = [\"fb\"]\n[high]\nat_most = 9\n";
        let found = errors(base, "[limits.high]\nat_most = 2\n");
        assert_eq!(codes(&found), ["limits_contradict"]);
        assert_eq!(found[0].place.to_string(), "overlays/acme.toml:3:11");
        assert!(found[0].cause.ends_with("(see also limits.toml, line 2)"), "{}", found[0].cause);
        let found = errors(base, "[channels.fb]\nweekly_posts = 1\n");
        assert_eq!(codes(&found), ["limit_above_weekly_posts"]);
        let found = errors(base, "[limits.low]\nper = [\"day\"]\n");
        assert_eq!(codes(&found), ["limit_above_weekly_posts", "limits_contradict"]);
        assert!(found.iter().all(|mistake| mistake.place.to_string() == "overlays/acme.toml:3:7"), "{found:?}");
        // Whether the client has the tag is not known.
        let tagged = "[low]\nat_least = 3\nwhere = { channels = [\"fb\"], tags = [\"b2b\"] }\n[high]\nat_most = 9\n";
        assert_eq!(errors(tagged, "[channels.fb]\nweekly_posts = 1\n[limits.high]\nat_most = 2\n"), []);
        assert_eq!(codes(&errors(tagged, "[limits.low]\nat_least = 6\n")), ["limit_above_weekly_posts"]);
    }

    #[test]
    fn a_minimum_with_a_price_that_can_never_be_met_is_a_warning() {
        let remarks = |limits: &str, overlay: &str| {
            let pack: RulesPack = load(with_limits(limits, overlay)).unwrap();
            pack.remarks().iter().map(|found| (found.code, found.place.to_string())).collect::<Vec<_>>()
        };
        let text = "[low]\nat_least = 6\nprice = 10\nwhere.channels = [\"fb\"]\n[high]\nat_most = 5\n";
        let at = "limits.toml:2:12".to_owned();
        assert_eq!(remarks(text, ""), [("limits_contradict", at.clone()), ("limit_above_weekly_posts", at)]);
        let text = "[low]\nat_least = 5\nprice = 10\nwhere.channels = [\"fb\"]\n";
        assert_eq!(remarks(text, ""), []);
        let of_overlay = ("limit_above_weekly_posts", "overlays/acme.toml:3:16".to_owned());
        assert_eq!(remarks(text, "[channels.fb]\nweekly_posts = 1\n"), [of_overlay]);
    }
}
