//! Explains a planned post: its hour, its asset and its guardrail verdicts; and why another hour has no post.
//!
//! Nothing is stored for this: planning is deterministic, so the client's week is planned again and the intermediate
//! results are read.

use std::sync::Arc;

use chrono::{NaiveDateTime, Timelike as _};
use serde::Serialize;

use super::channel::{ChannelDraft, WorkerContext, response};
use super::confidence::{BandTurn, band_turns};
use super::hours::{HourRule, closed_range, day_source, hour_value, weight_by_script};
use super::judge::{OverCapacityPosts, judge};
use super::week::{Draft, PlanningContext, draft};
use super::{PlanError, Planner};
use crate::agents::ClientWeek;
use crate::agents::creative_director::points;
use crate::agents::scaling;
use crate::diagnostic::nearest;
use crate::model::{
    CampaignId, Channel, Client, ClientId, ClientPlan, ClientState, ConfidenceStep, HOUR_SECONDS, Outcome, Post,
    Reason, RiskBand, Scenario, ScheduleStatus, Spacing, Timestamp, Verdict, Week, wall_time_text,
};
use crate::rules::{Flip, GuardrailRules, Input, OverlayKey, PostFacts, RuleFailure, RulesPack};

/// One named number of an explanation, with its source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Component {
    /// What the number is.
    pub name: String,
    /// Its value.
    pub number: f64,
    /// `file:line` of the rule it comes from, or a description of any other source.
    pub source: String,
}

/// How every number and decision of one post came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PostExplanation {
    /// The client it belongs to.
    pub client_id: ClientId,
    /// The channel.
    pub channel: Channel,
    /// Publication time on the client's clock.
    pub local_time: String,
    /// Publication time in UTC.
    pub scheduled_for: String,
    /// Its schedule status.
    pub status: ScheduleStatus,
    /// Why it is blocked; `None` if it is not.
    pub blocked: Option<Arc<Reason>>,
    /// The factors whose product is `slot_value`.
    pub value_parts: Vec<Component>,
    /// v(t) with the weight of the post's campaign: expected engagements at quality factor 1 and without fatigue.
    pub slot_value: f64,
    /// Number of allowed hours of the week with a higher value, fatigue aside.
    pub better_hours: usize,
    /// Number of allowed hours of the week.
    pub allowed_hours: usize,
    /// Fatigue of the channel at the hour, before the post adds its own.
    pub fatigue: f64,
    /// Factor on engagement at that fatigue.
    pub response: f64,
    /// The asset used; `None` if the post has none.
    pub asset: Option<AssetExplanation>,
    /// Factor on engagement from the asset's quality, or from having no asset.
    pub quality_factor: f64,
    /// `slot_value` x `quality_factor` x `response`.
    pub expected_engagement: f64,
    /// The guardrails' verdicts, in the rules' order.
    pub verdicts: Vec<VerdictExplanation>,
    /// The steps that add up to the confidence.
    pub confidence_steps: Vec<ConfidenceStep>,
    /// Their sum, clamped to `0..=1`.
    pub confidence: f64,
    /// The risk band.
    pub risk: RiskBand,
    /// `file:line` of the band's threshold.
    pub risk_source: String,
    /// Thresholds of the other bands, the nearest to the confidence first.
    pub risk_turns: Vec<BandTurn>,
    /// Priority for scarce capacity (slots of a full day, reviewers' time); higher wins.
    pub priority: f64,
}

/// A guardrail's verdict with the inputs it depends on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictExplanation {
    /// The verdict.
    pub verdict: Arc<Verdict>,
    /// The fields and pack parameters that the guardrail reads, each with its value.
    pub reads: Vec<(String, String)>,
    /// For each input it reads, the nearest value that would change the verdict.
    pub flips: Vec<Flip>,
}

/// Score of the asset used, and how it compares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssetExplanation {
    /// Id of the asset used: a root asset, a variation or an evolution step.
    pub asset_id: String,
    /// Id of the root asset of its family.
    pub family: String,
    /// Points by component; empty if a script computes the score.
    pub parts: Vec<Component>,
    /// Total score, `0..=100`.
    pub score: f64,
    /// Number of assets with a higher score that the channel can use this week.
    pub better: usize,
    /// Number of assets that the channel can use this week.
    pub usable: usize,
}

