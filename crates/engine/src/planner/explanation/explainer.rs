//! Explains numbers by naming the rules that they come from.

use std::sync::Arc;

use serde::Serialize;

use super::step::{ExplanationStep, Source, StepEstimate, StepRole, inputs};
use crate::agents::ClientWeek;
use crate::agents::creative_director::AssetPoints;
use crate::model::digits::short;
use crate::model::{
    CalendarEntry, CampaignId, Channel, ChannelState, Client, ConfidenceCause, ConfidenceStep, DayKind,
    FatigueResponse, HOURS_PER_BIN, Outcome, Post, RiskBand, SaturatingResponse, Verdict, WallHour, WeekHours,
    WorldEstimate, WorldParameter, wall_time_text,
};
use crate::planner::channel::ChannelDraft;
use crate::planner::hours::{HourFactor, hour_value, weight_by_script};
use crate::planner::seasons::covers_an_hour;
use crate::rules::{
    CONFIDENCE, ChannelFacts, CompiledRules, Counterfactual, Evaluator, Facts, GuardrailRules, Input, InputField,
    OverlayKey, PostFacts, RowPlace, RuleFailure, RulePlace, Rules, Season, ThresholdRow, day_name,
};

/// A guardrail's verdict with the inputs that it depends on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictExplanation {
    /// The verdict.
    pub verdict: Arc<Verdict>,
    /// The fields and pack parameters that the guardrail reads, each with its value.
    #[serde(serialize_with = "inputs")]
    pub reads: Vec<ExplanationStep>,
    /// For each input that the guardrail reads, the nearest value that would change the verdict.
    #[serde(rename = "flips")]
    pub counterfactuals: Vec<Counterfactual>,
}

/// A threshold between two risk bands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BandThreshold {
    /// The band on the other side of the threshold, before any guardrail raises it.
    pub band: RiskBand,
    /// The threshold, a confidence in `0..=1`.
    #[serde(rename = "edge")]
    pub threshold: f64,
    /// Absolute difference between the threshold and the confidence.
    pub distance: f64,
    /// Where the threshold is set.
    pub source: Source,
}

/// Explains numbers by the rules of one client, or of one of its campaigns.
pub(crate) struct Explainer<'r> {
    rules: &'r CompiledRules,
    overlays: OverlayKey,
    /// The client's estimates from a calibration.
    world: &'r [WorldEstimate],
    /// The rules that apply, overlays included.
    pub effective: Arc<Rules>,
}

impl<'r> Explainer<'r> {
    pub fn new(rules: &'r CompiledRules, client: &'r Client, campaign: Option<&CampaignId>) -> Self {
        let (workspace, id) = (&client.workspace_id, &client.id);
        let overlays = rules.pack().overlay_key(workspace, id, campaign);
        Self { rules, overlays, world: &client.world, effective: rules.effective(workspace, id, campaign) }
    }

    /// Explains numbers by the base rules, without overlays.
    pub fn base(rules: &'r CompiledRules) -> Self {
        Self { rules, overlays: OverlayKey::default(), world: &[], effective: rules.base() }
    }

    /// Where a key of the pack is set; for a table, where its first key is set.
    pub fn source(&self, key: &str) -> Source {
        self.row_source(key, None)
    }

    /// Where a row of a key's list is set.
    pub fn row_source(&self, key: &str, row: Option<usize>) -> Source {
        let place = self.rules.pack().place_of_row(&self.overlays, key, row).map(RulePlace::from);
        Source::Rule { key: key.to_owned(), row, place }
    }

    /// Where a special day is defined.
    pub fn day_source(&self, day: &CalendarEntry) -> Source {
        let place = self.rules.pack().place_of_day(&self.overlays, day).map(RulePlace::from);
        let rule = |place| Source::Rule { key: "calendar.days".to_owned(), row: None, place: Some(place) };
        place.map_or(Source::Scenario("calendar"), rule)
    }

    /// A key of the pack with its value; `None` if the pack does not set it.
    pub fn setting(&self, key: &str) -> Option<ExplanationStep> {
        let setting = self.rules.pack().setting_with(&self.overlays, key)?;
        Some(ExplanationStep::new(key, StepRole::Setting(setting.value.clone()), self.source(key)))
    }

