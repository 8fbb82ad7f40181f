//! Explains a result: the rules and values that it depends on, each with its file and line.

use std::sync::Arc;

use super::situation::Situation;
use super::week::is_of_week;
use super::week_explanation::week_explanation;
use crate::model::digits::decimal;
use crate::model::{ClientPlan, Outcome, Severity};
use crate::planner::{Explainer, ExplanationStep, SlotEvaluation, Source, StepRole, guardrail_input};
use crate::rules::{CONFIDENCE, ClientFacts, CompiledRules, Input, RulePlace, Rules, SCORE_ASSET, ThresholdRow};

/// The planner's evaluation of a case.
#[derive(Debug, Clone)]
pub struct CaseEvaluation {
    /// The evaluation of its post.
    pub slot: SlotEvaluation,
    /// The client's week on all channels; `None` if the case expects nothing of it.
    pub week: Option<ClientPlan>,
}

/// Explains the result with the given key in a situation.
#[must_use]
pub fn explanation(
    rules: &CompiledRules,
    situation: &Situation,
    evaluation: &CaseEvaluation,
    key: &str,
) -> Vec<ExplanationStep> {
    let CaseEvaluation { slot, week } = evaluation;
    if let Some(plan) = week.as_ref().filter(|_| is_of_week(key)) {
        return week_explanation(rules, situation, plan, key);
    }
    let explainer = Explainer::new(rules, situation.client(), slot.post.campaign_id.as_ref());
    let mut explanation = Explanation { rules, situation, evaluation: slot, explainer, steps: Vec::new() };
    explanation.explain(key);
    explanation.steps
}

/// What each result depends on in every situation: other results, and keys of the pack, which have a dot in their name.
/// `<channel>` is the channel of the post.
const PARTS: [(&str, &[&str]); 26] = [
    ("weekly_posts", &["channels.<channel>.weekly_posts"]),
    ("priority", &["channels.<channel>.priority", "fatigue.priority_floor"]),
    (
        "health",
        &[
            "fatigue.health_weights.rested",
            "fatigue.health_weights.momentum",
            "fatigue.health_weights.visibility",
            "fatigue.health_weights.engagement",
        ],
    ),
    ("health_level", &["health"]),
    (
        "closed_by",
        &[
            "calendar.holiday_posts",
            "channels.<channel>.quiet_hours.from",
            "channels.<channel>.quiet_hours.to",
            "channels.<channel>.min_spacing_hours",
        ],
    ),
    ("open_hours", &["closed_by"]),
    ("minute", &["calendar.minute.mode", "calendar.minute.at"]),
    (
        "planned",
        &[
            "weekly_posts",
            "closed_by",
            "best_hours",
            "slot_value",
            "response",
            "cost",
            "fatigue",
            "fatigue.block_at",
            "fatigue.end_weight_rounds",
            "calendar.keep_bonus",
        ],
    ),
    ("planned_posts", &["planned"]),
    ("planned_with_asset", &["planned", "assets.cooldown_hours", "assets.max_uses_per_week"]),
    ("slot_value", &["channels.<channel>.engagement_rate"]),
    ("fatigue", &["channels.<channel>.half_life_hours", "channels.<channel>.fatigue_per_post"]),
    ("expected_engagement", &["slot_value", "quality_factor", "response"]),
    ("net_worth", &["expected_engagement", "cost", "channels.<channel>.worth"]),
    ("asset_usable", &["assets.cooldown_hours"]),
    (
        "risk",
        &["confidence", "risk.bands.low.to", "risk.bands.medium.to", "risk.bands.high.from", "risk.bands.high.to"],
    ),
    ("status", &["risk", "risk.default_policy.auto_exec_enabled"]),
    ("approved_by", &["status", "risk.review.second_person_for_high_risk"]),
    ("true_score", &["early_warning.reality.middle", "early_warning.reality.band"]),
    ("true_score_low", &["true_score"]),
    ("true_score_high", &["true_score"]),
    ("draft_until_hours", &["calendar.drafts.late_hours"]),
    ("draft_tries", &["calendar.drafts.attempts"]),
    ("draft_waits_minutes", &["calendar.drafts.attempts", "calendar.drafts.retry_after_minutes"]),
    ("daily_pass_every_hours", &["calendar.passes.daily_every_hours"]),
    ("weekly_pass", &["calendar.passes.weekly_day", "calendar.passes.weekly_hour", "calendar.passes.time_zone"]),
];

