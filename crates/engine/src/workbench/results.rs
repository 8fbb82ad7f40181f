//! The results of a situation under a pack's rules, by the keys that test cases expect them under.

use std::fmt;

use super::week::{WeekPost, channel_hours_text, limit_names, limit_state, posts};
use crate::model::digits::decimal;
use crate::model::{ClientPlan, ScheduleStatus, Severity, WallHour};
use crate::planner::SlotEvaluation;
use crate::rules::{ClientRules, CompiledRules, Rules, day_name};

/// One result of a situation.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseResult {
    /// Its key in a case's `expect` table.
    pub key: String,
    /// Its value.
    pub value: ResultValue,
}

/// A value that a result has, or is expected to have.
#[derive(Debug, Clone, PartialEq)]
pub enum ResultValue {
    /// A floating-point number.
    Number(f64),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Bool(bool),
    /// A name or a text.
    Text(String),
    /// Hours of a day, `0..24`.
    Hours(Vec<u8>),
    /// Weekdays, in days since Monday, each with an hour.
    Times(Vec<(u8, u8)>),
    /// Posts of the week on several channels.
    Posts(Vec<WeekPost>),
}

impl fmt::Display for ResultValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResultValue::Number(number) => f.write_str(&decimal(*number)),
            ResultValue::Integer(whole) => write!(f, "{whole}"),
            ResultValue::Bool(flag) => write!(f, "{flag}"),
            ResultValue::Text(text) => write!(f, "\"{text}\""),
            ResultValue::Hours(hours) => write!(f, "{hours:?}"),
            ResultValue::Times(times) => {
                let time = |(day, hour): &(u8, u8)| format!("{{ day = \"{}\", hour = {hour} }}", day_name(*day));
                write!(f, "[{}]", times.iter().map(time).collect::<Vec<_>>().join(", "))
            }
            ResultValue::Posts(posts) => f.write_str(&channel_hours_text(posts.iter().map(WeekPost::channel_hour))),
        }
    }
}

/// All results of a situation. `client_rules` are the rules that apply to the client; `base_rules` are those without
/// overlays, which the ledger uses for drafts and passes.
#[must_use]
pub fn results(evaluation: &SlotEvaluation, client_rules: &ClientRules, base_rules: &Rules) -> Vec<CaseResult> {
    let mut results = Results(Vec::with_capacity(40));
    results.add_channel(evaluation, client_rules.base());
    results.add_post(evaluation);
    results.add_ledger(evaluation, client_rules.of(evaluation.post.campaign_id.as_ref()), base_rules);
    results.add_verdicts(evaluation);
    results.add_client(evaluation);
    results.0
}

/// The results of a planned week. `rules` are those that apply to the client.
pub(super) fn week_results(plan: &ClientPlan, pack: &CompiledRules, rules: &Rules) -> Vec<CaseResult> {
    let posts = CaseResult { key: "week".to_owned(), value: ResultValue::Posts(posts(plan)) };
    let limits = limit_names(pack).into_iter().filter_map(|name| {
        let value = ResultValue::Text(limit_state(plan, rules, &name)?.name().to_owned());
        Some(CaseResult { key: format!("limits.{name}"), value })
    });
    std::iter::once(posts).chain(limits).collect()
}

struct Results(Vec<CaseResult>);

impl Results {
    fn add(&mut self, key: impl Into<String>, value: ResultValue) {
        self.0.push(CaseResult { key: key.into(), value });
    }

    fn add_number(&mut self, key: &str, number: f64) {
        self.add(key, ResultValue::Number(number));
    }

