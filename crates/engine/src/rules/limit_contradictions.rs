//! Limits that are incomplete, or that contradict one another or the channels' `weekly_posts`.

use super::contradiction::{Contradiction, contradiction};
use super::limits::{BOUNDS, LIMITS, LimitBound, LimitFilter, LimitPeriod, LimitRules, declared, limit};
use super::settings::{FoundSetting, Value, View};
use crate::diagnostic::{Diagnostic, SourceLocation, listed};
use crate::model::digits::decimal;
use crate::model::{Channel, wall_time_text};

/// Tolerance for comparing products of a pack's numbers.
const SLACK: f64 = 1e-9;

/// A limit with the settings that it is read from.
struct StatedLimit<'a> {
    rules: LimitRules,
    bound: FoundSetting<'a>,
    others: Vec<FoundSetting<'a>>,
}

/// Errors in single limits, and hard minima that can never be met.
pub(super) fn contradictions(view: &View<'_>) -> Vec<Option<Contradiction>> {
    let single = declared(view).into_iter().flat_map(|name| errors_of_one(view, name));
    single.chain(never_met(view, true)).collect()
}

/// Minima with a price that can never be met, so that the price is always paid.
pub(super) fn priced_in_vain(view: &View<'_>) -> Vec<Option<Contradiction>> {
    never_met(view, false)
}

fn path(name: &str, key: &str) -> String {
    format!("limits.{name}.{key}")
}

/// The paths of all keys of a limit.
fn paths(name: &str) -> impl Iterator<Item = String> {
    LIMITS.iter().map(move |key| format!("limits.{}", key.path.replace("<limit>", name)))
}

fn errors_of_one(view: &View<'_>, name: &str) -> [Option<Contradiction>; 4] {
    [bounds(view, name), periods(view, name), no_hours(view, name), span(view, name)]
}

fn bounds(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let all = BOUNDS.map(|(key, _)| path(name, key));
    if all.iter().any(|path| view.is_unread(path)) {
        return None;
    }
    let stated: Vec<FoundSetting<'_>> = all.iter().filter_map(|path| view.find(path)).collect();
    if stated.is_empty() {
        let table = format!("limits.{name}");
        let places = view.base()?.under(&table).filter_map(|(_, setting)| setting.place.as_ref());
        let first = places.min_by_key(|place| place.line).cloned();
        let place = first.unwrap_or_else(|| SourceLocation::whole("limits.toml"));
        let remedy = "add one of `at_most`, `at_least`, `at_most_share` and `at_least_share`";
        let diagnostic =
            Diagnostic::at("missing_bound", &place, table, format!("the limit `{name}` has no bound"), remedy);
        return Some(Contradiction { diagnostic, layer: 0 });
    }
    let key = |found: &FoundSetting<'_>| found.path.rsplit('.').next().map(str::to_owned).unwrap_or_default();
    let keys: Vec<String> = stated.iter().map(key).collect();
    if let [_] = keys.as_slice() {
        return None;
    }
    let cause =
        format!("the limit `{name}` has {}, and may have one of them only", listed(keys.iter().map(String::as_str)));
    let remedy = match stated.iter().find(|found| found.layer == 0).filter(|_| stated.iter().any(|s| s.layer > 0)) {
        Some(of_base) => format!("write `{}`, the bound that the limit has, or declare a second limit", key(of_base)),
        None => "keep one, and declare a limit of its own for each of the others".to_owned(),
    };
    contradiction("several_bounds", &stated.iter().collect::<Vec<_>>(), cause, remedy)
}

fn periods(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let found = view.find(&path(name, "per"))?;
    let Value::Names(per) = &found.setting.value else { return None };
    let periods = LimitPeriod::ALL.map(LimitPeriod::name).into_iter().filter(|period| per.contains(period));
    let periods: Vec<&str> = periods.collect();
    let [_, second, ..] = periods.as_slice() else { return None };
    let cause = format!("`{}` has {}, but a limit counts over one period", found.path, listed(periods.iter().copied()));
    let remedy = format!("keep one of them; `{second}` needs a limit of its own");
    contradiction("several_periods", &[&found], cause, remedy)
}

