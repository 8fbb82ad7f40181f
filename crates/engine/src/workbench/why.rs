//! Explains results: the values and rules that a result depends on, each with its file and line.

use std::sync::Arc;

use serde::Serialize;

use super::answers::shown;
use super::situation::Situation;
use crate::model::{Channel, Severity};
use crate::planner::SlotEvaluation;
use crate::rules::{
    ChannelFacts, ClientFacts, ClosedPlace, CompiledRules, DraftRules, Facts, HOOKS, OverlayKey, PostFacts, Rules,
    SCORE_ASSET, Step, key_of_field,
};

/// One step of an explanation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Because {
    /// The step in words, with its numbers.
    pub says: String,
    /// The pack key that it comes from; empty if it comes from the case or a script.
    pub key: String,
    /// 0-based row of the key's list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    /// Side of a threshold that the case lies on: `true` at or above it, `false` below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_or_above: Option<bool>,
    /// File, as a path within the pack; `None` if it comes from none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Arc<str>>,
    /// 1-based line in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Explains the result of a key.
#[must_use]
pub fn why(rules: &CompiledRules, situation: &Situation, evaluation: &SlotEvaluation, key: &str) -> Vec<Because> {
    let client = situation.client();
    let campaign = evaluation.post.campaign_id.as_ref();
    let pack = rules.pack();
    let overlays = pack.overlay_key(&client.workspace_id, &client.id, campaign);
    let numbers = pack.rules_with(&overlays);
    let channel = situation.channel();
    let mut why =
        Why { rules, overlays, numbers: &numbers, evaluation, channel, day: situation.day(), steps: Vec::new() };
    why.of(key);
    why.steps
}

struct Why<'w> {
    rules: &'w CompiledRules,
    overlays: OverlayKey,
    numbers: &'w Rules,
    evaluation: &'w SlotEvaluation,
    channel: Channel,
    day: &'static str,
    steps: Vec<Because>,
}

/// Fields of scripts that hold values of pack keys if the client has no policy of its own.
const POLICY_FIELDS: [(&str, &str); 4] = [
    ("agent_enabled", "risk.default_policy.agent_enabled"),
    ("auto_exec_enabled", "risk.default_policy.auto_exec_enabled"),
    ("max_actions_per_day", "risk.default_policy.max_actions_per_day"),
    ("pause_on_high_warning", "risk.default_policy.pause_on_high_severity_warning"),
];