/// Why an hour has no post.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// The hour has one.
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
    /// A post there would lower the objective.
    Costs {
        /// Objective of the plan.
        objective: f64,
        /// Best objective with a post at that hour.
        with_it: f64,
        /// The difference between the two, in engagements.
        loss: f64,
        /// Local times of the posts that the best plan with that hour drops.
        gives_up: Vec<String>,
        /// Local times of the posts that it adds, the requested hour among them.
        takes: Vec<String>,
    },
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

/// Explains one post of a plan of the scenario's week.
///
/// # Errors
/// If the client or its channel is unknown, or the week cannot be planned again.
pub fn explain_post(
    planner: &Planner<'_>,
    scenario: &Scenario,
    week: Week,
    plan: &ClientPlan,
    post: &Post,
) -> Result<PostExplanation, ExplainError> {
    with_draft(planner, scenario, week, &plan.client_id, |draft, worker| {
        let channel_draft =
            draft.channel_drafts.iter().find(|channel_draft| channel_draft.state.channel == post.channel);
        let channel_draft = channel_draft.ok_or_else(|| no_channel(&plan.client_id, post.channel))?;
        let explainer = Explainer { planner, week: &draft.week };
        let verdicts = explainer.verdicts(draft, channel_draft, plan, post, worker)?;
        Ok(PostExplanation { verdicts, ..explainer.post(draft, channel_draft, post) })
    })
}

/// What the value of one hour of a client's channel consists of, for one post.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HourExplanation {
    /// The factors whose product is `slot_value`.
    pub value_parts: Vec<Component>,
    /// v(t) with the weight of the post's campaign: expected engagements at quality factor 1 and without fatigue.
    pub slot_value: f64,
    /// Number of hours of the week with a higher value, fatigue aside.
    pub better_hours: usize,
    /// Number of hours of the week.
    pub hours: usize,
}

/// Explains the value of the hour of a client's channel in which an instant lies, for a post of a campaign.
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
    with_draft(planner, scenario, week, client, |draft, _| {
        let channel_draft = draft.channel_drafts.iter().find(|channel_draft| channel_draft.state.channel == channel);
        let channel_draft = channel_draft.ok_or_else(|| no_channel(client, channel))?;
        let hours = &draft.week.hours;
        let hour = (at.as_second() - hours.instant(0).as_second()).div_euclid(HOUR_SECONDS);
        let hour = usize::try_from(hour).ok().filter(|hour| *hour < hours.len());
        let hour = hour.ok_or_else(|| ExplainError::NoSuchHour {
            at: at.to_string(),
            week: week.to_string(),
            zone: draft.week.client.zone.name().to_owned(),
        })?;
        let value = channel_draft.hours.value.get(hour).copied().unwrap_or_default();
        Ok(HourExplanation {
            value_parts: Explainer { planner, week: &draft.week }.value_parts(channel_draft, hour, campaign),
            slot_value: channel_draft.hours.value_for(&draft.week, hour, campaign),
            better_hours: channel_draft.hours.value.iter().filter(|other| **other > value).count(),
            hours: hours.len(),
        })
    })
}

/// Says why a wall-clock hour of a client's channel has no post.
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
    with_draft(planner, scenario, week, client, |draft, worker| {
        let channel_draft = draft.channel_drafts.iter().find(|channel_draft| channel_draft.state.channel == channel);
        let channel_draft = channel_draft.ok_or_else(|| no_channel(client, channel))?;
        let explainer = Explainer { planner, week: &draft.week };
        let hour = explainer.hour(at).ok_or_else(|| ExplainError::NoSuchHour {
            at: wall_time_text(at),
            week: week.to_string(),
            zone: draft.week.client.zone.name().to_owned(),
        })?;
        Ok(explainer.why_not(channel_draft, hour, worker))
    })
}

fn no_channel(client: &ClientId, channel: Channel) -> ExplainError {
    ExplainError::NoChannel { client: client.to_string(), channel }
}

fn with_draft<T>(
    planner: &Planner<'_>,
    scenario: &Scenario,
    week: Week,
    client: &ClientId,
    read: impl FnOnce(&Draft<'_>, &mut WorkerContext<'_>) -> Result<T, ExplainError>,
) -> Result<T, ExplainError> {
    let clients: Vec<(&Client, &ClientState)> =
        scaling::planned_clients(scenario).map(|(c, state)| (c, state)).collect();
    let unknown = || ExplainError::UnknownClient {
        client: client.to_string(),
        nearest: nearest(client.as_str(), clients.iter().map(|(known, _)| known.id.as_str())).map(str::to_owned),
    };
    let index = clients.iter().position(|(known, _)| known.id == *client).ok_or_else(unknown)?;
    let context =
        PlanningContext::new(planner.rules(), &clients, &scenario.capacity, week)?.starting_at(planner.not_before);
    let (week, rules, demand) = context.client(index).ok_or_else(unknown)?;
    planner.with_worker(|worker| {
        let draft = draft(week, rules, demand, worker)?;
        read(&draft, worker)
    })
}