fn no_hours(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let found = view.find(&path(name, "where.hours"))?;
    if !matches!(&found.setting.value, Value::Hours(hours) if hours.is_empty()) {
        return None;
    }
    let cause = format!("`{}` is an empty list", found.path);
    contradiction("empty_list", &[&found], cause, "leave it out, or write hours, as in `[6, 7]`".to_owned())
}

fn span(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let (from, to) = (view.find(&path(name, "where.from"))?, view.find(&path(name, "where.to"))?);
    let (Value::DateTime(begin), Value::DateTime(end)) = (&from.setting.value, &to.setting.value) else { return None };
    if begin < end {
        return None;
    }
    let [begin, end] = [begin, end].map(|at| wall_time_text(*at));
    let cause = format!("the limit `{name}` would apply from {begin} to {end}, which is not later");
    let remedy = "write the first time as `from`, and as `to` the time from which posts no longer count".to_owned();
    contradiction("span_backwards", &[&to, &from], cause, remedy)
}

/// Minima, hard ones or those with a price, that a hard maximum or `weekly_posts` makes impossible.
fn never_met(view: &View<'_>, hard: bool) -> Vec<Option<Contradiction>> {
    let all = stated_limits(view);
    let maxima = || all.iter().filter(|limit| limit.rules.price.is_none());
    let minima = all.iter().filter(|limit| limit.rules.price.is_none() == hard);
    let mut found = Vec::new();
    for minimum in minima {
        match minimum.rules.bound {
            LimitBound::AtLeast(least) => {
                found.extend(maxima().map(|maximum| above_maximum(minimum, least, maximum)));
                found.extend(above_weekly_posts(view, minimum, least));
            }
            LimitBound::AtLeastShare(least) => {
                found.extend(maxima().map(|maximum| above_share(minimum, least, maximum)));
            }
            LimitBound::AtMost(_) | LimitBound::AtMostShare(_) => {}
        }
    }
    found
}

/// The enabled limits that have no errors themselves.
fn stated_limits<'a>(view: &View<'a>) -> Vec<StatedLimit<'a>> {
    let is_on = |name: &&str| view.bool(&path(name, "enabled")).unwrap_or(true);
    let is_sound = |name: &&str| {
        !paths(name).any(|path| view.is_unread(&path)) && errors_of_one(view, name).iter().all(Option::is_none)
    };
    let names = declared(view).into_iter().filter(is_on).filter(is_sound);
    let stated = names.filter_map(|name| {
        let is_bound = |found: &FoundSetting<'_>| BOUNDS.iter().any(|(key, _)| path(name, key) == found.path);
        let settings = paths(name).filter_map(|path| view.find(&path));
        let (mut bounds, others): (Vec<_>, Vec<_>) = settings.partition(is_bound);
        Some(StatedLimit { rules: limit(view, name)?, bound: bounds.pop()?, others })
    });
    stated.collect()
}

impl StatedLimit<'_> {
    fn layer(&self) -> usize {
        self.others.iter().map(|found| found.layer).fold(self.bound.layer, usize::max)
    }

    /// The channels that it names, or else all.
    fn channels(&self) -> Vec<Channel> {
        let named = &self.rules.filter.channels;
        if named.is_empty() { Channel::ALL.to_vec() } else { named.clone() }
    }

    /// What a bound holds for: `day`, or `channel and day`.
    fn per(&self) -> String {
        per(self.rules.per_channel, self.rules.period)
    }

    /// Reports that the limit, a minimum, cannot be met because of some settings; at the topmost layer, so that an
    /// overlay which changes any of them is named.
    ///
    /// A limit for some tags or clients is not reported for an overlay that does not change it: the overlay's clients
    /// may be others.
    fn impossible<'f>(
        &'f self,
        code: &'static str,
        because_of: &[&'f FoundSetting<'f>],
        cause: String,
        remedy: String,
    ) -> Option<Contradiction> {
        let filter = &self.rules.filter;
        let is_for_some = !filter.tags.is_empty() || !filter.clients.is_empty();
        let is_from_outside = because_of.iter().any(|found| found.layer > self.layer());
        if is_for_some && is_from_outside {
            return None;
        }
        let own = self.others.iter().filter(|found| found.layer > 0);
        let settings: Vec<&FoundSetting<'_>> =
            std::iter::once(&self.bound).chain(because_of.iter().copied()).chain(own).collect();
        contradiction(code, &settings, cause, remedy)
    }

    fn settings_over_bound(&self) -> Vec<&FoundSetting<'_>> {
        std::iter::once(&self.bound).chain(self.others.iter().filter(|found| found.layer > 0)).collect()
    }
}

