//! The weeks in which a limit applies: every week, or every n-th.

use chrono::{Datelike as _, Days, NaiveDate, NaiveDateTime};

use super::contradiction::{Contradiction, contradiction};
use super::settings::{Settings, Value, View};
use crate::diagnostic::Diagnostic;

/// The weeks in which a limit applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitWeeks {
    /// Number of weeks from one in which it applies to the next, `1..=52`; 1 for every week.
    pub every: u32,
    /// Any day of a week in which it applies; `None` if it applies in every week.
    pub first_week: Option<NaiveDate>,
}

impl LimitWeeks {
    /// Every week.
    pub const ALL: LimitWeeks = LimitWeeks { every: 1, first_week: None };

    /// Whether the limit applies in the week of a Monday. Weeks before `first_week` are counted backwards.
    #[must_use]
    pub fn include(self, monday: NaiveDate) -> bool {
        let Some(first_week) = self.first_week.and_then(monday_of) else { return true };
        let weeks = (monday - first_week).num_days().div_euclid(7);
        // The `max` only prevents a division by 0.
        weeks.rem_euclid(i64::from(self.every.max(1))) == 0
    }
}

/// The Monday of a date's week; `None` if it is before the first date that can be represented.
fn monday_of(date: NaiveDate) -> Option<NaiveDate> {
    date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))
}

/// Reads the weeks of a limit, given by the full path of its table.
pub(super) fn weeks(view: &View<'_>, table: &str) -> LimitWeeks {
    let every = view.integer(&format!("{table}.every_weeks")).and_then(|every| u32::try_from(every).ok());
    let first_week = view.get(&format!("{table}.first_week")).and_then(Value::as_date);
    LimitWeeks { every: every.unwrap_or(1), first_week }
}

/// Whether two limits apply together in some week that overlaps a span of local times, which may be open at either end.
pub(super) fn share_a_week([a, b]: [LimitWeeks; 2], from: Option<NaiveDateTime>, to: Option<NaiveDateTime>) -> bool {
    // Both patterns repeat after this many weeks, since both periods divide it.
    let cycle = i64::from(a.every.max(1)) * i64::from(b.every.max(1));
    let day_of_cycle = a.first_week.or(b.first_week);
    let start = match (from, to) {
        (Some(from), _) => Some(from.date()),
        (None, Some(to)) => to.date().checked_sub_days(Days::new(7 * cycle.unsigned_abs())),
        (None, None) => day_of_cycle,
    };
    // Without any date, both limits apply in every week.
    let Some(first) = start.and_then(monday_of) else { return true };
    // One more than a cycle: without `from`, the last of them is that of the week of `to`.
    let mondays = (0..=cycle).filter_map(|week| first.checked_add_days(Days::new(7 * week.unsigned_abs())));
    let mut in_span = mondays.take_while(|monday| to.is_none_or(|to| monday.and_time(chrono::NaiveTime::MIN) < to));
    in_span.any(|monday| a.include(monday) && b.include(monday))
}

/// The error of a limit that applies in every n-th week without saying in which.
pub(super) fn missing_first_week(view: &View<'_>, name: &str) -> Option<Contradiction> {
    let first_week = format!("limits.{name}.first_week");
    let every = view.find(&format!("limits.{name}.every_weeks"))?;
    let Value::Integer(weeks @ 2..) = every.setting.value else { return None };
    if view.find(&first_week).is_some() || view.is_unread(&first_week) {
        return None;
    }
    let cause = format!("`{}` is {weeks}, but nothing says in which weeks the limit applies", every.path);
    let remedy = "add `first_week`, any day of a week in which it applies, as in `first_week = 2026-12-01`";
    contradiction("missing_first_week", &[&every], cause, remedy.to_owned())
}

