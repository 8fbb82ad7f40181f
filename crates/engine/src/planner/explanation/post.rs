//! Explains a planned post: its hour, its asset, its confidence and its guardrail verdicts.
//!
//! Nothing is stored for this: planning is deterministic, so the client's week is planned again and the intermediate
//! results are read.

use std::sync::Arc;

use serde::Serialize;

use super::explainer::{BandThreshold, Explainer, VerdictExplanation, guardrail_input};
use super::step::{ExplanationStep, Source, changes, components};
use crate::agents::creative_director::points;
use crate::agents::{ClientWeek, scaling};
use crate::diagnostic::nearest;
use crate::model::{
    CampaignId, Channel, Client, ClientId, ClientPlan, ClientState, HOUR_SECONDS, LimitQuota, Post, Reason, RiskBand,
    Scenario, ScheduleStatus, Timestamp, Week,
};
use crate::planner::around_guardrails::draft_week;
use crate::planner::channel::{ChannelDraft, WorkerContext};
use crate::planner::draft::Draft;
use crate::planner::reviews::WithoutReview;
use crate::planner::week::{ClientInput, PlanningContext};
use crate::planner::{PlanError, Planner};
use crate::rules::{PostFacts, RuleFailure, SCORE_ASSET};

/// How every number and decision of one post came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PostExplanation {
    /// The client.
    pub client_id: ClientId,
    /// The channel.
    pub channel: Channel,
    /// Publication time on the client's clock.
    pub local_time: String,
    /// Publication time in UTC.
    pub scheduled_for: String,
    /// Schedule status of the post.
    pub status: ScheduleStatus,
    /// Why the post is blocked; `None` if it is not.
    pub blocked: Option<Arc<Reason>>,
    /// The factors whose product is `slot_value`.
    #[serde(serialize_with = "components")]
    pub value_parts: Vec<ExplanationStep>,
    /// Value of the hour with the weight of the post's campaign: expected engagements at quality factor 1 and without
    /// fatigue.
    pub slot_value: f64,
    /// Number of allowed hours of the week with a higher value, fatigue aside.
    pub better_hours: usize,
    /// Number of allowed hours of the week.
    pub allowed_hours: usize,
    /// Fatigue of the channel at the hour, before the post adds its own.
    pub fatigue: f64,
    /// The numbers that give `response` at that fatigue.
    pub response_parts: Vec<ExplanationStep>,
    /// Factor on engagement at that fatigue.
    pub response: f64,
    /// The asset used; `None` if the post has none.
    pub asset: Option<AssetExplanation>,
    /// The numbers that give `quality_factor`.
    pub quality_parts: Vec<ExplanationStep>,
    /// Factor on engagement from the asset's quality, or from having no asset.
    pub quality_factor: f64,
    /// `slot_value` · `quality_factor` · `response`.
    pub expected_engagement: f64,
    /// Worth of one engagement on the channel, relative to other channels.
    pub worth: f64,
    /// The factors whose product is the cost of the work on the post; empty if that cost is 0.
    #[serde(serialize_with = "components")]
    pub work_cost_parts: Vec<ExplanationStep>,
    /// The factors whose product is the cost of the audience members who unsubscribe or unfollow because of the post;
    /// empty if that cost is 0.
    #[serde(serialize_with = "components")]
    pub leaving_cost_parts: Vec<ExplanationStep>,
    /// The sum of both costs, in the unit of worth.
    pub cost: f64,
    /// `expected_engagement` · `worth` - `cost`.
    pub net_worth: f64,
    /// The guardrails' verdicts, in the rules' order.
    pub verdicts: Vec<VerdictExplanation>,
    /// The steps that add up to the confidence.
    #[serde(serialize_with = "changes")]
    pub confidence_steps: Vec<ExplanationStep>,
    /// The sum of these steps, clamped to `0..=1`.
    pub confidence: f64,
    /// The risk band.
    pub risk: RiskBand,
    /// Where the threshold of the risk band is set.
    pub risk_source: Source,
    /// Thresholds of the other bands, the nearest to the confidence first.
    #[serde(rename = "risk_turns")]
    pub band_thresholds: Vec<BandThreshold>,
    /// Priority for scarce capacity (slots of a full day, reviewers' time); higher wins.
    pub priority: f64,
}