fn per(per_channel: bool, period: LimitPeriod) -> String {
    let channel = if per_channel { "channel and " } else { "" };
    format!("{channel}{}", period.name())
}

/// Number of the shorter periods in which posts count, within a longer one, clocks that change left aside.
fn periods_within(filter: &LimitFilter, part: LimitPeriod, whole: LimitPeriod) -> f64 {
    let count = |flags: &[bool]| flags.iter().filter(|is_in| **is_in).count() as f64;
    let (days, hours) = (count(&filter.days), count(&filter.hours));
    match (part, whole) {
        (LimitPeriod::Hour, LimitPeriod::Day) => hours,
        (LimitPeriod::Hour, LimitPeriod::Week) => hours * days,
        (LimitPeriod::Day, LimitPeriod::Week) => days,
        _ => 1.0,
    }
}

/// Number of periods of a minimum that are certain to lie in a longer one: one if it applies between two times only.
fn certain_periods_within(limit: &LimitRules, whole: LimitPeriod) -> f64 {
    let is_dated = limit.filter.from.is_some() || limit.filter.to.is_some();
    if is_dated { 1.0 } else { periods_within(&limit.filter, limit.period, whole) }
}

/// Whether a filter selects every post that another one selects.
fn includes(wide: &LimitFilter, narrow: &LimitFilter) -> bool {
    let all = |wide: &[bool], narrow: &[bool]| wide.iter().zip(narrow).all(|(wide, narrow)| *wide || !narrow);
    let channels =
        wide.channels.is_empty() || wide.channels.len() == Channel::COUNT || is_part(&narrow.channels, &wide.channels);
    channels
        && all(&wide.days, &narrow.days)
        && all(&wide.hours, &narrow.hours)
        && (wide.tags.is_empty() || is_part(&narrow.tags, &wide.tags))
        && (wide.clients.is_empty() || is_part(&narrow.clients, &wide.clients))
        && wide.from.is_none_or(|wide| narrow.from.is_some_and(|narrow| narrow >= wide))
        && wide.to.is_none_or(|wide| narrow.to.is_some_and(|narrow| narrow <= wide))
}

/// Whether every entry of a list that is not empty is in another one.
fn is_part<T: PartialEq>(list: &[T], of: &[T]) -> bool {
    !list.is_empty() && list.iter().all(|entry| of.contains(entry))
}

fn above_maximum(minimum: &StatedLimit<'_>, least: f64, maximum: &StatedLimit<'_>) -> Option<Contradiction> {
    let LimitBound::AtMost(most) = maximum.rules.bound else { return None };
    let (a, b) = (&minimum.rules, &maximum.rules);
    if !includes(&b.filter, &a.filter) {
        return None;
    }
    let whole = a.period.max(b.period);
    // Which of its channels a client uses is not known, except those that the minimum names.
    let needing = if a.per_channel && !b.per_channel { a.filter.channels.len().max(1) } else { 1 };
    let allowing = if b.per_channel && !a.per_channel { minimum.channels().len() } else { 1 };
    let times = certain_periods_within(a, whole) * needing as f64;
    let needed = least * times;
    let allowed = most * periods_within(&a.filter, b.period, whole) * allowing as f64;
    if needed <= allowed + SLACK {
        return None;
    }
    let in_all = per(a.per_channel && b.per_channel, whole);
    let amount = |bound: f64, limit: &StatedLimit<'_>, total: f64| match total == bound && limit.per() == in_all {
        true => format!("{} per {in_all}", decimal(bound)),
        false => format!("{} per {}, {} per {in_all}", decimal(bound), limit.per(), decimal(total)),
    };
    let cause = format!(
        "`{}` requires at least {}, but `{}` allows at most {}",
        a.name,
        amount(least, minimum, needed),
        b.name,
        amount(most, maximum, allowed)
    );
    let remedy = format!("{}, or raise `{}`", lowered(minimum, allowed / times), maximum.bound.path);
    minimum.impossible("limits_contradict", &maximum.settings_over_bound(), cause, remedy)
}

