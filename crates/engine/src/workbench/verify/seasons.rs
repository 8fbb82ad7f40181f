//! Seasons: those that change no number of posts, and hard minima that need more posts than a season leaves.

use super::{Finding, FindingKind, IneffectiveKey};
use crate::model::digits::decimal;
use crate::model::{Channel, Week, WeekHours};
use crate::planner::seasonal_posts;
use crate::rules::{CompiledRules, LimitBound, LimitCounts, LimitPeriod, LimitRules, LimitScope, RulePlace, Rules};
use crate::workbench::eval_context::{OverlayTarget, overlay_targets, weeks_around_seasons};

/// Hard minima of limits that need more posts than the seasons of a week leave on their channels, so that nothing is
/// planned for the client in that week.
pub(super) fn minima_above_seasons(rules: &CompiledRules) -> Vec<Finding> {
    // A function that decides the number of posts need not follow the seasons.
    if rules.has_function("weekly_posts") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for target in overlay_targets(&[rules]) {
        let target_rules = target.rules(rules);
        for limit in target_rules.limits.iter().filter(|limit| is_comparable(limit) && target.is_counted_by(limit)) {
            findings.extend(first_week_too_few(rules, &target, &target_rules, limit));
        }
    }
    findings
}

/// Whether a limit is a hard minimum of a client's posts, whatever their assets are.
fn is_comparable(limit: &LimitRules) -> bool {
    matches!(limit.bound, LimitBound::AtLeast(_))
        && limit.price.is_none()
        && limit.scope == LimitScope::Client
        && limit.counts == LimitCounts::Posts
        && !limit.depends_on_assets()
}

/// The first week in which the seasons leave fewer posts than a minimum needs; `None` if there is none.
fn first_week_too_few(
    pack: &CompiledRules,
    target: &OverlayTarget,
    rules: &Rules,
    limit: &LimitRules,
) -> Option<Finding> {
    for hours in weeks_around_seasons(&rules.calendar.seasons, i64::from(limit.weeks.every)) {
        let posts = |channel: Channel| seasonal_posts(rules, channel, &hours);
        let needed = posts_needed(limit, &hours);
        for channels in groups_of_channels(limit, rules) {
            let left: u32 = channels.iter().map(|channel| posts(*channel)).sum();
            let otherwise: u32 = channels.iter().map(|channel| rules.channel(*channel).weekly_posts).sum();
            // `mcoe check` reports minima that are above `weekly_posts` in any week.
            if needed > f64::from(left) && left < otherwise {
                return Some(too_few(pack, target, limit, (hours.week(), needed, left, otherwise)));
            }
        }
    }
    None
}

/// The channels whose posts count together.
fn groups_of_channels(limit: &LimitRules, rules: &Rules) -> Vec<Vec<Channel>> {
    let named = &limit.filter.channels;
    match (limit.per_channel, named.is_empty()) {
        (true, true) => {
            // A channel on which the rules want no posts is left out.
            let used = Channel::ALL.into_iter().filter(|channel| rules.channel(*channel).weekly_posts > 0);
            used.map(|channel| vec![channel]).collect()
        }
        (true, false) => named.iter().map(|channel| vec![*channel]).collect(),
        (false, true) => vec![Channel::ALL.to_vec()],
        (false, false) => vec![named.clone()],
    }
}

/// The posts that a minimum needs in a week: those of each of its periods that has an hour in which posts count.
fn posts_needed(limit: &LimitRules, hours: &WeekHours) -> f64 {
    let LimitBound::AtLeast(posts) = limit.bound else { return 0.0 };
    if !limit.weeks.include(hours.week().monday()) {
        return 0.0;
    }
    let mut periods: Vec<(u8, u8)> = hours
        .hours()
        .iter()
        .filter(|wall| {
            let at = hours.date(wall.weekday).and_hms_opt(u32::from(wall.hour), 0, 0);
            at.is_some_and(|at| limit.filter.covers(at))
        })
        .map(|wall| match limit.period {
            LimitPeriod::Hour => (wall.weekday, wall.hour),
            LimitPeriod::Day => (wall.weekday, 0),
            LimitPeriod::Week | LimitPeriod::Within(_) => (0, 0),
        })
        .collect();
    periods.dedup();
    posts * periods.len() as f64
}

fn too_few(
    pack: &CompiledRules,
    target: &OverlayTarget,
    limit: &LimitRules,
    (week, needed, left, otherwise): (Week, f64, u32, u32),
) -> Finding {
    let key = format!("limits.{}.at_least", limit.name);
    let (file, line) = pack.pack().place_with(&target.overlay_key(pack), &key).unwrap_or_default();
    let context = match target.description().as_str() {
        "" => String::new(),
        target => format!(" ({target})"),
    };
    Finding {
        place: RulePlace { file, line },
        kind: FindingKind::UnmetInSeason,
        what: format!("`{}` needs more posts than a season leaves, so nothing is planned in that week", limit.name),
        witness: vec![format!(
            "week {week}: at least {} posts are needed, the seasons leave {left} of {otherwise}{context}",
            decimal(needed)
        )],
        remedy: "give the limit a `price`, or times `where.from` and `where.to` outside the season".to_owned(),
    }
}

/// Seasons with which every channel has as many posts in every week as without them, for every overlay target.
pub(super) fn seasons_without_effect(rules: &CompiledRules) -> Vec<IneffectiveKey> {
    // Several seasons may stand in one line, so each is known by its index, too.
    let mut stated: Vec<((RulePlace, usize), bool)> = Vec::new();
    for target in overlay_targets(&[rules]) {
        let target_rules = target.rules(rules);
        let places = rules.pack().season_places(&target.overlay_key(rules));
        for (index, place) in places.into_iter().enumerate() {
            let place = (RulePlace { file: place.file, line: place.line }, index);
            let has_effect = changes_posts(&target_rules, index);
            match stated.iter_mut().find(|(other, _)| *other == place) {
                Some((_, known)) => *known |= has_effect,
                None => stated.push((place, has_effect)),
            }
        }
    }
    let why = "no channel has more or fewer posts with this season in any week, once their number is rounded";
    let ineffective = stated.into_iter().filter(|(_, has_effect)| !has_effect);
    let key = |((place, _), _)| IneffectiveKey { place, key: "calendar.seasons".to_owned(), why: why.to_owned() };
    ineffective.map(key).collect()
}

/// Whether the season with an index changes the number of posts of some channel in some week.
fn changes_posts(rules: &Rules, index: usize) -> bool {
    let seasons = &rules.calendar.seasons;
    let others = seasons.iter().zip(0..).filter(|(_, other)| *other != index).map(|(season, _)| *season);
    let mut without = rules.clone();
    without.calendar.seasons = others.collect();
    let differs = |hours: &WeekHours, channel: Channel| {
        seasonal_posts(rules, channel, hours) != seasonal_posts(&without, channel, hours)
    };
    weeks_around_seasons(seasons, 1).iter().any(|hours| Channel::ALL.into_iter().any(|channel| differs(hours, channel)))
}
