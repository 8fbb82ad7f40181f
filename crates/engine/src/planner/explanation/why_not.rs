//! Explains why an hour of a channel has no post.

use chrono::{NaiveDateTime, Timelike as _};
use serde::Serialize;

use super::explainer::Explainer;
use super::post::{ExplainError, Quotas, no_such_hour, with_channel};
use super::step::Source;
use crate::agents::ClientWeek;
use crate::model::{Channel, ClientId, LimitUse, Scenario, Spacing, Week, wall_time_text};
use crate::planner::Planner;
use crate::planner::channel::{ChannelDraft, WorkerContext};
use crate::planner::draft::Draft;
use crate::planner::hours::{HourRule, closed_range};

/// Why an hour has no post.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// The hour has a post.
    Planned {
        /// Objective of the channel's week.
        objective: f64,
    },
    /// A rule forbids the hour.
    Forbidden {
        /// Name of the rule.
        rule: &'static str,
        /// The reason, for display.
        because: String,
        /// `file:line` of the rule.
        source: String,
    },
    /// No plan with a post at that hour satisfies spacing and the fatigue block.
    Impossible {
        /// The reason, for display.
        because: String,
    },
    /// The channel alone would gain from a post at that hour, but the limits allow only so many posts, and others earn
    /// more.
    Limited {
        /// Objective of the channel's planned week.
        objective: f64,
        /// The channel's best objective with a post at that hour, without limits.
        with_it: f64,
        /// The limits in which a post at that hour would count. The price of each is an upper bound on what one post
        /// more would earn.
        limits: Vec<LimitUse>,
    },
    /// A post at that hour would lower the objective.
    Costs {
        /// Objective of the channel's plan, less the prices of the limits in which its posts count.
        objective: f64,
        /// Objective of the channel's best plan with a post at that hour, less the same prices.
        with_it: f64,
        /// By how much `with_it` is below `objective`, in the unit of worth.
        loss: f64,
        /// Local times of the posts that the best plan with that hour drops.
        gives_up: Vec<String>,
        /// Local times of the posts that the best plan with that hour adds, the one at that hour among them.
        takes: Vec<String>,
    },
}

/// Explains why a wall-clock hour of a client's channel has no post.
///
/// # Errors
/// If the client, the channel or the hour is not in the plan, or the week cannot be planned again.
pub fn why_not(
    planner: &Planner<'_>,
    scenario: &Scenario,
    week: Week,
    client: &ClientId,
    channel: Channel,
    at: NaiveDateTime,
) -> Result<WhyNot, ExplainError> {
    with_channel(planner, scenario, week, (client, channel), Quotas::Unknown, |draft, channel_draft, worker| {
        let week = &draft.week;
        let hour = hour_of(week, at).ok_or_else(|| no_such_hour(wall_time_text(at), week))?;
        if channel_draft.solution.chosen.contains(&hour) {
            return Ok(WhyNot::Planned { objective: channel_draft.solution.objective });
        }
        if let Some(rule) = channel_draft.hours.forbidden.get(hour).copied().flatten() {
            let explainer = Explainer::new(planner.rules(), week.client, None);
            let (because, source) = reason_and_source(&explainer, week, channel_draft, rule, hour);
            return Ok(WhyNot::Forbidden { rule: rule.name(), because, source });
        }
        let blocking_verdict =
            [&channel_draft.closed, &channel_draft.avoided].into_iter().find_map(|hours| hours.get(&hour));
        if let Some(verdict) = blocking_verdict {
            let because = format!("{} blocks a post there: {}", verdict.rule, verdict.reason);
            return Ok(WhyNot::Forbidden { rule: "guardrail", because, source: verdict.source() });
        }
        Ok(why_not_chosen(draft, channel_draft, hour, worker))
    })
}

/// The hour of the week at which the client's clock shows a time; the first of two if it shows the time twice.
fn hour_of(week: &ClientWeek<'_>, at: NaiveDateTime) -> Option<usize> {
    let hour = u8::try_from(at.hour()).ok()?;
    week.hours.hours().iter().position(|wall| wall.hour == hour && week.hours.date(wall.weekday) == at.date())
}