/// A warning for each `first_week` that has no effect, because its limit applies in every week for every client.
pub(super) fn idle_first_weeks(layers: &[&Settings]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (path, setting) in layers.iter().flat_map(|layer| layer.under("limits")) {
        let (Some(table), Some(place)) = (path.strip_suffix(".first_week"), &setting.place) else { continue };
        let every = format!("{table}.every_weeks");
        let recurs = |layer: &&Settings| {
            let stated = layer.get(&every).map(|setting| &setting.value);
            matches!(stated, Some(Value::Integer(2..)))
        };
        if !layers.iter().any(recurs) {
            let cause = format!("`{path}` has no effect: the limit applies in every week");
            let remedy = "set `every_weeks` to 2 or more, or leave `first_week` out";
            found.push(Diagnostic::at("idle_first_week", place, path, cause, remedy));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientId, WorkspaceId};
    use crate::rules::RulesPack;
    use crate::rules::limits::tests::with_limits;
    use crate::rules::load;

    const NEWSLETTER: &str =
        "[letter]\nat_least = 1\nwhere = { channels = [\"email\"], days = [\"tuesday\"], hours = [9] }\n";

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn every_weeks(every: u32, first_week: &str) -> LimitWeeks {
        LimitWeeks { every, first_week: Some(date(first_week)) }
    }

    fn pack(limits: &str, overlay: &str) -> Result<RulesPack, Vec<Diagnostic>> {
        load(with_limits(limits, overlay))
    }

    /// Code and location of each error or, if there is none, of each warning.
    fn reported(limits: &str, overlay: &str) -> Vec<(&'static str, String)> {
        let found = pack(limits, overlay).map_or_else(|mistakes| mistakes, |pack| pack.remarks());
        found.into_iter().map(|diagnostic| (diagnostic.code, diagnostic.place.to_string())).collect()
    }

    #[test]
    fn every_second_week_is_counted_from_the_monday_before_the_date_in_both_directions() {
        for first_week in ["2026-11-30", "2026-12-01", "2026-12-06"] {
            let weeks = every_weeks(2, first_week);
            for (monday, applies) in [
                ("2026-11-30", true),
                ("2026-12-07", false),
                ("2026-12-14", true),
                ("2026-11-23", false),
                ("2026-11-16", true),
                ("2024-01-01", true),
                ("2024-01-08", false),
            ] {
                assert_eq!(weeks.include(date(monday)), applies, "{first_week}: {monday}");
            }
        }
        assert!(
            LimitWeeks::ALL.include(date("2026-12-07")) && every_weeks(1, "2026-12-01").include(date("2026-12-07"))
        );
    }

    #[test]
    fn both_keys_are_read_and_an_overlay_changes_them() {
        let base = format!("{NEWSLETTER}every_weeks = 2\nfirst_week = 2026-12-01\n");
        let overlay = "[limits.letter]\nevery_weeks = 3\nfirst_week = \"2026-12-08\"\n";
        let pack = pack(&base, overlay).unwrap();
        let weeks_of =
            |client: &str| pack.rules_for(&WorkspaceId::new("w"), &ClientId::new(client), None).limits[0].weeks;
        assert_eq!(weeks_of("other"), every_weeks(2, "2026-12-01"));
        assert_eq!(weeks_of("acme"), every_weeks(3, "2026-12-08"));
    }

    #[test]
    fn a_limit_that_applies_in_some_weeks_must_state_one_of_them() {
        let found = pack(&format!("{NEWSLETTER}every_weeks = 2\n"), "").unwrap_err();
        let [mistake] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((mistake.code, mistake.place.to_string().as_str()), ("missing_first_week", "limits.toml:4:15"));
        assert_eq!(
            mistake.cause,
            "`limits.letter.every_weeks` is 2, but nothing says in which weeks the limit applies"
        );
        let of_overlay = [("missing_first_week", "overlays/acme.toml:3:15".to_owned())];
        assert_eq!(reported(NEWSLETTER, "[limits.letter]\nevery_weeks = 2\n"), of_overlay);
        let with_first_week = format!("{NEWSLETTER}first_week = 2026-12-01\n");
        assert_eq!(reported(&with_first_week, "[limits.letter]\nevery_weeks = 2\n"), []);
        // A value that cannot be read is an error of its own.
        let first_code = |text: &str| reported(&format!("{NEWSLETTER}{text}\n"), "").remove(0).0;
        assert_eq!(first_code("every_weeks = 2\nfirst_week = \"soon\""), "bad_date");
        assert_eq!(first_code("every_weeks = 0\nfirst_week = 2026-12-01"), "out_of_range");
        assert_eq!(first_code("every_weeks = 53\nfirst_week = 2026-12-01"), "out_of_range");
    }

    #[test]
    fn a_first_week_without_effect_is_a_warning() {
        let text = format!("{NEWSLETTER}first_week = 2026-12-01\n");
        let at = |place: &str| [("idle_first_week", place.to_owned())];
        assert_eq!(reported(&text, ""), at("limits.toml:4:14"));
        assert_eq!(reported(&format!("{text}every_weeks = 1\n"), ""), at("limits.toml:4:14"));
        assert_eq!(reported(NEWSLETTER, "[limits.letter]\nfirst_week = 2026-12-01\n"), at("overlays/acme.toml:3:14"));
        assert_eq!(reported(&format!("{text}every_weeks = 2\n"), "[limits.letter]\nevery_weeks = 1\n"), []);
    }

    #[test]
    fn limits_contradict_each_other_in_the_weeks_in_which_both_apply() {
        let pair = |low: &str, high: &str| {
            let text = format!("[low]\nat_least = 5\n{low}\n[high]\nat_most = 4\n{high}\n");
            let mistakes = pack(&text, "").err().unwrap_or_default();
            mistakes.into_iter().map(|mistake| mistake.cause).next()
        };
        let every_second = |day: &str| format!("every_weeks = 2\nfirst_week = {day}");
        let both = "`low` requires at least 5 per week, but `high` allows at most 4 per week, \
                    in the weeks in which both apply";
        for (low, high) in [
            (every_second("2026-12-01"), String::new()),
            (String::new(), every_second("2026-12-01")),
            (every_second("2026-12-01"), every_second("2026-12-15")),
            (every_second("2026-12-01"), "every_weeks = 3\nfirst_week = 2026-12-08".to_owned()),
        ] {
            assert_eq!(pair(&low, &high).as_deref(), Some(both), "{low}; {high}");
        }
        assert_eq!(pair(&every_second("2026-12-01"), &every_second("2026-12-08")), None, "never in one week");
        assert_eq!(pair(&every_second("2026-12-01"), "every_weeks = 4\nfirst_week = 2026-12-08"), None);
        // The minimum counts in one week only, in which the maximum does not apply.
        let week = |from: &str, to: &str| format!("where = {{ from = {from}T00:00:00, to = {to}T00:00:00 }}");
        assert_eq!(pair(&week("2026-12-07", "2026-12-14"), &every_second("2026-12-01")), None);
        assert!(pair(&week("2026-12-07", "2026-12-15"), &every_second("2026-12-01")).is_some());
        assert!(pair("where.to = 2026-12-14T00:00:00", &every_second("2026-12-01")).is_some());
        assert!(pair("where.from = 2026-12-07T00:00:00", &every_second("2026-12-01")).is_some());
    }

    #[test]
    fn shares_contradict_each_other_only_in_common_weeks() {
        let codes = |low: &str, high: &str| {
            let of_x = "where.channels = [\"x\"]\nevery_weeks = 2\nfirst_week = ";
            let text = format!("[low]\nat_least_share = 0.5\n{of_x}{low}\n[high]\nat_most_share = 0.4\n{of_x}{high}\n");
            reported(&text, "").into_iter().map(|(code, _)| code).collect::<Vec<_>>()
        };
        assert_eq!(codes("2026-12-01", "2026-12-15"), ["limits_contradict"]);
        assert_eq!(codes("2026-12-01", "2026-12-08"), [] as [&str; 0]);
    }
}