/// Score of the asset used, and how many assets score higher.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssetExplanation {
    /// Id of the asset used: a root asset, a variation or an evolution step.
    pub asset_id: String,
    /// Id of the root asset of its family.
    pub family: String,
    /// Points by component; empty if a script computes the score.
    #[serde(serialize_with = "components")]
    pub parts: Vec<ExplanationStep>,
    /// Total score, `0..=100`.
    pub score: f64,
    /// Number of assets with a higher score that the channel can use this week.
    pub better: usize,
    /// Number of assets that the channel can use this week.
    pub usable: usize,
}

/// The value of one hour of a client's channel, for a post of a campaign, and its factors.
#[derive(Debug, Clone, PartialEq)]
pub struct HourExplanation {
    /// The factors whose product is `slot_value`.
    pub value_parts: Vec<ExplanationStep>,
    /// Value of the hour with the weight of the post's campaign: expected engagements at quality factor 1 and without
    /// fatigue.
    pub slot_value: f64,
    /// Number of hours of the week with a higher value, fatigue aside.
    pub better_hours: usize,
    /// Number of hours of the week.
    pub hours: usize,
}

/// Explains one post of a plan of the scenario's week.
///
/// # Errors
/// If the client, its channel or the post is not in the week, or the week cannot be planned again.
pub fn explain_post(
    planner: &Planner<'_>,
    scenario: &Scenario,
    week: Week,
    plan: &ClientPlan,
    post: &Post,
) -> Result<PostExplanation, ExplainError> {
    let quotas = Quotas::Known(&plan.quotas);
    with_channel(planner, scenario, week, (&plan.client_id, post.channel), quotas, |draft, channel_draft, worker| {
        let facts = guardrail_facts(draft, plan, post, worker)?;
        explanation(planner, draft, channel_draft, post, &facts, worker)
    })
}

/// Explains the value, for a post of a campaign, of the hour of a client's channel in which an instant lies.
///
/// # Errors
/// If the client, the channel or the hour is not in the week, or the week cannot be planned.
pub fn explain_hour(
    planner: &Planner<'_>,
    scenario: &Scenario,
    week: Week,
    client: &ClientId,
    channel: Channel,
    at: Timestamp,
    campaign: Option<&CampaignId>,
) -> Result<HourExplanation, ExplainError> {
    // What an hour is worth does not depend on limits.
    with_channel(planner, scenario, week, (client, channel), Quotas::Known(&[]), |draft, channel_draft, _| {
        let week = &draft.week;
        let hour = (at.as_second() - week.hours.instant(0).as_second()).div_euclid(HOUR_SECONDS);
        let hour = usize::try_from(hour).map_err(|_| no_such_hour(at.to_string(), week))?;
        let factors =
            Explainer::new(planner.rules(), week.client, campaign).slot_value(week, channel_draft, hour, campaign);
        let (better_hours, hours) = count_better_hours(channel_draft, hour, |_| true);
        Ok(HourExplanation {
            value_parts: factors.ok_or_else(|| no_such_hour(at.to_string(), week))?,
            slot_value: channel_draft.hours.value_for(week, hour, campaign),
            better_hours,
            hours,
        })
    })
}