/// Tables whose base values apply to every client, since the ledger uses no overlays.
const LEDGER_TABLES: [&str; 2] = ["calendar.drafts.", "calendar.passes."];

/// Fields of scripts, each with the key of the pack that its value comes from if the client has no policy of its own.
const POLICY_FIELDS: [(&str, &str); 4] = [
    ("ctx.agent_enabled", "risk.default_policy.agent_enabled"),
    ("ctx.auto_exec_enabled", "risk.default_policy.auto_exec_enabled"),
    ("ctx.max_actions_per_day", "risk.default_policy.max_actions_per_day"),
    ("ctx.pause_on_high_warning", "risk.default_policy.pause_on_high_severity_warning"),
];

struct Explanation<'w> {
    rules: &'w CompiledRules,
    situation: &'w Situation,
    evaluation: &'w SlotEvaluation,
    explainer: Explainer<'w>,
    steps: Vec<ExplanationStep>,
}

impl Explanation<'_> {
    fn explain(&mut self, key: &str) {
        match key.split_once('.') {
            Some(("verdicts" | "reasons" | "remedies", guardrail)) => return self.explain_verdict(guardrail),
            Some((kind @ ("signals" | "raised"), signal)) => return self.explain_signal(signal, kind == "raised"),
            _ => {}
        }
        let parts = PARTS.iter().filter(|(name, _)| *name == key).flat_map(|(_, parts)| *parts);
        for part in parts {
            if part.contains('.') { self.add_setting(part) } else { self.explain(part) }
        }
        let SlotEvaluation { ctx, post, .. } = self.evaluation;
        match key {
            "weekly_posts" => self.explain_weekly_posts(ctx.fatigue),
            "priority" => self.add_rows("fatigue.priority_loss", |rules| &rules.fatigue.priority_loss, post.fatigue),
            "wait_hours" => self.add_rows("fatigue.wait_hours", |rules| &rules.fatigue.wait_hours, ctx.fatigue),
            "health" => {
                let parts = [1.0 - ctx.fatigue, ctx.momentum, ctx.visibility, ctx.engagement].map(decimal);
                let [rested, momentum, visibility, engagement] = parts;
                self.add_fact(format!(
                    "rested {rested}, momentum {momentum}, visibility {visibility}, engagement {engagement}"
                ));
            }
            "health_level" => {
                let scores = [ctx.momentum, ctx.visibility, ctx.engagement];
                let health = self.explainer.effective.fatigue.health(ctx.fatigue, scores);
                self.add_threshold("fatigue.health_levels.good_from", health);
                self.add_threshold("fatigue.health_levels.fair_from", health);
            }
            "best_hours" => self.explain_best_hours(),
            "closed_by" => self.steps.extend(self.explainer.closed_ranges(self.situation.channel())),
            "fatigue" => self.add_fact(format!("fatigue at the start of the week is {}", decimal(ctx.fatigue))),
            "response" => self.steps.extend(self.explainer.response(post.channel, post.fatigue)),
            "slot_value" => self.explain_slot_value(),
            "asset_score" => self.explain_asset_score(),
            "quality_factor" => self.explain_quality_factor(),
            "cost" => self.explain_cost(),
            "confidence" => self.explain_confidence(),
            "risk" => self.explain_risk(),
            "status" => post.verdicts_of(Outcome::Block).for_each(|verdict| self.explain_verdict(&verdict.rule)),
            "true_score" => {
                let completeness = decimal(self.evaluation.reality.completeness);
                self.add_fact(format!("{completeness} of the data was available"));
            }
            _ => {}
        }
    }

    fn explain_weekly_posts(&mut self, fatigue: f64) {
        self.steps.extend(self.situation.hours().iter().flat_map(|hours| self.explainer.seasons(hours)));
        if !self.add_function("weekly_posts") {
            self.add_rows("fatigue.frequency", |rules| &rules.fatigue.frequency, fatigue);
        }
    }

    fn add_fact(&mut self, sentence: impl Into<String>) {
        self.steps.push(ExplanationStep::fact(sentence));
    }

    fn add_setting(&mut self, key: &str) {
        let key = key.replace("<channel>", self.situation.channel().name());
        let setting = if LEDGER_TABLES.iter().any(|table| key.starts_with(table)) {
            Explainer::base(self.rules).setting(&key)
        } else {
            self.explainer.setting(&key)
        };
        self.steps.extend(setting);
    }

    fn add_threshold(&mut self, key: &str, value: f64) {
        self.steps.extend(self.explainer.threshold(key, value));
    }

    fn add_rows(&mut self, key: &str, rows: fn(&Rules) -> &[ThresholdRow], value: f64) {
        self.steps.extend(self.explainer.threshold_rows(key, rows(&self.explainer.effective), value));
    }

    /// Adds a step for a function if the pack defines it, and returns whether it does.
    fn add_function(&mut self, name: &str) -> bool {
        let function = self.explainer.function(name);
        let is_defined = function.is_some();
        self.steps.extend(function);
        is_defined
    }

    fn explain_best_hours(&mut self) {
        let (channel, day) = (self.situation.channel(), self.situation.day());
        let part_of_week = if matches!(day, "saturday" | "sunday") { "weekend" } else { "weekday" };
        let key_of_day = format!("channels.{channel}.best_hours.{day}");
        match self.explainer.source(&key_of_day).place() {
            Some(_) => self.add_setting(&key_of_day),
            None => self.add_setting(&format!("channels.{channel}.best_hours.{part_of_week}")),
        }
    }

    fn explain_slot_value(&mut self) {
        let factors = &self.evaluation.value_parts;
        self.steps.extend_from_slice(factors);
        if !factors.iter().any(|step| step.name == "hour" && matches!(step.source, Source::Script(_))) {
            self.explain_best_hours();
        }
    }

    /// An explainer with the rules that apply to the asset's campaign, which may not be that of the post.
    fn explainer_of_asset(&self) -> Explainer<'_> {
        let client = self.situation.client();
        let asset = client.assets.first();
        Explainer::new(self.rules, client, asset.and_then(|asset| asset.campaign_id.as_ref()))
    }

    fn explain_quality_factor(&mut self) {
        if !self.evaluation.asset_usable {
            return self.steps.extend(self.explainer.quality_factor(false));
        }
        self.explain_asset_score();
        let steps = self.explainer_of_asset().quality_factor(true);
        let kind = self.situation.client().assets.first().map(|asset| &asset.kind);
        let by_type = kind.and_then(|kind| self.explainer.content_type(self.situation.channel(), kind));
        self.steps.extend(steps.into_iter().chain(by_type));
    }

    fn explain_cost(&mut self) {
        let usable = self.situation.client().assets.first().filter(|_| self.evaluation.asset_usable);
        let work = match usable {
            Some(asset) => self.explainer_of_asset().work_cost(Some(&asset.kind)),
            None => self.explainer.work_cost(None),
        };
        let leaving = self.situation.channel_state().map(|state| self.explainer.leaving_cost(state));
        self.steps.extend(work.into_iter().chain(leaving.into_iter().flatten()));
    }

    fn explain_asset_score(&mut self) {
        if self.add_function(SCORE_ASSET) {
            return;
        }
        let Some(points) = self.evaluation.points else {
            return self.add_fact("no asset can be used");
        };
        let explainer = self.explainer_of_asset();
        let assets = &explainer.effective.assets;
        let mut steps = Vec::new();
        for step in explainer.asset_score(&points) {
            match step.source.key() {
                key @ "assets.freshness" => steps.extend(
                    (0..assets.freshness.len())
                        .map(|row| ExplanationStep { source: explainer.row_source(key, Some(row)), ..step.clone() }),
                ),
                "assets.recent_use" if !assets.recent_use_can_count() => steps.push(ExplanationStep::fact(
                    "recent use has no effect: the asset cannot be used until its cooldown is over",
                )),
                "assets.recent_use" => {
                    steps.push(step);
                    steps.extend(explainer.setting("assets.recent_use_days"));
                }
                _ => steps.push(step),
            }
        }
        self.steps.extend(steps);
    }

    fn explain_confidence(&mut self) {
        if self.add_function(CONFIDENCE) {
            return;
        }
        let SlotEvaluation { ctx, facts, post, .. } = self.evaluation;
        self.add_rows("risk.confidence", |rules| &rules.risk.confidence, facts.asset_score);
        self.add_threshold("risk.reality_confidence_below", ctx.reality_confidence);
        self.add_threshold("risk.reality_gap_above", ctx.reality_gap);
        let steps = self.explainer.confidence(facts.asset_score, &post.confidence_steps);
        self.steps.extend(steps.into_iter().skip(1));
    }

    fn explain_risk(&mut self) {
        let confidence = self.evaluation.post.confidence;
        self.add_threshold("risk.bands.low.from", confidence);
        self.add_threshold("risk.bands.medium.from", confidence);
        let names: Vec<Arc<str>> = self.explainer.effective.guardrails.iter().map(|rules| rules.name.clone()).collect();
        for name in names {
            self.add_setting(&format!("guardrails.{name}.warn_raises_risk"));
        }
    }

    fn explain_signal(&mut self, signal: &str, with_severity: bool) {
        let SlotEvaluation { warning, facts, ctx, client, .. } = self.evaluation;
        let Some(score) = warning.matrix.iter().find(|score| &*score.signal == signal) else {
            return self.add_fact(format!("the pack has no signal `{signal}`"));
        };
        self.add_function("signal_matrix");
        let input = Input { client: ClientFacts::clone(client), ..Input::of_post((**facts).clone(), (**ctx).clone()) };
        let fields = self.rules.inputs_of_parameters("signal_matrix");
        self.steps.extend(self.explainer.inputs(fields, &input));
        if with_severity {
            self.add_threshold(&format!("early_warning.signals.{signal}"), score.score);
            self.add_threshold("early_warning.high_from", score.score);
            let severity = score.severity.map_or("no", Severity::name);
            self.add_fact(format!("{signal} is {}: {severity} severity", decimal(score.score)));
        }
    }

    fn explain_verdict(&mut self, guardrail: &str) {
        let SlotEvaluation { post, facts, ctx, .. } = self.evaluation;
        let enabled = format!("guardrails.{guardrail}.enabled");
        let Some(verdict) = post.verdicts.iter().find(|verdict| &*verdict.rule == guardrail) else {
            return self.add_setting(&enabled);
        };
        let reason = if verdict.reason.is_empty() { String::new() } else { format!(": {}", verdict.reason) };
        let sentence = format!("{guardrail} answers {}{reason}", verdict.outcome.name());
        let source = Source::Script(RulePlace { file: verdict.file.clone(), line: verdict.line });
        self.steps.push(ExplanationStep::new(sentence, StepRole::Fact, source));
        for read in self.explainer.verdict(verdict, &guardrail_input(post, guardrail, facts, ctx)).reads {
            let policy = POLICY_FIELDS.iter().find(|(name, _)| *name == read.name);
            self.steps.push(read);
            if let Some((_, key)) = policy {
                self.add_setting(key);
            }
        }
        self.add_setting(&enabled);
    }
}