impl Why<'_> {
    fn of(&mut self, key: &str) {
        match key.split_once('.') {
            Some(("verdicts" | "reasons" | "remedies", guardrail)) => return self.verdict(guardrail),
            Some((kind @ ("signals" | "raised"), signal)) => return self.signal(signal, kind == "raised"),
            _ => {}
        }
        match key {
            "weekly_posts" => self.weekly_posts(),
            "priority" => self.priority(),
            "wait_hours" => {
                self.steps_at("fatigue.wait_hours", &self.numbers.fatigue.wait_hours, self.evaluation.ctx.fatigue);
            }
            "health" => self.health(),
            "health_level" => self.health_level(),
            "best_hours" => self.best_hours(),
            "closed_by" | "open_hours" => self.closed_by(),
            "minute" => {
                self.key("calendar.minute.mode", "whether the minute is the same for all");
                self.key("calendar.minute.at", "the minute of the hour where it is");
            }
            "planned" | "planned_posts" => self.planned(),
            "planned_with_asset" => {
                self.planned();
                self.key("assets.cooldown_hours", "an asset rests after its last use on the channel");
                self.key("assets.max_uses_per_week", "most uses of an asset a week");
            }
            "fatigue" => self.fatigue(),
            "response" => self.response(),
            "slot_value" => self.slot_value(),
            "expected_engagement" => {
                self.slot_value();
                self.quality();
                self.response();
            }
            "asset_usable" => self.key("assets.cooldown_hours", "an asset rests after its last use on the channel"),
            "asset_score" => self.asset_score(),
            "quality_factor" => self.quality(),
            "confidence" => self.confidence(),
            "risk" => self.risk(),
            "status" => self.status(),
            "approved_by" => {
                self.status();
                self.key("risk.review.second_person_for_high_risk", "whether high risk needs a second person");
            }
            "draft_until_hours" => self.number("calendar.drafts.late_hours", self.drafts().late_hours),
            "draft_tries" => self.number("calendar.drafts.attempts", f64::from(self.drafts().attempts)),
            "draft_waits_minutes" => {
                self.number("calendar.drafts.attempts", f64::from(self.drafts().attempts));
                self.number("calendar.drafts.retry_after_minutes", self.drafts().retry_after_minutes);
            }
            "daily_pass_every_hours" => {
                let hours = f64::from(self.rules.base().calendar.passes.daily_every_hours);
                self.number("calendar.passes.daily_every_hours", hours);
            }
            "weekly_pass" => {
                self.key("calendar.passes.weekly_day", "the day");
                self.key("calendar.passes.weekly_hour", "the hour");
                self.key("calendar.passes.time_zone", "the zone of the clock");
            }
            "true_score" | "true_score_low" | "true_score_high" => self.true_score(),
            _ => {}
        }
    }

    fn fact(&mut self, says: String) {
        self.steps.push(Because { says, key: String::new(), row: None, at_or_above: None, file: None, line: None });
    }

    fn key(&mut self, key: &str, says: &str) {
        self.keyed(key, None, None, format!("{key}: {says}"));
    }

    fn number(&mut self, key: &str, number: f64) {
        self.keyed(key, None, None, format!("{key} is {}", shown(number)));
    }

    fn threshold(&mut self, key: &str, limit: f64, at: f64) {
        let side = if at >= limit { "reached by" } else { "not reached by" };
        self.keyed(key, None, Some(at >= limit), format!("{key} is {}, {side} {}", shown(limit), shown(at)));
    }

    fn keyed(&mut self, key: &str, row: Option<usize>, at_or_above: Option<bool>, says: String) {
        let place = self.rules.pack().place_of_row(&self.overlays, key, row);
        let (file, line) = place.map_or((None, None), |(file, line)| (Some(file), Some(line)));
        self.steps.push(Because { says, key: key.to_owned(), row, at_or_above, file, line });
    }

    /// Adds every row of a step table, with the side of its threshold that the case lies on.
    fn steps_at(&mut self, key: &str, steps: &[Step], at: f64) {
        let holding = steps.iter().rposition(|step| at >= step.from);
        for (row, step) in steps.iter().enumerate() {
            let says = match holding == Some(row) {
                true => {
                    format!("{key}: from {} on {}, which {} reaches", shown(step.from), shown(step.then), shown(at))
                }
                false => format!("{key}: from {} on {}", shown(step.from), shown(step.then)),
            };
            self.keyed(key, Some(row), Some(at >= step.from), says);
        }
    }

    fn channel_key(&self, key: &str) -> String {
        format!("channels.{}.{key}", self.channel)
    }

    /// Adds a step if the pack defines a hook, and returns whether it does.
    fn hook(&mut self, name: &str) -> bool {
        let place = self.rules.place_of_function(name);
        let is_hook = HOOKS.iter().any(|hook| hook.name == name);
        if let (Some((file, line)), true) = (place, is_hook) {
            let says = format!("the pack's function `{name}` decides");
            let key = String::new();
            self.steps.push(Because { says, key, row: None, at_or_above: None, file: Some(file), line: Some(line) });
            return true;
        }
        false
    }

    fn weekly_posts(&mut self) {
        let wanted = f64::from(self.numbers.channel(self.channel).weekly_posts);
        self.number(&self.channel_key("weekly_posts"), wanted);
        if !self.hook("weekly_posts") {
            self.steps_at("fatigue.frequency", &self.numbers.fatigue.frequency, self.evaluation.ctx.fatigue);
        }
    }

    fn priority(&mut self) {
        self.number(&self.channel_key("priority"), self.numbers.channel(self.channel).priority);
        self.steps_at("fatigue.priority_loss", &self.numbers.fatigue.priority_loss, self.evaluation.post.fatigue);
        self.number("fatigue.priority_floor", self.numbers.fatigue.priority_floor);
    }

    fn health(&mut self) {
        let ctx = &self.evaluation.ctx;
        let parts = [1.0 - ctx.fatigue, ctx.momentum, ctx.visibility, ctx.engagement];
        for ((name, weight), part) in ["rested", "momentum", "visibility", "engagement"]
            .into_iter()
            .zip(self.numbers.fatigue.health_weights)
            .zip(parts)
        {
            let key = format!("fatigue.health_weights.{name}");
            self.keyed(&key, None, None, format!("{key} is {}, times {}", shown(weight), shown(part)));
        }
    }

    fn health_level(&mut self) {
        self.health();
        let (ctx, rules) = (&self.evaluation.ctx, &self.numbers.fatigue);
        let health = rules.health(ctx.fatigue, [ctx.momentum, ctx.visibility, ctx.engagement]);
        let (good, fair) = (rules.good_from, rules.fair_from);
        self.threshold("fatigue.health_levels.good_from", good, health);
        self.threshold("fatigue.health_levels.fair_from", fair, health);
    }

    fn best_hours(&mut self) {
        let part = if matches!(self.day, "saturday" | "sunday") { "weekend" } else { "weekday" };
        let own = self.channel_key(&format!("best_hours.{}", self.day));
        let has_own = self.rules.pack().place_of_row(&self.overlays, &own, None).is_some();
        let key = if has_own { own } else { self.channel_key(&format!("best_hours.{part}")) };
        self.key(&key, &format!("the best hours of a {}", self.day));
    }

    fn closed_by(&mut self) {
        self.key("calendar.holiday_posts", "whether anything is posted on holidays");
        for ClosedPlace { key, row, file, line } in self.rules.pack().closed_places(&self.overlays, self.channel) {
            let says = format!("{key}: hours in which nothing is posted");
            self.steps.push(Because {
                says,
                key,
                row: Some(row),
                at_or_above: None,
                file: Some(file),
                line: Some(line),
            });
        }
        for end in ["from", "to"] {
            self.key(&self.channel_key(&format!("quiet_hours.{end}")), "an end of the quiet hours");
        }
        let spacing = f64::from(self.numbers.channel(self.channel).min_spacing_hours);
        self.number(&self.channel_key("min_spacing_hours"), spacing);
    }

    fn planned(&mut self) {
        self.weekly_posts();
        self.closed_by();
        self.best_hours();
        self.slot_value();
        self.response();
        self.fatigue();
        self.key("fatigue.block_at", "no post is planned from here on");
        self.key("fatigue.end_weight_rounds", "how often the price of next week's fatigue is refined");
    }

    fn fatigue(&mut self) {
        let channel = self.numbers.channel(self.channel);
        self.fact(format!("fatigue as the week begins is {}", shown(self.evaluation.ctx.fatigue)));
        self.number(&self.channel_key("half_life_hours"), channel.half_life_hours);
        self.number(&self.channel_key("fatigue_per_post"), channel.fatigue_per_post);
    }

    fn response(&mut self) {
        let fatigue = &self.numbers.fatigue;
        self.threshold("fatigue.warn_at", fatigue.warn_at, self.evaluation.post.fatigue);
        self.number("fatigue.slope_below_warn", fatigue.slope_below_warn);
        if self.evaluation.post.fatigue >= fatigue.warn_at {
            self.number("fatigue.slope_above_warn", fatigue.slope_above_warn);
        }
    }

    fn slot_value(&mut self) {
        let value = &self.evaluation.value;
        self.fact(format!("audience {} times rate {}", shown(value.audience), shown(value.engagement_rate)));
        self.number(&self.channel_key("engagement_rate"), self.numbers.channel(self.channel).engagement_rate);
        if !self.hook("hour_weights") {
            self.best_hours();
            self.keyed(&self.channel_key("hour_lift"), None, None, format!("the hour counts {}", shown(value.hour)));
        }
        let weekday = self.channel_key(&format!("weekday_weights.{}", self.day));
        self.keyed(&weekday, None, None, format!("the weekday counts {}", shown(value.weekday)));
        let gain = self.channel_key("momentum_gain");
        self.keyed(&gain, None, None, format!("momentum counts {}", shown(value.momentum)));
        self.fact(format!("the campaign counts {}", shown(value.campaign)));
        for key in ["calendar.holiday_factor", "calendar.boost_factor"] {
            if (value.calendar - 1.0).abs() > f64::EPSILON {
                self.keyed(key, None, None, format!("the calendar counts {}", shown(value.calendar)));
            }
        }
    }

    fn quality(&mut self) {
        let assets = &self.numbers.assets;
        if self.evaluation.asset_usable {
            self.asset_score();
            self.number("assets.quality_at_0", assets.quality_at_0);
            self.number("assets.quality_at_100", assets.quality_at_100);
        } else {
            self.number("assets.quality_without_asset", assets.quality_without_asset);
        }
    }

    fn asset_score(&mut self) {
        if self.hook(SCORE_ASSET) {
            return;
        }
        const KEYS: [&str; 6] =
            ["base", "per_quality", "per_brand_consistency", "per_value", "per_impact", "made_for_channel"];
        let Some(points) = self.evaluation.points else {
            return self.fact("no asset can be used".to_owned());
        };
        for ((name, points), key) in points.into_iter().zip(KEYS) {
            let key = format!("assets.{key}");
            self.keyed(&key, None, None, format!("{key}: {} points for {name}", shown(points)));
        }
        let [.., (_, freshness), (_, recent)] = points;
        for row in 0..self.numbers.assets.freshness.len() {
            let says = format!("assets.freshness: {} points for its age", shown(freshness));
            self.keyed("assets.freshness", Some(row), None, says);
        }
        if !self.numbers.assets.recent_use_can_count() {
            return self.fact("recent use costs nothing: until the cooldown is over the asset does not run".to_owned());
        }
        for key in ["assets.recent_use", "assets.recent_use_days"] {
            self.keyed(key, None, None, format!("{key}: {} points for recent use", shown(recent)));
        }
    }

    fn confidence(&mut self) {
        if self.hook("confidence") {
            return;
        }
        let risk = &self.numbers.risk;
        let ctx = &self.evaluation.ctx;
        self.steps_at("risk.confidence", &risk.confidence, self.evaluation.facts.asset_score);
        self.threshold("risk.reality_confidence_below", risk.reality_confidence_below, ctx.reality_confidence);
        self.threshold("risk.reality_gap_above", risk.reality_gap_above, ctx.reality_gap);
        let steps = self.evaluation.post.confidence_steps.clone();
        for step in steps.iter().skip(1) {
            let key = match step.because {
                "no history on the channel" => "risk.minus_no_history",
                "low reality confidence" => "risk.minus_low_reality_confidence",
                "true and perceived performance apart" => "risk.minus_reality_gap",
                _ => "risk.minus_per_warning",
            };
            self.keyed(key, None, None, format!("{key}: {} for {}", shown(step.change), step.because));
        }
    }

    fn risk(&mut self) {
        self.confidence();
        let confidence = self.evaluation.post.confidence;
        self.threshold("risk.bands.low.from", self.numbers.risk.low_from, confidence);
        self.threshold("risk.bands.medium.from", self.numbers.risk.medium_from, confidence);
        for end in ["low.to", "medium.to", "high.from", "high.to"] {
            self.key(&format!("risk.bands.{end}"), "an end of a band, where the next begins");
        }
        for guardrail in &self.numbers.guardrails {
            let says =
                if guardrail.warn_raises_risk { "a warning of it raises the band" } else { "it leaves the band" };
            self.key(&format!("guardrails.{}.warn_raises_risk", guardrail.name), says);
        }
    }

    fn status(&mut self) {
        self.risk();
        self.key("risk.default_policy.auto_exec_enabled", "whether low risk runs by itself");
        let verdicts = self.evaluation.post.verdicts.clone();
        for verdict in verdicts.iter().filter(|verdict| verdict.outcome == crate::model::Outcome::Block) {
            self.verdict(&verdict.rule);
        }
    }

    /// The ledger uses the base rules, without overlays.
    fn drafts(&self) -> DraftRules {
        self.rules.base().calendar.drafts
    }

    fn true_score(&mut self) {
        self.number("early_warning.reality.middle", self.numbers.early_warning.reality_middle);
        self.number("early_warning.reality.band", self.numbers.early_warning.reality_band);
        let completeness = self.evaluation.reality.completeness;
        self.fact(format!("{} of the data was there", shown(completeness)));
    }

    fn signal(&mut self, signal: &str, is_raised: bool) {
        let Some(score) = self.evaluation.warning.matrix.iter().find(|score| &*score.signal == signal).cloned() else {
            return self.fact(format!("the pack has no signal `{signal}`"));
        };
        self.hook("signal_matrix");
        let reads = self.rules.reads("signal_matrix");
        self.facts_read(ClientFacts::PARAMETER, ClientFacts::fields(), &reads, &Arc::clone(&self.evaluation.client));
        if is_raised {
            self.threshold(&format!("early_warning.signals.{signal}"), score.threshold, score.score);
            self.threshold("early_warning.high_from", self.numbers.early_warning.high_from, score.score);
            let severity = score.severity.map_or("no", Severity::name);
            self.fact(format!("{signal} is {}: {severity} severity", shown(score.score)));
        }
    }

    fn verdict(&mut self, guardrail: &str) {
        let Some(verdict) = self.evaluation.post.verdicts.iter().find(|verdict| &*verdict.rule == guardrail).cloned()
        else {
            return self.key(&format!("guardrails.{guardrail}.enabled"), "the guardrail is switched off");
        };
        let reason = if verdict.reason.is_empty() { String::new() } else { format!(": {}", verdict.reason) };
        self.steps.push(Because {
            says: format!("{guardrail} answers {}{reason}", verdict.outcome.name()),
            key: String::new(),
            row: None,
            at_or_above: None,
            file: Some(Arc::clone(&verdict.file)),
            line: Some(verdict.line),
        });
        let reads = self.rules.reads(guardrail);
        self.facts_read(PostFacts::PARAMETER, PostFacts::fields(), &reads, &Arc::clone(&self.evaluation.facts));
        self.facts_read(ChannelFacts::PARAMETER, ChannelFacts::fields(), &reads, &Arc::clone(&self.evaluation.ctx));
        for field in &reads {
            let policy = POLICY_FIELDS.iter().find(|(name, _)| name == field).map(|(_, key)| (*key).to_owned());
            if let Some(key) = key_of_field(field, self.channel.name()).or(policy) {
                self.key(&key, &format!("what `{}.{field}` holds", ChannelFacts::PARAMETER));
            }
        }
        let params = self.numbers.guardrails.iter().find(|rules| &*rules.name == guardrail).map(|rules| &rules.params);
        for (param, number) in params.into_iter().flat_map(|params| params.iter()) {
            if reads.contains(param) {
                self.number(&format!("guardrails.{guardrail}.params.{param}"), *number);
            }
        }
        self.key(&format!("guardrails.{guardrail}.enabled"), "whether it is asked");
    }

    fn facts_read<T>(
        &mut self,
        view: &str,
        fields: &[crate::rules::Field<T>],
        reads: &std::collections::BTreeSet<String>,
        facts: &T,
    ) {
        let read = fields.iter().filter(|field| reads.contains(field.name));
        let said: Vec<String> = read.map(|field| format!("{view}.{} = {}", field.name, field.shown(facts))).collect();
        if !said.is_empty() {
            self.fact(format!("it reads {}", said.join(", ")));
        }
    }
}