/// Why an hour that no rule forbids has no post.
fn why_not_chosen(
    draft: &Draft<'_>,
    channel_draft: &ChannelDraft<'_>,
    hour: usize,
    worker: &mut WorkerContext<'_>,
) -> WhyNot {
    let week = &draft.week;
    let planned = &channel_draft.solution;
    let Some(with_hour) = worker.solver.solve_pinned(&channel_draft.instance, hour) else {
        let because = if channel_draft.instance.posts_max == 0 {
            "the rules allow the channel no post this week".to_owned()
        } else {
            format!(
                "fatigue at that hour is at or above {:.2} whatever else is planned",
                channel_draft.instance.block_at
            )
        };
        return WhyNot::Impossible { because };
    };
    let mut limits = draft.solved_limits.limits_at(week, &draft.channel_drafts, channel_draft.state.channel, hour);
    if !channel_draft.left_out.is_empty() {
        limits.extend(draft.asset_limits.priced_uses_on(channel_draft.state.channel, &draft.assignment));
    }
    if with_hour.objective > planned.objective && !limits.is_empty() {
        return WhyNot::Limited { objective: planned.objective, with_it: with_hour.objective, limits };
    }
    let prices = draft.solved_limits.hour_prices(week, &draft.channel_drafts, channel_draft.state.channel);
    let with_hour = worker.solver.solve_pinned_with_prices(&channel_draft.instance, &prices, hour).unwrap_or(with_hour);
    let price_of = |hours: &[usize]| hours.iter().filter_map(|hour| prices.get(*hour)).sum::<f64>();
    let [objective, objective_with_hour] =
        [planned, &with_hour].map(|solution| solution.objective - price_of(&solution.chosen));
    let local = |hour: usize| {
        let at = week.hours.instant(hour as i64).plus_minutes(i64::from(channel_draft.minute));
        week.client.zone.local(at).format("%a %Y-%m-%d %H:%M").to_string()
    };
    let only_in = |hours: &[usize], others: &[usize]| -> Vec<String> {
        hours.iter().filter(|hour| !others.contains(hour)).map(|hour| local(*hour)).collect()
    };
    WhyNot::Costs {
        objective,
        with_it: objective_with_hour,
        loss: (objective - objective_with_hour).max(0.0),
        gives_up: only_in(&planned.chosen, &with_hour.chosen),
        takes: only_in(&with_hour.chosen, &planned.chosen),
    }
}

/// Why a rule forbids an hour, and where the rule is set.
fn reason_and_source(
    explainer: &Explainer<'_>,
    week: &ClientWeek<'_>,
    channel_draft: &ChannelDraft<'_>,
    rule: HourRule,
    hour: usize,
) -> (String, String) {
    let of_channel = |key: &str| explainer.source(&format!("channels.{}.{key}", channel_draft.state.channel));
    let spacing = Spacing::from_hours(channel_draft.rules.min_spacing_hours);
    let clock_note = if spacing.whole_days().is_some() { ", counted on the client's clock" } else { "" };
    let (because, source) = match rule {
        HourRule::Past => {
            return ("it lies before the time from which the week was planned".to_owned(), "--now".to_owned());
        }
        HourRule::ClosedDay => {
            let day = channel_draft.hours.day(week, hour).and_then(|day| day.closed);
            let name = day.map_or("a closed day", |day| &*day.name);
            let source = day.map_or(Source::Scenario("calendar"), |day| explainer.day_source(day));
            (format!("nothing is posted that day: {name}"), source)
        }
        HourRule::ClosedHours => closed_hours(explainer, week, channel_draft, hour),
        HourRule::QuietHours => ("it lies in the channel's quiet hours".to_owned(), of_channel("quiet_hours")),
        HourRule::LastPost => {
            (format!("the last post is less than {spacing} before{clock_note}"), of_channel("min_spacing_hours"))
        }
        HourRule::CommittedPost => {
            (format!("a committed post is less than {spacing} away{clock_note}"), of_channel("min_spacing_hours"))
        }
    };
    (because, source.to_string())
}

/// Why no post may go out in an hour of a closed range, and where the range is set.
fn closed_hours(
    explainer: &Explainer<'_>,
    week: &ClientWeek<'_>,
    channel_draft: &ChannelDraft<'_>,
    hour: usize,
) -> (String, Source) {
    let wall = week.hours.hours().get(hour);
    let row = wall.and_then(|wall| closed_range(week, channel_draft.rules, *wall));
    let range = row.and_then(|row| channel_draft.rules.closed.get(row));
    let because =
        range.map_or_else(|| "it lies in closed hours".to_owned(), |range| format!("nothing is posted from {range}"));
    let step = row.and_then(|row| explainer.closed_ranges(channel_draft.state.channel).into_iter().nth(row));
    (because, step.map_or_else(|| explainer.source("calendar.closed"), |step| step.source))
}