struct Explainer<'p, 'a> {
    planner: &'p Planner<'p>,
    week: &'p ClientWeek<'a>,
}

impl Explainer<'_, '_> {
    /// The pack, and the key of its overlays that apply to the client.
    fn pack(&self) -> (&RulesPack, OverlayKey) {
        let client = self.week.client;
        let pack = self.planner.rules().pack();
        (pack, pack.overlay_key(&client.workspace_id, &client.id, None))
    }

    /// `file:line` of a key of the pack, with the client's overlays applied.
    fn source(&self, key: &str) -> String {
        let (pack, overlays) = self.pack();
        pack.place_with(&overlays, key)
            .map_or_else(|| format!("{key} (default)"), |(file, line)| format!("{file}:{line}"))
    }

    fn channel_source(&self, channel: Channel, key: &str) -> String {
        self.source(&format!("channels.{channel}.{key}"))
    }

    fn local(&self, hour: usize, minute: u8) -> String {
        let at = self.week.hours.instant(hour as i64).plus_minutes(i64::from(minute));
        self.week.client.zone.local(at).format("%a %Y-%m-%d %H:%M").to_string()
    }

    /// The hour of the week that the client's clock shows; the first of two if it shows it twice.
    fn hour(&self, at: NaiveDateTime) -> Option<usize> {
        let hours = self.week.hours.hours().iter().enumerate();
        let hour = u8::try_from(at.hour()).ok()?;
        hours
            .filter(|(_, wall)| wall.hour == hour && self.week.hours.date(wall.weekday) == at.date())
            .map(|(t, _)| t)
            .next()
    }

    fn value_parts(
        &self,
        channel_draft: &ChannelDraft<'_>,
        hour: usize,
        campaign: Option<&CampaignId>,
    ) -> Vec<Component> {
        let Some(wall) = self.week.hours.hours().get(hour) else { return Vec::new() };
        let Some(day) = channel_draft.hours.day(self.week, hour) else { return Vec::new() };
        let value =
            hour_value(channel_draft.state, channel_draft.rules, *wall, day, channel_draft.hour_weights.as_deref());
        let channel = channel_draft.state.channel;
        let table = |column: &str| format!("scenario, channels.{column}");
        let by_table = || self.channel_source(channel, "engagement_rate");
        let rate = channel_draft.state.engagement_rate.map_or_else(by_table, |_| table("avg_engagement_rate"));
        let hour_source = match weight_by_script(channel_draft.hour_weights.as_deref(), *wall) {
            Some(_) => "the pack's `hour_weights` function".to_owned(),
            None => self.channel_source(channel, "hour_lift"),
        };
        let weight = day.weight_of(campaign);
        let campaign = campaign.map_or_else(|| "no campaign".to_owned(), |id| format!("campaign {id}"));
        let part = |name: &str, number: f64, source: String| Component { name: name.to_owned(), number, source };
        vec![
            part("audience", value.audience, table("audience")),
            part("engagement rate", value.engagement_rate, rate),
            part("hour", value.hour, hour_source),
            part("weekday", value.weekday, self.channel_source(channel, "weekday_weights")),
            part("momentum", value.momentum, self.channel_source(channel, "momentum_gain")),
            part("campaign", weight, campaign),
            part("calendar", value.calendar, "scenario, calendar".to_owned()),
        ]
    }

    fn post(&self, draft: &Draft<'_>, channel_draft: &ChannelDraft<'_>, post: &Post) -> PostExplanation {
        let allowed = |hour: usize| channel_draft.hours.forbidden.get(hour).is_some_and(Option::is_none);
        let values = channel_draft.hours.value.iter().enumerate().filter(|(hour, _)| allowed(*hour));
        let of_hour = channel_draft.hours.value.get(post.hour).copied().unwrap_or_default();
        let rules = draft.rules.of(post.campaign_id.as_ref());
        let asset = self.asset(draft, channel_draft, post);
        PostExplanation {
            client_id: self.week.client.id.clone(),
            channel: post.channel,
            local_time: self.week.client.zone.shown(post.at),
            scheduled_for: post.at.to_string(),
            status: post.status,
            blocked: post.blocked.clone(),
            value_parts: self.value_parts(channel_draft, post.hour, post.campaign_id.as_ref()),
            slot_value: post.slot_value,
            better_hours: values.clone().filter(|(_, value)| **value > of_hour).count(),
            allowed_hours: values.count(),
            fatigue: post.fatigue,
            response: response(self.week.rules).at(post.fatigue),
            quality_factor: post.asset.as_ref().map_or(rules.assets.quality_without_asset, |a| a.quality_factor),
            asset,
            expected_engagement: post.expected_engagement,
            verdicts: Vec::new(),
            confidence_steps: post.confidence_steps.clone(),
            confidence: post.confidence,
            risk: post.risk,
            risk_source: self.source(&format!("risk.bands.{}.from", post.risk)),
            risk_turns: band_turns(&rules.risk, post.confidence),
            priority: post.priority,
        }
    }

