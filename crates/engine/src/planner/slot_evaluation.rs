//! Evaluates one slot of one channel's week on its own, and returns all results of the rules.
//!
//! The week is set up by the same functions that plan it, and callers may override facts of the slot with values that
//! no plan would produce.

use std::sync::Arc;

use super::around_guardrails::draft_week;
use super::assets::Slot;
use super::assets::slot_at;
use super::channel::{ChannelDraft, Scored, WorkerContext};
use super::draft::Draft;
use super::explanation::{Explainer, ExplanationStep};
use super::hours::{HourRule, is_best_hour};
use super::post_evaluation::{SlotOverrides, evaluate_alone};
use super::week::{ClientInput, PlanningContext};
use super::{PlanError, Planner};
use crate::agents::ClientWeek;
use crate::agents::creative_director::{AssetPoints, points};
use crate::model::{
    CampaignId, Capacity, Channel, Client, ClientState, EarlyWarning, PerformanceReality, Post, WallHour, Week,
};
use crate::rules::{ChannelFacts, ClientFacts, CompiledRules, PostFacts, RuleFailure, SCORE_ASSET};

/// The slot to evaluate: a client that posts on one channel, and an hour of its week.
#[derive(Debug, Clone, Copy)]
pub struct SlotQuery<'l> {
    /// The client; the post uses its first asset.
    pub client: &'l Client,
    /// The client's state.
    pub state: &'l ClientState,
    /// The channel to evaluate, one of those in the state.
    pub channel: Channel,
    /// Review capacity of the workspace.
    pub capacity: &'l Capacity,
    /// The week.
    pub week: Week,
    /// Days since Monday, `0..7`.
    pub weekday: u8,
    /// Wall-clock hour, `0..24`; one that a daylight-saving change skips is replaced by the next that exists.
    pub hour: u8,
    /// Overrides of the slot's facts.
    pub overrides: SlotOverrides,
}

/// The results of the rules for a slot.
#[derive(Debug, Clone)]
pub struct SlotEvaluation {
    /// The channel's week as scripts read it.
    pub ctx: Arc<ChannelFacts>,
    /// The post as scripts read it.
    pub facts: Arc<PostFacts>,
    /// The client as scripts read it.
    pub client: Arc<ClientFacts>,
    /// Number of posts aimed at in the week: after fatigue, or what the pack's `weekly_posts` function returned.
    pub weekly_posts: u32,
    /// The early-warning signals and the active warnings.
    pub warning: EarlyWarning,
    /// Perceived and estimated true performance.
    pub reality: PerformanceReality,
    /// Whether the asset can be used on the channel at the hour.
    pub asset_usable: bool,
    /// Points of the asset by component; `None` if it cannot be used or a script computes the score.
    pub points: Option<[AssetPoints; 8]>,
    /// Factor on engagement from the asset's quality, or from having no asset.
    pub quality_factor: f64,
    /// Wall-clock hours of the post's weekday that no rule forbids.
    pub open_hours: Vec<u8>,
    /// Minute within the hour at which posts go out.
    pub minute: u8,
    /// The rule that forbids the hour; `None` if it may be used.
    pub closed_by: Option<HourRule>,
    /// The factors of the hour's value for the post.
    pub value_parts: Vec<ExplanationStep>,
    /// Factor on engagement at the fatigue of the post.
    pub response: f64,
    /// Best hours of the post's weekday.
    pub best_hours: Vec<u8>,
    /// The hours that a plan of the week uses, in order.
    pub planned: Vec<WallHour>,
    /// Number of planned hours whose posts get an asset.
    pub planned_with_asset: usize,
    /// The evaluated post.
    pub post: Post,
}

impl Planner<'_> {
    /// Evaluates one slot.
    ///
    /// # Errors
    /// If a rule fails, or the week is at the edge of the supported calendar.
    pub fn evaluate_slot(&self, query: &SlotQuery<'_>) -> Result<SlotEvaluation, PlanError> {
        let clients = [(query.client, query.state)];
        let context = PlanningContext::new(self.rules(), &clients, &[], query.capacity, query.week)?;
        let ClientInput { week, rules, demand } = context.client(0).ok_or(PlanError::NoSuchClient)?;
        self.with_worker(|worker| {
            let draft = draft_week(week, rules, demand, worker)?;
            let no_channel = || PlanError::NoChannel { client: query.client.id.clone(), channel: query.channel };
            let drafts = draft.channel_drafts.iter().enumerate();
            let is_queried = |(_, draft): &(usize, &ChannelDraft<'_>)| draft.state.channel == query.channel;
            let (index, channel_draft) = drafts.clone().find(is_queried).ok_or_else(no_channel)?;
            let slot = requested_slot(query, &draft.week, (index, channel_draft));
            let scored = usable_asset(&draft, channel_draft, &slot, worker)?;
            let evaluated = evaluate_alone(
                &draft.week,
                rules,
                &draft.channel_drafts,
                &slot,
                scored.as_ref(),
                query.overrides,
                worker,
            )?;
            let evaluated = evaluated.ok_or(PlanError::NoSuchClient)?;
            evaluation(self.rules(), &draft, channel_draft, &slot, scored.as_ref(), evaluated)
                .ok_or(PlanError::NoSuchClient)
        })
    }
}