    /// A threshold of the pack, and the value that is compared with it; `None` if the pack does not set the threshold.
    pub fn threshold(&self, key: &str, value: f64) -> Option<ExplanationStep> {
        let threshold = self.rules.pack().setting_with(&self.overlays, key)?.value.as_number()?;
        Some(ExplanationStep::new(key, StepRole::Threshold { threshold, value }, self.source(key)))
    }

    /// Every row of a table with a threshold in each row, and the value that is compared with the thresholds.
    pub fn threshold_rows(&self, key: &str, rows: &[ThresholdRow], value: f64) -> Vec<ExplanationStep> {
        let applying = applying_row(rows, value);
        let step = |(index, row): (usize, &ThresholdRow)| {
            let role = StepRole::Row { row: *row, value, applies: applying == Some(index) };
            ExplanationStep::new(key, role, self.row_source(key, Some(index)))
        };
        rows.iter().enumerate().map(step).collect()
    }

    /// A function of the pack that decides in place of keys; `None` if the pack does not define it.
    pub fn function(&self, name: &str) -> Option<ExplanationStep> {
        let source = Source::Script(self.rules.place_of_function(name)?.into());
        Some(ExplanationStep::new(format!("the pack's function `{name}` decides"), StepRole::Fact, source))
    }

    /// The ranges in which a channel is closed, in the order of its rules.
    pub fn closed_ranges(&self, channel: Channel) -> Vec<ExplanationStep> {
        let places = self.rules.pack().closed_places(&self.overlays, channel).into_iter();
        let step = |place: RowPlace| {
            let sentence = format!("{}: hours in which nothing is posted", place.key);
            let rule_place = Some(RulePlace { file: place.file, line: place.line });
            let source = Source::Rule { key: place.key, row: Some(place.row), place: rule_place };
            ExplanationStep::new(sentence, StepRole::Fact, source)
        };
        places.map(step).collect()
    }

    /// The factors of the seasons that cover hours of a week.
    pub fn seasons(&self, hours: &WeekHours) -> Vec<ExplanationStep> {
        let places = self.rules.pack().season_places(&self.overlays);
        let applying =
            self.effective.calendar.seasons.iter().zip(places).filter(|(season, _)| covers_an_hour(season, hours));
        let step = |(season, place): (&Season, RowPlace)| {
            let [from, to] = [season.from, season.to].map(wall_time_text);
            let source = Source::Rule {
                key: place.key,
                row: Some(place.row),
                place: Some(RulePlace { file: place.file, line: place.line }),
            };
            ExplanationStep::new(format!("season from {from} to {to}"), StepRole::Factor(season.posts), source)
        };
        applying.map(step).collect()
    }

    /// The interval of an estimate of a parameter, in the unit that `factor` converts to.
    fn estimate(&self, channel: Channel, parameter: &WorldParameter, factor: f64) -> Option<StepEstimate> {
        let is_of = |estimate: &&WorldEstimate| estimate.channel == channel && estimate.parameter == *parameter;
        self.world.iter().find(is_of).map(|estimate| StepEstimate::scaled(estimate, factor))
    }

    /// The factors of the value of a post of a campaign at an hour; `None` if the week has no such hour.
    pub(in crate::planner) fn slot_value(
        &self,
        week: &ClientWeek<'_>,
        channel_draft: &ChannelDraft<'_>,
        hour: usize,
        campaign: Option<&CampaignId>,
    ) -> Option<Vec<ExplanationStep>> {
        let ChannelDraft { state, rules, hours, hour_weights, .. } = channel_draft;
        let (wall, day, weights) = (*week.hours.hours().get(hour)?, hours.day(week, hour)?, hour_weights.as_deref());
        let value = hour_value(state, rules, wall, day, weights);
        let factors = value.factors().into_iter().flat_map(|(factor, number)| match factor {
            HourFactor::Campaign => {
                let source = Source::Campaign(campaign.cloned());
                vec![factor_step(factor, day.weight_of(campaign), source)]
            }
            HourFactor::Calendar if !day.special_days.is_empty() => {
                let of_day = |day: &&CalendarEntry| factor_step(factor, self.factor_of(day), self.factor_source(day));
                day.special_days.iter().map(of_day).collect()
            }
            _ => {
                let source = self.hour_source(factor, state, weights, wall);
                vec![factor_step(factor, number, source).with_estimate(self.hour_estimate(factor, state, wall))]
            }
        });
        Some(factors.collect())
    }