    /// The guardrails' verdicts with what each one read and what would have changed it.
    fn verdicts(
        &self,
        draft: &Draft<'_>,
        channel_draft: &ChannelDraft<'_>,
        plan: &ClientPlan,
        post: &Post,
        worker: &mut WorkerContext<'_>,
    ) -> Result<Vec<VerdictExplanation>, PlanError> {
        let Draft { week, rules, channel_drafts, slots, assignment, .. } = draft;
        let is_held = |post: &&Post| matches!(post.blocked.as_deref(), Some(Reason::ReviewCapacity));
        let held: OverCapacityPosts = plan.posts.iter().filter(is_held).map(|post| (post.channel, post.hour)).collect();
        let judged = judge(week, rules, channel_drafts, slots, assignment, &held, worker)?;
        let seen = judged.into_iter().find(|(other, _)| (other.channel, other.hour) == (post.channel, post.hour));
        let facts = seen.map(|(_, facts)| facts);
        let guardrails = &rules.of(post.campaign_id.as_ref()).guardrails;
        let mut warnings = 0;
        let mut explained = Vec::with_capacity(post.verdicts.len());
        for verdict in &post.verdicts {
            let mut explanation =
                VerdictExplanation { verdict: Arc::clone(verdict), reads: Vec::new(), flips: Vec::new() };
            let guardrail = guardrails.iter().find(|guardrail| guardrail.name == verdict.rule);
            if let (Some(guardrail), Some(facts)) = (guardrail, &facts) {
                let input = Input::of_post(PostFacts { warnings, ..(**facts).clone() }, (*channel_draft.ctx).clone());
                explanation.reads = self.reads(guardrail, &input);
                explanation.flips = self.flips(guardrail, &input, post, worker)?;
            }
            warnings += i64::from(verdict.outcome == Outcome::Warn);
            explained.push(explanation);
        }
        Ok(explained)
    }

    fn reads(&self, guardrail: &GuardrailRules, input: &Input) -> Vec<(String, String)> {
        let rules = self.planner.rules();
        let reads = rules.reads(&guardrail.name);
        let fields = rules.inputs(&guardrail.name).into_iter();
        let read = fields.map(|field| (field.name(), field.of(input).to_string()));
        let params = guardrail.params.iter().filter(|(param, _)| reads.contains(*param));
        read.chain(params.map(|(param, number)| (format!("ctx.params.{param}"), number.to_string()))).collect()
    }

    fn flips(
        &self,
        guardrail: &GuardrailRules,
        input: &Input,
        post: &Post,
        worker: &mut WorkerContext<'_>,
    ) -> Result<Vec<Flip>, RuleFailure> {
        let client = self.week.client;
        let rules = self.planner.rules();
        let overlays = rules.pack().overlay_key(&client.workspace_id, &client.id, post.campaign_id.as_ref());
        rules.flips(worker.evaluator, guardrail, input, &overlays)
    }

    fn asset(&self, draft: &Draft<'_>, channel_draft: &ChannelDraft<'_>, post: &Post) -> Option<AssetExplanation> {
        let choice = post.asset.as_ref()?;
        let scored = channel_draft.candidates.iter().find(|scored| scored.candidate.asset.id == *choice.used())?;
        let rules = &draft.rules.of(scored.candidate.asset.campaign_id.as_ref()).assets;
        let by_script = self.planner.rules().has_function(crate::rules::SCORE_ASSET);
        let keys = [
            "base",
            "per_quality",
            "per_brand_consistency",
            "per_value",
            "per_impact",
            "made_for_channel",
            "freshness",
            "recent_use",
        ];
        let parts = points(&scored.candidate, rules, post.channel)
            .into_iter()
            .zip(keys)
            .filter(|_| !by_script)
            .map(|((name, number), key)| Component {
                name: name.to_owned(),
                number,
                source: self.source(&format!("assets.{key}")),
            })
            .collect();
        Some(AssetExplanation {
            asset_id: choice.used().to_string(),
            family: choice.asset_id.to_string(),
            parts,
            score: choice.score,
            better: channel_draft.candidates.iter().filter(|other| other.score > choice.score).count(),
            usable: channel_draft.candidates.len(),
        })
    }

