//! Errors in single limits.

use super::contradiction::{Contradiction, contradiction};
use super::limit_follow_up::errors_in_follow_up;
use super::limit_weeks::missing_first_week;
use super::limits::{ACTIONS_A_DAY, BOUNDS, LimitCounts, LimitPeriod, LimitScope, REVIEW_CAPACITY, limit, path};
use super::settings::{FoundSetting, Value, View};
use crate::diagnostic::{Diagnostic, SourceLocation, listed};
use crate::model::wall_time_text;

/// The errors in a single limit.
pub(super) fn errors_in_limit(view: &View<'_>, name: &str) -> Vec<Option<Contradiction>> {
    let single = [
        reserved_name(view, name),
        not_one_bound(view, name),
        several_periods(view, name),
        within_and_period(view, name),
        not_for_this_bound(view, name),
        several_scopes(view, name),
        not_for_several_clients(view, name),
        campaigns_of_several_clients(view, name),
        not_for_reviews(view, name),
        no_hours(view, name),
        span_backwards(view, name),
        missing_first_week(view, name),
    ];
    single.into_iter().chain(errors_in_follow_up(view, name)).collect()
}

/// A name that is reserved for a limit that no pack declares.
fn reserved_name(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let origin = match name {
        ACTIONS_A_DAY => "a client's policy sets",
        REVIEW_CAPACITY => "the reviewers of a scenario set",
        _ => return None,
    };
    let found = BOUNDS.iter().find_map(|key| view.find(&path(name, key)))?;
    let cause = format!("`{name}` is the name of the limit that {origin}");
    contradiction("reserved_name", &[&found], cause, "choose another name".to_owned())
}

/// No bound, or several.
fn not_one_bound(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let paths = BOUNDS.map(|key| path(name, key));
    if paths.iter().any(|path| view.is_unread(path)) {
        return None;
    }
    let stated: Vec<FoundSetting<'_>> = paths.iter().filter_map(|path| view.find(path)).collect();
    if stated.is_empty() {
        let table = format!("limits.{name}");
        let places = view.base()?.under(&table).filter_map(|(_, setting)| setting.place.as_ref());
        let first = places.min_by_key(|place| place.line).cloned();
        let place = first.unwrap_or_else(|| SourceLocation::whole("limits.toml"));
        let remedy = "add one of `at_most`, `at_least`, `at_most_share`, `at_least_share` and `followed_by`";
        let diagnostic =
            Diagnostic::at("missing_bound", &place, table, format!("the limit `{name}` has no bound"), remedy);
        return Some(Contradiction { diagnostic, layer: 0 });
    }
    let key = |found: &FoundSetting<'_>| found.path.rsplit('.').next().map(str::to_owned).unwrap_or_default();
    let keys: Vec<String> = stated.iter().map(key).collect();
    if keys.len() == 1 {
        return None;
    }
    let cause = format!("the limit `{name}` has more than one bound: {}", listed(keys.iter().map(String::as_str)));
    // An overlay may change the bound of the base, not add another one.
    let is_from_overlay = stated.iter().any(|found| found.layer > 0);
    let remedy = match stated.iter().find(|found| found.layer == 0).filter(|_| is_from_overlay) {
        Some(of_base) => format!("write `{}`, the bound that the limit has, or declare a second limit", key(of_base)),
        None => "keep one, and declare a limit of its own for each of the others".to_owned(),
    };
    contradiction("several_bounds", &stated.iter().collect::<Vec<_>>(), cause, remedy)
}

fn several_periods(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let found = view.find(&path(name, "per"))?;
    let Value::Names(per) = &found.setting.value else { return None };
    let periods = LimitPeriod::OF_CALENDAR.map(LimitPeriod::name).into_iter().filter(|period| per.contains(period));
    let periods: Vec<&str> = periods.collect();
    let [_, second, ..] = periods.as_slice() else { return None };
    let cause = format!("`{}` names more than one period: {}", found.path, listed(periods.iter().copied()));
    let remedy = format!("keep one of them; `{second}` needs a limit of its own");
    contradiction("several_periods", &[&found], cause, remedy)
}

fn several_scopes(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let found = view.find(&path(name, "per"))?;
    let Value::Names(per) = &found.setting.value else { return None };
    let scopes = LimitScope::ALL.map(LimitScope::name).into_iter().filter(|scope| per.contains(scope));
    let scopes: Vec<&str> = scopes.collect();
    let [_, second, ..] = scopes.as_slice() else { return None };
    let cause = format!("`{}` names more than one of client, industry, tag and workspace", found.path);
    let remedy = format!("keep one of them; `{second}` needs a limit of its own");
    contradiction("several_scopes", &[&found], cause, remedy)
}