/// The client's first asset, if the channel can use it at the slot. The channel's candidates all have content; an asset
/// without content is scored here, so that the rules are evaluated for it, too.
fn usable_asset<'a>(
    draft: &Draft<'a>,
    channel_draft: &ChannelDraft<'a>,
    slot: &Slot,
    worker: &mut WorkerContext<'_>,
) -> Result<Option<Scored<'a>>, RuleFailure> {
    let Some(asset) = draft.week.client.assets.first() else { return Ok(None) };
    let scored = match channel_draft.candidates.iter().find(|scored| scored.candidate.asset_index == 0) {
        Some(scored) => Some(scored.clone()),
        None if asset.has_content() => None,
        None => channel_draft.asset(&draft.week, draft.rules, 0, &draft.histories, worker.evaluator)?,
    };
    Ok(scored.filter(|scored| slot.at >= scored.candidate.available_from))
}

/// The slot at the requested hour, or at the next hour that exists in the week, or else at the week's last hour.
fn requested_slot(
    query: &SlotQuery<'_>,
    week: &ClientWeek<'_>,
    (index, channel_draft): (usize, &ChannelDraft<'_>),
) -> Slot {
    let is_reached = |wall: &WallHour| (wall.weekday, wall.hour) >= (query.weekday, query.hour);
    let hour = week.hours.hours().iter().position(is_reached).unwrap_or_else(|| week.hours.len().saturating_sub(1));
    slot_at(week, (index, channel_draft), hour, 0.0)
}

fn evaluation(
    rules: &CompiledRules,
    draft: &Draft<'_>,
    channel_draft: &ChannelDraft<'_>,
    slot: &Slot,
    scored: Option<&Scored<'_>>,
    (post, facts): (Post, Arc<PostFacts>),
) -> Option<SlotEvaluation> {
    let week = &draft.week;
    let hours = week.hours.hours();
    let wall = hours.get(slot.hour).copied()?;
    let campaign = post.campaign_id.as_ref();
    let explainer = Explainer::new(rules, week.client, campaign);
    let asset_rules = |campaign: Option<&CampaignId>| &draft.rules.of(campaign).assets;
    let scored_by_points = scored.filter(|_| !rules.has_function(SCORE_ASSET)).map(|scored| &scored.candidate);
    let is_best = |hour: &u8| is_best_hour(channel_draft.rules, WallHour { hour: *hour, ..wall });
    let all_hours = channel_draft.hours.forbidden.iter().zip(hours);
    let open = all_hours.filter(|(forbidden, other)| forbidden.is_none() && other.weekday == wall.weekday);
    let slots = draft.slots.iter().zip(&draft.assignment);
    let slots_with_asset =
        slots.filter(|(planned, asset)| planned.channel_draft == slot.channel_draft && asset.is_some());
    Some(SlotEvaluation {
        ctx: Arc::clone(&channel_draft.ctx),
        client: Arc::clone(&draft.facts),
        weekly_posts: channel_draft.posts_target,
        warning: draft.warning.clone(),
        reality: draft.reality.clone(),
        asset_usable: scored.is_some(),
        points: scored_by_points.map(|candidate| {
            points(candidate, asset_rules(candidate.asset.campaign_id.as_ref()), channel_draft.state.channel)
        }),
        quality_factor: scored.map_or(asset_rules(campaign).quality_without_asset, |scored| scored.quality),
        open_hours: open.map(|(_, wall)| wall.hour).collect(),
        minute: channel_draft.minute,
        closed_by: channel_draft.hours.forbidden.get(slot.hour).copied().flatten(),
        value_parts: explainer.slot_value(week, channel_draft, slot.hour, campaign)?,
        response: channel_draft.instance.response.at(post.fatigue),
        best_hours: (0..24).filter(is_best).collect(),
        planned: channel_draft.solution.chosen.iter().filter_map(|hour| hours.get(*hour).copied()).collect(),
        planned_with_asset: slots_with_asset.count(),
        facts,
        post,
    })
}