    /// Where a factor of an hour's value comes from.
    fn hour_source(
        &self,
        factor: HourFactor,
        state: &ChannelState,
        weights: Option<&[Option<f64>]>,
        wall: WallHour,
    ) -> Source {
        let channel_source = |key: &str| self.source(&format!("channels.{}.{key}", state.channel));
        match (factor, factor.key()) {
            (HourFactor::Audience, _) => Source::Scenario("channels.audience"),
            (HourFactor::EngagementRate, _) if state.engagement_rate.is_some() => {
                Source::Scenario("channels.avg_engagement_rate")
            }
            (HourFactor::Hour, Some(key)) => {
                let function = weight_by_script(weights, wall).and_then(|_| self.function("hour_weights"));
                function.map_or_else(|| channel_source(key), |function| function.source)
            }
            (HourFactor::Weekday, Some(key)) => channel_source(&format!("{key}.{}", day_name(wall.weekday))),
            (_, Some(key)) => channel_source(key),
            (_, None) => Source::Scenario("calendar"),
        }
    }

    /// What a calibration estimates for a factor of an hour's value.
    fn hour_estimate(&self, factor: HourFactor, state: &ChannelState, wall: WallHour) -> Option<StepEstimate> {
        // A level is a number of engagements; an engagement rate is one for each person of the audience.
        let (parameter, unit) = match factor {
            HourFactor::EngagementRate => (WorldParameter::Level, 1.0 / state.audience.max(f64::MIN_POSITIVE)),
            HourFactor::Hour => (WorldParameter::Hours(usize::from(wall.hour) / HOURS_PER_BIN as usize), 1.0),
            HourFactor::Weekday => (WorldParameter::Weekday(usize::from(wall.weekday)), 1.0),
            _ => return None,
        };
        self.estimate(state.channel, &parameter, unit)
    }

    fn factor_of(&self, day: &CalendarEntry) -> f64 {
        self.effective.calendar.factor_of(day)
    }

    fn factor_source(&self, day: &CalendarEntry) -> Source {
        match (day.factor, day.kind) {
            (None, DayKind::Holiday) => self.source("calendar.holiday_factor"),
            (None, DayKind::Boost) => self.source("calendar.boost_factor"),
            _ => self.day_source(day),
        }
    }

    /// The components of an asset's score.
    pub fn asset_score(&self, points: &[AssetPoints]) -> Vec<ExplanationStep> {
        let step =
            |part: &AssetPoints| ExplanationStep::new(part.name, StepRole::Points(part.points), self.source(part.key));
        points.iter().map(step).collect()
    }

    /// The numbers that give the factor on engagement from the asset's score, or from having no asset.
    pub fn quality_factor(&self, has_asset: bool) -> Vec<ExplanationStep> {
        let keys: &[&str] = match has_asset {
            true => &["assets.quality_at_0", "assets.quality_at_100"],
            false => &["assets.quality_without_asset"],
        };
        keys.iter().filter_map(|key| self.setting(key)).collect()
    }

    /// The factor of a content type on a channel; `None` if neither the rules nor an estimate give one.
    pub fn content_type(&self, channel: Channel, kind: &str) -> Option<ExplanationStep> {
        let factors = &self.effective.channel(channel).content_types;
        let estimate = self.estimate(channel, &WorldParameter::ContentType(kind.into()), 1.0);
        if !factors.contains_key(kind) && estimate.is_none() {
            return None;
        }
        let factor = StepRole::Factor(factors.get(kind).copied().unwrap_or(1.0));
        let source = self.source(&format!("channels.{channel}.content_types.{kind}"));
        Some(ExplanationStep::new(format!("content type {kind}"), factor, source).with_estimate(estimate))
    }