    fn add_channel(&mut self, evaluation: &SlotEvaluation, rules: &Rules) {
        let ctx = &evaluation.ctx;
        let scores = [ctx.momentum, ctx.visibility, ctx.engagement];
        self.add("weekly_posts", ResultValue::Integer(i64::from(evaluation.weekly_posts)));
        self.add_number("wait_hours", rules.fatigue.recommended_wait_hours(ctx.fatigue));
        let health = rules.fatigue.health(ctx.fatigue, scores);
        self.add_number("health", health);
        self.add("health_level", ResultValue::Text(rules.fatigue.level(health).to_owned()));
        self.add("best_hours", ResultValue::Hours(evaluation.best_hours.clone()));
        self.add("open_hours", ResultValue::Hours(evaluation.open_hours.clone()));
        self.add("minute", ResultValue::Integer(i64::from(evaluation.minute)));
        let time = |wall: &WallHour| (wall.weekday, wall.hour);
        self.add("planned", ResultValue::Times(evaluation.planned.iter().map(time).collect()));
        self.add("planned_posts", ResultValue::Integer(evaluation.planned.len() as i64));
        self.add("planned_with_asset", ResultValue::Integer(evaluation.planned_with_asset as i64));
    }

    fn add_post(&mut self, evaluation: &SlotEvaluation) {
        let post = &evaluation.post;
        self.add_number("priority", post.priority);
        self.add("closed_by", ResultValue::Text(evaluation.closed_by.map_or("nothing", |rule| rule.name()).to_owned()));
        self.add_number("fatigue", post.fatigue);
        self.add_number("response", evaluation.response);
        self.add_number("slot_value", post.slot_value);
        self.add_number("expected_engagement", post.expected_engagement);
        self.add("asset_usable", ResultValue::Bool(evaluation.asset_usable));
        self.add_number("asset_score", evaluation.facts.asset_score);
        self.add_number("quality_factor", evaluation.quality_factor);
        self.add_number("cost", post.cost);
        self.add_number("net_worth", post.net_worth);
        self.add_number("confidence", post.confidence);
        self.add("risk", ResultValue::Text(post.risk.name().to_owned()));
        self.add("status", ResultValue::Text(post.status.name().to_owned()));
    }

    fn add_ledger(&mut self, evaluation: &SlotEvaluation, post_rules: &Rules, base_rules: &Rules) {
        let approver = match evaluation.post.status {
            ScheduleStatus::Pending if post_rules.risk.needs_second_person(evaluation.post.risk) => "somebody_else",
            ScheduleStatus::Pending => "anybody",
            _ => "nobody",
        };
        self.add("approved_by", ResultValue::Text(approver.to_owned()));
        let drafts = base_rules.calendar.drafts;
        self.add_number("draft_until_hours", drafts.late_hours);
        self.add("draft_tries", ResultValue::Integer(i64::from(drafts.attempts)));
        self.add_number("draft_waits_minutes", drafts.total_wait_minutes());
        let passes = &base_rules.calendar.passes;
        self.add("daily_pass_every_hours", ResultValue::Integer(i64::from(passes.daily_every_hours)));
        self.add("weekly_pass", ResultValue::Text(passes.weekly_pass_time()));
    }

    fn add_verdicts(&mut self, evaluation: &SlotEvaluation) {
        for verdict in &evaluation.post.verdicts {
            self.add(format!("verdicts.{}", verdict.rule), ResultValue::Text(verdict.outcome.name().to_owned()));
            self.add(format!("reasons.{}", verdict.rule), ResultValue::Text(verdict.reason.to_string()));
            self.add(format!("remedies.{}", verdict.rule), ResultValue::Text(verdict.remedy.to_string()));
        }
    }

    fn add_client(&mut self, evaluation: &SlotEvaluation) {
        for signal in &evaluation.warning.matrix {
            self.add_number(&format!("signals.{}", signal.signal), signal.score);
            let raised = signal.severity.map_or("no", Severity::name);
            self.add(format!("raised.{}", signal.signal), ResultValue::Text(raised.to_owned()));
        }
        self.add_number("true_score", evaluation.reality.estimated);
        self.add_number("true_score_low", evaluation.reality.low);
        self.add_number("true_score_high", evaluation.reality.high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_as_a_case_would_write_it() {
        assert_eq!(ResultValue::Times(vec![(4, 9)]).to_string(), "[{ day = \"friday\", hour = 9 }]");
        assert_eq!(ResultValue::Hours(vec![9, 13]).to_string(), "[9, 13]");
        assert_eq!(ResultValue::Text("pass".to_owned()).to_string(), "\"pass\"");
    }
}