    fn why_not(&self, channel_draft: &ChannelDraft<'_>, hour: usize, worker: &mut WorkerContext<'_>) -> WhyNot {
        let objective = channel_draft.solution.objective;
        if channel_draft.solution.chosen.contains(&hour) {
            return WhyNot::Planned { objective };
        }
        if let Some(rule) = channel_draft.hours.forbidden.get(hour).copied().flatten() {
            return self.forbidden(channel_draft, rule, hour);
        }
        let Some(with_it) = worker.solver.solve_with(&channel_draft.instance, hour) else {
            let because = if channel_draft.instance.posts_max == 0 {
                "the rules leave no post to the channel this week".to_owned()
            } else {
                format!("fatigue there is at or above {:.2} whatever else is planned", channel_draft.instance.block_at)
            };
            return WhyNot::Impossible { because };
        };
        let only_in = |these: &[usize], others: &[usize]| -> Vec<String> {
            these
                .iter()
                .filter(|hour| !others.contains(hour))
                .map(|hour| self.local(*hour, channel_draft.minute))
                .collect()
        };
        WhyNot::Costs {
            objective,
            with_it: with_it.objective,
            loss: objective - with_it.objective,
            gives_up: only_in(&channel_draft.solution.chosen, &with_it.chosen),
            takes: only_in(&with_it.chosen, &channel_draft.solution.chosen),
        }
    }

    fn forbidden(&self, channel_draft: &ChannelDraft<'_>, rule: HourRule, hour: usize) -> WhyNot {
        let channel = channel_draft.state.channel;
        let spacing = Spacing::from_hours(channel_draft.rules.min_spacing_hours);
        let counted = if spacing.whole_days().is_some() { ", counted on the client's clock" } else { "" };
        let spacing_source = || self.channel_source(channel, "min_spacing_hours");
        let (because, source) = match rule {
            HourRule::Past => {
                ("it lies before the time from which the week was planned".to_owned(), "--now".to_owned())
            }
            HourRule::ClosedDay => {
                let weekday = self.week.hours.hours().get(hour).map_or(0, |wall| usize::from(wall.weekday));
                let entry = channel_draft.hours.days.get(weekday).and_then(|day| day.closed);
                let name = entry.map_or("a closed day", |entry| &*entry.name);
                (format!("nothing is posted that day: {name}"), day_source(self.pack(), entry))
            }
            HourRule::ClosedHours => self.closed_hours(channel_draft, hour),
            HourRule::QuietHours => {
                ("it lies in the channel's quiet hours".to_owned(), self.channel_source(channel, "quiet_hours"))
            }
            HourRule::LastPost => (format!("the last post is less than {spacing} before{counted}"), spacing_source()),
            HourRule::CommittedPost => {
                (format!("a committed post is less than {spacing} away{counted}"), spacing_source())
            }
            HourRule::DayFull => (
                format!(
                    "posts with a better claim fill the {} actions of the day",
                    self.week.client.policy.max_actions_per_day
                ),
                "scenario, policies.max_actions_per_day".to_owned(),
            ),
        };
        WhyNot::Forbidden { rule: rule.name(), because, source }
    }

    /// The closed range that an hour lies in, and its `file:line`.
    fn closed_hours(&self, channel_draft: &ChannelDraft<'_>, hour: usize) -> (String, String) {
        let wall = self.week.hours.hours().get(hour);
        let at = wall.and_then(|wall| closed_range(self.week, channel_draft.rules, *wall));
        let range = at.and_then(|at| channel_draft.rules.closed.get(at));
        let (pack, overlays) = self.pack();
        let places = pack.closed_places(&overlays, channel_draft.state.channel);
        let place = at.and_then(|at| places.get(at));
        let because = range
            .map_or_else(|| "it lies in closed hours".to_owned(), |range| format!("nothing is posted from {range}"));
        let source =
            place.map_or_else(|| "calendar.closed".to_owned(), |place| format!("{}:{}", place.file, place.line));
        (because, source)
    }
}