    /// The factors whose product is the cost of the audience members who unsubscribe or unfollow because of a post;
    /// empty if that cost is 0.
    pub fn leaving_cost(&self, state: &ChannelState) -> Vec<ExplanationStep> {
        let rules = self.effective.channel(state.channel);
        if rules.leaving_cost(state.audience) == 0.0 {
            return Vec::new();
        }
        let channel_source = |key: &str| self.source(&format!("channels.{}.{key}", state.channel));
        let step = |name: &str, factor, source| ExplanationStep::new(name, StepRole::Factor(factor), source);
        vec![
            step("audience", state.audience, Source::Scenario("channels.audience")),
            step("share that leaves at a post", rules.leave_per_post, channel_source("leave_per_post")),
            step("worth of one person", rules.person_worth, channel_source("person_worth")),
        ]
    }

    /// The factors whose product is the cost of the work on a post; empty if that cost is 0. `kind` is the content type
    /// of the post's asset, `None` if it has no asset.
    pub fn work_cost(&self, kind: Option<&str>) -> Vec<ExplanationStep> {
        let assets = &self.effective.assets;
        if assets.work_cost(kind) == 0.0 {
            return Vec::new();
        }
        let listed_kind = kind.filter(|kind| assets.cost_hours.contains_key(*kind));
        let otherwise = || "assets.cost_hours_otherwise".to_owned();
        let key = listed_kind.map_or_else(otherwise, |kind| format!("assets.cost_hours.{kind}"));
        let hours = StepRole::Factor(assets.hours_of_work(kind));
        let per_hour = StepRole::Factor(assets.cost_per_hour);
        let name = format!("hours of work on one {}", kind.unwrap_or("asset"));
        vec![
            ExplanationStep::new(name, hours, self.source(&key)),
            ExplanationStep::new("cost of an hour", per_hour, self.source("assets.cost_per_hour")),
        ]
    }

    /// The numbers that give the factor on engagement for a fatigue on a channel.
    pub fn response(&self, channel: Channel, fatigue: f64) -> Vec<ExplanationStep> {
        match self.effective.response(channel) {
            FatigueResponse::Linear(_) => self.linear_response(fatigue),
            FatigueResponse::Saturating(response) => self.saturating_response(channel, fatigue, response),
        }
    }

    fn saturating_response(
        &self,
        channel: Channel,
        fatigue: f64,
        response: SaturatingResponse,
    ) -> Vec<ExplanationStep> {
        let SaturatingResponse { fatigue_per_post, strength } = response;
        let [fatigue, fatigue_per_post, strength] = [fatigue, fatigue_per_post, strength].map(short);
        let power = format!("(1 + {fatigue} / {fatigue_per_post})^-{strength}");
        let formula = format!("fatigue.response is \"saturating\": a post earns {power} of its value");
        let formula = ExplanationStep::new(formula, StepRole::Fact, self.source("fatigue.response"));
        let setting = |key: &str| self.setting(&format!("channels.{channel}.{key}"));
        let estimate = self.estimate(channel, &WorldParameter::ResponseStrength, 1.0);
        let strength = setting("response_strength").map(|step| step.with_estimate(estimate));
        std::iter::once(formula).chain(setting("fatigue_per_post")).chain(strength).collect()
    }

    fn linear_response(&self, fatigue: f64) -> Vec<ExplanationStep> {
        let is_above_warn = fatigue >= self.effective.fatigue.warn_at;
        let above = self.setting("fatigue.slope_above_warn").filter(|_| is_above_warn);
        let below = self.setting("fatigue.slope_below_warn");
        self.threshold("fatigue.warn_at", fatigue).into_iter().chain(below).chain(above).collect()
    }

    /// The steps of the confidence in a post, given the score of its asset, which is 0 without an asset.
    pub fn confidence(&self, asset_score: f64, steps: &[ConfidenceStep]) -> Vec<ExplanationStep> {
        let row = applying_row(&self.effective.risk.confidence, asset_score);
        let source = |cause: ConfidenceCause| match cause {
            ConfidenceCause::Function => self.function(CONFIDENCE).map_or(Source::Facts, |function| function.source),
            ConfidenceCause::AssetScore => self.row_source(key_of_cause(cause), row),
            _ => self.source(key_of_cause(cause)),
        };
        steps.iter().map(|step| confidence_step(*step, source(step.cause))).collect()
    }