/// A key that only limits on single clients can state.
fn not_for_several_clients(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let per = view.find(&path(name, "per"))?;
    let limit = limit(view, name)?;
    if limit.scope == LimitScope::Client || limit.per_campaign {
        return None;
    }
    let scope = limit.scope.name();
    let other_bounds = BOUNDS.into_iter().filter(|key| *key != "at_most");
    let mut excluded = other_bounds.chain(["within_hours", "where.kinds", "where.campaigns"]);
    let (cause, found) = if let Some(found) = excluded.find_map(|key| view.find(&path(name, key))) {
        (format!("`{}` does not go with `{scope}` in `per`", found.path), found)
    } else if limit.depends_on_assets() {
        (format!("the limit `{name}` counts assets, which does not go with `{scope}` in `per`"), per)
    } else {
        return None;
    };
    let remedy = "limits over several clients count posts whatever their assets are, and state `at_most`";
    contradiction("not_for_several_clients", &[&found], cause, remedy.to_owned())
}

/// Campaigns that are counted on their own over several clients.
fn campaigns_of_several_clients(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let limit = limit(view, name).filter(|limit| limit.per_campaign && limit.scope != LimitScope::Client)?;
    let per = view.find(&path(name, "per"))?;
    let scope = limit.scope.name();
    let cause = format!("`{}` names `{scope}` and `campaign`, but each campaign belongs to one client", per.path);
    let remedy = format!("write `client` in place of `{scope}`, or remove `campaign`");
    contradiction("not_for_several_clients", &[&per], cause, remedy)
}

/// A key that cannot be combined with `counts = "needs_review"`.
fn not_for_reviews(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let limit = limit(view, name)?;
    if limit.counts == LimitCounts::Posts {
        return None;
    }
    let counts = view.find(&path(name, "counts"))?;
    let other_bounds = BOUNDS.into_iter().filter(|key| *key != "at_most");
    let mut excluded = other_bounds.chain(["price", "within_hours", "where.kinds", "where.campaigns"]);
    let found = excluded.find_map(|key| view.find(&path(name, key)));
    let per_if_by_asset = || limit.depends_on_assets().then(|| view.find(&path(name, "per"))).flatten();
    let found = found.or_else(per_if_by_asset)?;
    let cause = format!("`{}` does not go with `counts = \"needs_review\"`", found.path);
    let remedy =
        "a limit on posts that need a review is hard, counts them whatever their assets are, and states `at_most`";
    contradiction("not_for_reviews", &[&found, &counts], cause, remedy.to_owned())
}

/// Both `within_hours` and a period of the calendar.
fn within_and_period(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let within = view.find(&path(name, "within_hours"))?;
    let per = view.find(&path(name, "per"))?;
    let Value::Names(names) = &per.setting.value else { return None };
    let period = LimitPeriod::OF_CALENDAR.map(LimitPeriod::name).into_iter().find(|period| names.contains(period))?;
    // A default `per`, which has no location, contains `week`; `within_hours` replaces it.
    per.setting.place.as_ref()?;
    let cause = format!("the limit `{name}` counts both per {period} and within `within_hours`");
    let remedy = format!("keep `within_hours`, or `{period}` in `per`");
    contradiction("several_periods", &[&within, &per], cause, remedy)
}

/// A key that the limit's bound does not allow: `within_hours` and `per = ["asset"]` require `at_most`, and `weigh`
/// excludes shares.
fn not_for_this_bound(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let bound = BOUNDS.iter().find_map(|key| Some((*key, view.find(&path(name, key))?)));
    let (key, bound) = bound.filter(|(key, _)| !["at_most", "followed_by"].contains(key))?;
    let is_per_asset =
        |found: &FoundSetting<'_>| matches!(&found.setting.value, Value::Names(n) if n.contains(&"asset"));
    let within = view.find(&path(name, "within_hours")).map(|found| ("`within_hours`", found));
    let per_asset = || view.find(&path(name, "per")).filter(is_per_asset).map(|found| ("`asset` in `per`", found));
    let weigh = || {
        let table = path(name, "weigh");
        let kind = view.names_under(&table).into_iter().next()?;
        if key == "at_least" { None } else { view.find(&format!("{table}.{kind}")) }
    };
    let (offender, found) = within.or_else(per_asset).or_else(|| weigh().map(|found| ("`weigh`", found)))?;
    let cause = format!("{offender} of the limit `{name}` does not go with `{key}`");
    let remedy = if offender == "`weigh`" { "use `at_most` or `at_least`" } else { "use `at_most`" };
    contradiction("not_for_this_bound", &[&found, &bound], cause, remedy.to_owned())
}

fn no_hours(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let found = view.find(&path(name, "where.hours"))?;
    if !matches!(&found.setting.value, Value::Hours(hours) if hours.is_empty()) {
        return None;
    }
    let cause = format!("`{}` is an empty list", found.path);
    contradiction("empty_list", &[&found], cause, "leave it out, or write hours, as in `[6, 7]`".to_owned())
}

fn span_backwards(view: &View<'_>, name: &str) -> Option<Contradiction> {
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