/// What to do with a minimum that can be a number at most.
fn lowered(minimum: &StatedLimit<'_>, most: f64) -> String {
    match most > 0.0 {
        true => format!("set `{}` to at most {}", minimum.bound.path, decimal(most)),
        false => format!("set `limits.{}.enabled = false`", minimum.rules.name),
    }
}

fn above_weekly_posts(view: &View<'_>, minimum: &StatedLimit<'_>, least: f64) -> Vec<Option<Contradiction>> {
    let is_named = !minimum.rules.filter.channels.is_empty();
    let count = |found: &FoundSetting<'_>| match found.setting.value {
        Value::Integer(posts) => posts as f64,
        _ => 0.0,
    };
    let channels = minimum.channels().into_iter();
    let found = channels.filter_map(|channel| Some((channel, view.find(&format!("channels.{channel}.weekly_posts"))?)));
    // A channel with 0 is switched off, so that a minimum for each channel does not apply to it unless it is named.
    let weekly: Vec<(Channel, FoundSetting<'_>)> =
        found.filter(|(_, found)| is_named || !minimum.rules.per_channel || count(found) > 0.0).collect();
    let times = certain_periods_within(&minimum.rules, LimitPeriod::Week);
    let report = |of: &[(Channel, FoundSetting<'_>)]| {
        let allowed: f64 = of.iter().map(|(_, found)| count(found)).sum();
        if least * times <= allowed + SLACK {
            return None;
        }
        let in_all = if times == 1.0 { String::new() } else { format!(", {} per week", decimal(least * times)) };
        let names = match of.len() {
            Channel::COUNT => "all channels".to_owned(),
            _ => listed(of.iter().map(|(channel, _)| channel.name())),
        };
        let cause = format!(
            "`{}` requires at least {} per {}{in_all}, but `weekly_posts` of {names} allows {}",
            minimum.rules.name,
            decimal(least),
            minimum.per(),
            decimal(allowed)
        );
        let remedy = format!("{}, or raise `weekly_posts`", lowered(minimum, allowed / times));
        let settings: Vec<&FoundSetting<'_>> = of.iter().map(|(_, found)| found).collect();
        minimum.impossible("limit_above_weekly_posts", &settings, cause, remedy)
    };
    if minimum.rules.per_channel { weekly.chunks(1).map(report).collect() } else { vec![report(&weekly)] }
}

fn above_share(minimum: &StatedLimit<'_>, least: f64, maximum: &StatedLimit<'_>) -> Option<Contradiction> {
    let LimitBound::AtMostShare(most) = maximum.rules.bound else { return None };
    let (a, b) = (&minimum.rules, &maximum.rules);
    if least <= most + SLACK || !includes(&b.filter, &a.filter) || !is_share_of_the_same(a, b) {
        return None;
    }
    let cause = format!(
        "`{}` requires at least a share of {} per {}, but `{}` allows at most {} per {}",
        a.name,
        decimal(least),
        minimum.per(),
        b.name,
        decimal(most),
        maximum.per()
    );
    let remedy = format!("{}, or raise `{}`", lowered(minimum, most), maximum.bound.path);
    minimum.impossible("limits_contradict", &maximum.settings_over_bound(), cause, remedy)
}

/// Whether the shares of a minimum, summed over channels and periods, are shares of the same posts as those of a
/// maximum. A minimum of smaller parts says nothing of the whole unless it applies to every part.
fn is_share_of_the_same(minimum: &LimitRules, maximum: &LimitRules) -> bool {
    let LimitFilter { channels, days, hours, from, to, .. } = &minimum.filter;
    let is_always = from.is_none() && to.is_none() && days.iter().chain(hours).all(|is_in| *is_in);
    (!minimum.per_channel || maximum.per_channel || channels.is_empty())
        && (minimum.period >= maximum.period || is_always)
}