    /// The thresholds between risk bands, the nearest to the confidence first.
    pub fn band_thresholds(&self, confidence: f64) -> Vec<BandThreshold> {
        let risk = &self.effective.risk;
        let band_threshold = |(band, threshold): (RiskBand, f64)| BandThreshold {
            band: if confidence >= threshold { band.raised() } else { band },
            threshold,
            distance: (confidence - threshold).abs(),
            source: self.source(&format!("risk.bands.{band}.from")),
        };
        let mut thresholds = [(RiskBand::Low, risk.low_from), (RiskBand::Medium, risk.medium_from)].map(band_threshold);
        thresholds.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        thresholds.into()
    }

    /// A verdict with the inputs that the guardrail reads, without counterfactuals.
    pub fn verdict(&self, verdict: &Arc<Verdict>, input: &Input) -> VerdictExplanation {
        let rule = &*verdict.rule;
        let names = self.rules.reads(rule);
        let params = self.guardrail(rule).into_iter().flat_map(|guardrail| &*guardrail.params);
        let params = params.filter(|(param, _)| names.contains(*param)).map(|(param, number)| {
            let name = format!("{}.params.{param}", ChannelFacts::PARAMETER);
            let source = self.source(&format!("guardrails.{rule}.params.{param}"));
            ExplanationStep::new(name, StepRole::Input(number.to_string()), source)
        });
        let reads = self.inputs(self.rules.inputs(rule), input).into_iter().chain(params).collect();
        VerdictExplanation { verdict: Arc::clone(verdict), reads, counterfactuals: Vec::new() }
    }

    /// Fields that a script reads, with their values in an input.
    pub fn inputs(&self, fields: Vec<InputField>, input: &Input) -> Vec<ExplanationStep> {
        let step = |field: InputField| {
            let source = field.key(&input.ctx.channel).map_or(Source::Facts, |key| self.source(&key));
            ExplanationStep::new(field.name(), StepRole::Input(field.value_in(input).to_string()), source)
        };
        fields.into_iter().map(step).collect()
    }

    /// The nearest changes of a guardrail's input that would change its verdict.
    pub fn counterfactuals(
        &self,
        evaluator: &mut Evaluator,
        rule: &str,
        input: &Input,
    ) -> Result<Vec<Counterfactual>, RuleFailure> {
        let Some(guardrail) = self.guardrail(rule) else { return Ok(Vec::new()) };
        self.rules.counterfactuals(evaluator, guardrail, input, &self.overlays)
    }

    fn guardrail(&self, name: &str) -> Option<&GuardrailRules> {
        self.effective.guardrails.iter().find(|guardrail| &*guardrail.name == name)
    }
}

fn factor_step(factor: HourFactor, number: f64, source: Source) -> ExplanationStep {
    ExplanationStep::new(factor.name(), StepRole::Factor(number), source)
}

/// The input of a guardrail: the facts of the post, with the number of warnings by the guardrails before it.
pub(crate) fn guardrail_input(post: &Post, rule: &str, facts: &PostFacts, ctx: &ChannelFacts) -> Input {
    let earlier = post.verdicts.iter().take_while(|verdict| &*verdict.rule != rule);
    let warnings = earlier.filter(|verdict| verdict.outcome == Outcome::Warn).count() as i64;
    Input::of_post(PostFacts { warnings, ..facts.clone() }, ctx.clone())
}

/// The key or function of the pack that sets how much a cause changes the confidence.
pub(super) const fn key_of_cause(cause: ConfidenceCause) -> &'static str {
    match cause {
        ConfidenceCause::AssetScore => "risk.confidence",
        ConfidenceCause::NoHistory => "risk.minus_no_history",
        ConfidenceCause::LowRealityConfidence => "risk.minus_low_reality_confidence",
        ConfidenceCause::RealityGap => "risk.minus_reality_gap",
        ConfidenceCause::Warnings => "risk.minus_per_warning",
        ConfidenceCause::Function => CONFIDENCE,
    }
}

/// A step of a confidence with its source.
pub(super) fn confidence_step(step: ConfidenceStep, source: Source) -> ExplanationStep {
    ExplanationStep::new(step.cause.name(), StepRole::Change(step.change), source)
}

/// Index of the row that applies at a value; `None` if the value reaches no row's threshold.
fn applying_row(rows: &[ThresholdRow], value: f64) -> Option<usize> {
    rows.iter().rposition(|row| value >= row.threshold)
}