/// Why there is no explanation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The week could not be planned again.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The client is not in the plan.
    #[error("client `{client}` is not planned for in this scenario{}", did_you_mean(.nearest.as_deref()))]
    UnknownClient {
        /// The client id asked for.
        client: String,
        /// A similar known id, if there is one.
        nearest: Option<String>,
    },
    /// The client has no such channel.
    #[error("client `{client}` has no channel `{channel}`")]
    NoChannel {
        /// The client id.
        client: String,
        /// The channel asked for.
        channel: Channel,
    },
    /// The hour is not in the plan's week.
    #[error("`{at}` is not an hour of {week} in {zone}")]
    NoSuchHour {
        /// The hour asked for.
        at: String,
        /// The plan's week.
        week: String,
        /// The client's time zone.
        zone: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

pub(super) fn no_such_hour(at: String, week: &ClientWeek<'_>) -> ExplainError {
    let zone = week.client.zone.name().to_owned();
    ExplainError::NoSuchHour { at, week: week.hours.week().to_string(), zone }
}

/// The client's quotas of limits that it shares with other clients.
#[derive(Clone, Copy)]
pub(super) enum Quotas<'q> {
    Known(&'q [LimitQuota]),
    /// To be computed by planning all clients.
    Unknown,
}

/// Plans a client's week again, and calls `read` with one of its channels.
pub(super) fn with_channel<T>(
    planner: &Planner<'_>,
    scenario: &Scenario,
    week: Week,
    (client, channel): (&ClientId, Channel),
    quotas: Quotas<'_>,
    read: impl FnOnce(&Draft<'_>, &ChannelDraft<'_>, &mut WorkerContext<'_>) -> Result<T, ExplainError>,
) -> Result<T, ExplainError> {
    let clients: Vec<(&Client, &ClientState)> =
        scaling::planned_clients(scenario).map(|(client, state)| (client, state)).collect();
    let unknown = || ExplainError::UnknownClient {
        client: client.to_string(),
        nearest: nearest(client.as_str(), clients.iter().map(|(other, _)| other.id.as_str())).map(str::to_owned),
    };
    let index = clients.iter().position(|(other, _)| other.id == *client).ok_or_else(unknown)?;
    let mut context = PlanningContext::of_scenario(planner, scenario, &clients, week)?;
    match quotas {
        Quotas::Known(quotas) => context.set_quotas(index, quotas.to_vec()),
        Quotas::Unknown => context = planner.share_limits(context, |_, _| Ok(()))?.context,
    }
    let ClientInput { week, rules, demand } = context.client(index).ok_or_else(unknown)?;
    planner.with_worker(|worker| {
        let draft = draft_week(week, rules, demand, worker)?;
        let channel_draft = draft.channel_drafts.iter().find(|channel_draft| channel_draft.state.channel == channel);
        let channel_draft =
            channel_draft.ok_or_else(|| ExplainError::NoChannel { client: client.to_string(), channel })?;
        read(&draft, channel_draft, worker)
    })
}

/// The number of hours with a higher value than the given hour, fatigue aside, and the number of all hours, each among
/// the hours for which `is_counted` holds.
fn count_better_hours(
    channel_draft: &ChannelDraft<'_>,
    hour: usize,
    is_counted: impl Fn(usize) -> bool,
) -> (usize, usize) {
    let values = &channel_draft.hours.value;
    let counted = || values.iter().enumerate().filter(|(hour, _)| is_counted(*hour));
    let is_better = |value: f64| values.get(hour).is_some_and(|at_hour| value > *at_hour);
    (counted().filter(|(_, value)| is_better(**value)).count(), counted().count())
}

/// The facts of a post that the guardrails read.
fn guardrail_facts(
    draft: &Draft<'_>,
    plan: &ClientPlan,
    post: &Post,
    worker: &mut WorkerContext<'_>,
) -> Result<Arc<PostFacts>, ExplainError> {
    let lacks_review = |post: &Post| {
        let reason = post.blocked.as_deref().filter(|reason| reason.is_lack_of_review())?;
        Some(((post.channel, post.hour), reason.clone()))
    };
    let without_review: WithoutReview = plan.posts.iter().filter_map(lacks_review).collect();
    let evaluated = draft.evaluated_posts(&without_review, worker).map_err(PlanError::from)?;
    let same_post = evaluated.into_iter().find(|(other, _)| (other.channel, other.hour) == (post.channel, post.hour));
    same_post.map(|(_, facts)| facts).ok_or_else(|| no_such_hour(post.at.to_string(), &draft.week))
}

fn explanation(
    planner: &Planner<'_>,
    draft: &Draft<'_>,
    channel_draft: &ChannelDraft<'_>,
    post: &Post,
    facts: &PostFacts,
    worker: &mut WorkerContext<'_>,
) -> Result<PostExplanation, ExplainError> {
    let (week, campaign) = (&draft.week, post.campaign_id.as_ref());
    let explainer = Explainer::new(planner.rules(), week.client, campaign);
    let factors = explainer.slot_value(week, channel_draft, post.hour, campaign);
    let is_allowed = |hour: usize| channel_draft.instance.allowed.get(hour).copied().unwrap_or(false);
    let (better_hours, allowed_hours) = count_better_hours(channel_draft, post.hour, is_allowed);
    let without_asset = explainer.effective.assets.quality_without_asset;
    let (asset, quality_parts, work_cost_parts) = match asset_parts(planner, draft, channel_draft, post) {
        Some(AssetParts { asset, quality, cost }) => (Some(asset), quality, cost),
        None => (None, explainer.quality_factor(false), explainer.work_cost(None)),
    };
    Ok(PostExplanation {
        client_id: week.client.id.clone(),
        channel: post.channel,
        local_time: week.client.zone.rfc_9557(post.at),
        scheduled_for: post.at.to_string(),
        status: post.status,
        blocked: post.blocked.clone(),
        value_parts: factors.ok_or_else(|| no_such_hour(post.at.to_string(), week))?,
        slot_value: post.slot_value,
        better_hours,
        allowed_hours,
        fatigue: post.fatigue,
        response_parts: explainer.response(post.channel, post.fatigue),
        response: channel_draft.instance.response.at(post.fatigue),
        asset,
        quality_parts,
        quality_factor: post.asset.as_ref().map_or(without_asset, |asset| asset.quality_factor),
        expected_engagement: post.expected_engagement,
        worth: channel_draft.rules.worth,
        work_cost_parts,
        leaving_cost_parts: Explainer::new(planner.rules(), week.client, None).leaving_cost(channel_draft.state),
        cost: post.cost,
        net_worth: post.net_worth,
        verdicts: verdicts(&explainer, channel_draft, post, facts, worker).map_err(PlanError::from)?,
        confidence_steps: explainer.confidence(post.asset_score(), &post.confidence_steps),
        confidence: post.confidence,
        risk: post.risk,
        risk_source: explainer.source(&format!("risk.bands.{}.from", post.risk)),
        band_thresholds: explainer.band_thresholds(post.confidence),
        priority: post.priority,
    })
}

/// The guardrails' verdicts, each with what the guardrail read and what would have changed the verdict.
fn verdicts(
    explainer: &Explainer<'_>,
    channel_draft: &ChannelDraft<'_>,
    post: &Post,
    facts: &PostFacts,
    worker: &mut WorkerContext<'_>,
) -> Result<Vec<VerdictExplanation>, RuleFailure> {
    let mut explained = Vec::with_capacity(post.verdicts.len());
    for verdict in &post.verdicts {
        let input = guardrail_input(post, &verdict.rule, facts, &channel_draft.ctx);
        let counterfactuals = explainer.counterfactuals(worker.evaluator, &verdict.rule, &input)?;
        explained.push(VerdictExplanation { counterfactuals, ..explainer.verdict(verdict, &input) });
    }
    Ok(explained)
}

/// The asset of a post, and the numbers that give its quality factor and the cost of the work on the post.
struct AssetParts {
    asset: AssetExplanation,
    quality: Vec<ExplanationStep>,
    cost: Vec<ExplanationStep>,
}

/// The parts of a post's asset; `None` if the post has none.
fn asset_parts(
    planner: &Planner<'_>,
    draft: &Draft<'_>,
    channel_draft: &ChannelDraft<'_>,
    post: &Post,
) -> Option<AssetParts> {
    let choice = post.asset.as_ref()?;
    let scored = channel_draft.candidates.iter().find(|scored| scored.candidate.asset.id == *choice.used())?;
    let campaign = scored.candidate.asset.campaign_id.as_ref();
    let explainer = Explainer::new(planner.rules(), draft.week.client, campaign);
    let asset_points = points(&scored.candidate, &explainer.effective.assets, post.channel);
    let by_script = planner.rules().has_function(SCORE_ASSET);
    let asset = AssetExplanation {
        asset_id: choice.used().to_string(),
        family: choice.asset_id.to_string(),
        parts: if by_script { Vec::new() } else { explainer.asset_score(&asset_points) },
        score: choice.score,
        better: channel_draft.candidates.iter().filter(|other| other.score > choice.score).count(),
        usable: channel_draft.candidates.len(),
    };
    let kind = &scored.candidate.asset.kind;
    let content_type = Explainer::new(planner.rules(), draft.week.client, None).content_type(post.channel, kind);
    let quality = explainer.quality_factor(true).into_iter().chain(content_type).collect();
    Some(AssetParts { asset, quality, cost: explainer.work_cost(Some(kind)) })
}
