//! The audit record of a plan: every decision with its grounds, derived from the plan alone.

use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::instance::is_zero;
use crate::model::{
    ActionType, Allocation, AssetId, CampaignId, Channel, ClientPlan, ConfidenceStep, Conflict, ConflictKind, Decision,
    DecisionStatus, Outcome, PerformanceReality, Plan, Post, PostSurroundings, Reason, RiskBand, ScheduleStatus,
    Severity, Timestamp, Verdict, derived_id,
};

/// Every decision of a plan: by client, first its channels' fatigue, then its posts by time, then its conflicts.
#[must_use]
pub fn decisions(plan: &Plan) -> Vec<Decision> {
    let mut decisions = Vec::with_capacity(plan.clients.iter().map(max_decision_count).sum());
    for client in &plan.clients {
        record_client(plan, client, &mut decisions);
    }
    decisions
}

/// The decisions about one client of the plan.
#[must_use]
pub fn client_decisions(plan: &Plan, client: &ClientPlan) -> Vec<Decision> {
    let mut decisions = Vec::with_capacity(max_decision_count(client));
    record_client(plan, client, &mut decisions);
    decisions
}

/// Id of a plan's decision about a post.
#[must_use]
pub fn post_decision_id(post_id: Uuid, action_type: ActionType) -> Uuid {
    derived_id(post_id.as_bytes(), &["decision", action_type.name()])
}

/// One decision for each channel and each conflict, and up to five for each post.
fn max_decision_count(client: &ClientPlan) -> usize {
    client.allocations.len() + client.posts.len() * 5 + client.conflicts.len()
}

fn record_client(plan: &Plan, client: &ClientPlan, decisions: &mut Vec<Decision>) {
    let mut record = ClientRecord::new(plan, client);
    decisions.extend(client.allocations.iter().map(|allocation| record.fatigue_check(allocation)));
    for post in &client.posts {
        record.record_post(post, decisions);
    }
    decisions.extend(client.conflicts.iter().enumerate().map(|(number, conflict)| record.conflict(number, conflict)));
}

/// What the decisions about one client share, above all their signals, which are serialised once.
struct ClientRecord<'p> {
    plan: &'p Plan,
    client: &'p ClientPlan,
    /// Fields of a JSON object, without its braces.
    fatigue_signals: String,
    /// A JSON object, like the other signals.
    time_signals: Arc<str>,
    warning_signals: Arc<str>,
    schedule_signals: Arc<str>,
    asset_signals: Vec<(Channel, Arc<str>)>,
    no_signals: Arc<str>,
    no_notes: Arc<[String]>,
    grounds: Vec<Grounds<'p>>,
}

/// The recorded grounds of a post, which depend only on its verdicts and its client.
#[derive(Clone)]
struct Grounds<'p> {
    verdicts: &'p [Arc<Verdict>],
    signals: Arc<str>,
    truth_notes: Arc<[String]>,
}

/// Serialises a value to JSON.
///
/// INVARIANT: `value` is a struct of numbers, strings and lists; such a value always has a JSON form.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("a part of a decision has no JSON form: {error}"))
}

impl<'p> ClientRecord<'p> {
    fn new(plan: &'p Plan, client: &'p ClientPlan) -> Self {
        let signals = &client.signals;
        let strategy = ("agency_director", json(&signals.agency_director));
        let capacity = ("scaling", json(&signals.scaling));
        let context = ("client_ops", json(&signals.client_ops));
        let fields = |parts: &[&(&str, String)]| -> String {
            let fields: Vec<String> = parts.iter().map(|(name, text)| format!("\"{name}\":{text}")).collect();
            fields.join(",")
        };
        let object = |parts: &[&(&str, String)]| -> Arc<str> { format!("{{{}}}", fields(parts)).into() };
        let of_channel = |assets| object(&[&("creative_director", json(assets))]);
        let channels = &signals.creative_director.channels;
        Self {
            plan,
            client,
            fatigue_signals: fields(&[&capacity, &strategy]),
            time_signals: object(&[&strategy, &context, &capacity]),
            warning_signals: object(&[&("early_warning", json(&signals.early_warning))]),
            schedule_signals: object(&[&context]),
            asset_signals: channels.iter().map(|assets| (assets.channel, of_channel(assets))).collect(),
            no_signals: "{}".into(),
            no_notes: Arc::default(),
            grounds: Vec::new(),
        }
    }

    fn fatigue_check(&self, allocation: &Allocation) -> Decision {
        let payload = FatigueCheck {
            channel: allocation.channel,
            fatigue_start: allocation.fatigue_start,
            fatigue_end: allocation.fatigue_end,
            posts_wanted: allocation.posts_wanted,
            posts_target: allocation.posts_target,
            posts_planned: allocation.posts_planned,
            why_fewer: &allocation.why_fewer,
        };
        Decision {
            payload: json(&payload),
            source_signals: format!("{{{},\"seen\":{}}}", self.fatigue_signals, json(&*allocation.snapshot)).into(),
            ..self.client_decision(ActionType::FatigueCheck, allocation.channel.name(), "client_ops")
        }
    }

    fn conflict(&self, number: usize, conflict: &Conflict) -> Decision {
        let payload = ConflictFound {
            channel: conflict.channel,
            kind: conflict.kind,
            severity: conflict.severity,
            description: &conflict.description,
            affected: conflict.affected,
            resolution: &conflict.resolution,
        };
        Decision {
            payload: json(&payload),
            source_signals: Arc::clone(&self.warning_signals),
            status: DecisionStatus::Pending,
            risk_class: match conflict.severity {
                Severity::Low => RiskBand::Low,
                Severity::Medium => RiskBand::Medium,
                Severity::High => RiskBand::High,
            },
            ..self.client_decision(ActionType::ConflictDetected, &number.to_string(), "early_warning")
        }
    }

    fn client_decision(&self, action_type: ActionType, name: &str, actor: &'static str) -> Decision {
        let client_id = &self.client.client_id;
        Decision {
            id: derived_id(self.plan.plan_id.as_bytes(), &["decision", client_id.as_str(), action_type.name(), name]),
            post_id: None,
            client_id: client_id.clone(),
            action_type,
            payload: String::new(),
            source_signals: Arc::clone(&self.no_signals),
            risk_class: RiskBand::Low,
            confidence: 1.0,
            truth_notes: Arc::clone(&self.no_notes),
            truth_compliant: true,
            disclaimers: &[],
            status: DecisionStatus::Accepted,
            actor,
        }
    }

    fn record_post(&mut self, post: &'p Post, decisions: &mut Vec<Decision>) {
        let grounds = self.grounds(post);
        let post_id = self.plan.post_id(&self.client.client_id, post);
        let record = PostRecord { client_record: self, post, post_id, grounds };
        decisions.push(record.time_choice());
        decisions.push(record.select_asset());
        decisions.extend(record.variation());
        decisions.push(record.posting());
        decisions.push(record.schedule());
    }

    /// The grounds of a post, serialised once for all posts with the same verdicts.
    fn grounds(&mut self, post: &'p Post) -> Grounds<'p> {
        if let Some(grounds) = self.grounds.iter().rev().find(|grounds| *grounds.verdicts == *post.verdicts) {
            return grounds.clone();
        }
        let signals = &self.client.signals;
        let posting = PostingSignals {
            high_warnings: signals.early_warning.high_warnings,
            medium_warnings: signals.early_warning.medium_warnings,
            performance_reality: &signals.performance_reality,
            guardrails: &post.verdicts,
        };
        let truth_verdicts = post.verdicts.iter().filter(|verdict| &*verdict.rule == "truth_layer");
        let grounds = Grounds {
            verdicts: &post.verdicts,
            signals: json(&posting).into(),
            truth_notes: truth_verdicts
                .filter(|verdict| verdict.outcome != Outcome::Pass)
                .map(|verdict| verdict.reason.to_string())
                .collect(),
        };
        self.grounds.push(grounds.clone());
        grounds
    }
}

/// What the decisions about one post share.
struct PostRecord<'r, 'p> {
    client_record: &'r ClientRecord<'p>,
    post: &'p Post,
    post_id: Uuid,
    grounds: Grounds<'p>,
}

impl PostRecord<'_, '_> {
    fn decision(
        &self,
        action_type: ActionType,
        actor: &'static str,
        payload: &impl Serialize,
        signals: &Arc<str>,
    ) -> Decision {
        Decision {
            id: post_decision_id(self.post_id, action_type),
            post_id: Some(self.post_id),
            client_id: self.client_record.client.client_id.clone(),
            action_type,
            payload: json(payload),
            source_signals: Arc::clone(signals),
            risk_class: self.post.risk,
            confidence: self.post.confidence,
            truth_compliant: self.grounds.truth_notes.is_empty(),
            truth_notes: Arc::clone(&self.grounds.truth_notes),
            disclaimers: disclaimers(self.post),
            status: status(self.post),
            actor,
        }
    }

    fn time_choice(&self) -> Decision {
        let post = self.post;
        let payload = TimeChoice {
            channel: post.channel,
            scheduled_for: post.at,
            time_zone: self.client_record.client.zone.name(),
            slot_value: post.slot_value,
            fatigue: post.fatigue,
            campaign_id: post.campaign_id.as_ref(),
            keep_bonus: post.keep_bonus,
        };
        self.decision(ActionType::TimeChoice, "agency_director", &payload, &self.client_record.time_signals)
    }

    fn select_asset(&self) -> Decision {
        let asset = self.post.asset.as_ref();
        let payload = SelectAsset {
            asset_id: asset.map(|asset| &asset.asset_id),
            score: self.post.asset_score(),
            quality_factor: asset.map(|asset| asset.quality_factor),
        };
        let signals = self.client_record.asset_signals.iter().find(|(channel, _)| *channel == self.post.channel);
        let signals = signals.map_or(&self.client_record.no_signals, |(_, signals)| signals);
        self.decision(ActionType::SelectAsset, "creative_director", &payload, signals)
    }

    fn variation(&self) -> Option<Decision> {
        let asset = self.post.asset.as_ref()?;
        let variation_id = asset.variation_id.as_ref()?;
        let kind = if asset.is_evolution { ActionType::EvolutionStep } else { ActionType::VariationChoice };
        let payload = Variation { asset_id: &asset.asset_id, variation_id, score: asset.score };
        Some(self.decision(kind, "creative_director", &payload, &self.client_record.no_signals))
    }

    fn posting(&self) -> Decision {
        let post = self.post;
        let payload = Posting {
            status: post.status,
            risk_level: post.risk,
            priority: post.priority,
            expected_engagement: post.expected_engagement,
            cost: post.cost,
            net_worth: post.net_worth,
            surroundings: &post.surroundings,
            confidence_steps: &post.confidence_steps,
            blocked: post.blocked.as_deref(),
        };
        self.decision(ActionType::PostingDecision, "early_warning", &payload, &self.grounds.signals)
    }

    fn schedule(&self) -> Decision {
        let post = self.post;
        let blocked = post.status == ScheduleStatus::Blocked;
        let kind = if blocked { ActionType::ScheduleBlocked } else { ActionType::ScheduleCreated };
        let payload = Schedule {
            status: post.status,
            blocked_reason: post.blocked_reason(),
            blocked: post.blocked.as_deref(),
            blocked_by: post.verdicts_of(Outcome::Block).collect(),
        };
        self.decision(kind, "scaling", &payload, &self.client_record.schedule_signals)
    }
}

#[derive(Serialize)]
struct FatigueCheck<'a> {
    channel: Channel,
    fatigue_start: f64,
    fatigue_end: f64,
    posts_wanted: u32,
    posts_target: u32,
    posts_planned: u32,
    why_fewer: &'a str,
}

#[derive(Serialize)]
struct ConflictFound<'a> {
    channel: Option<Channel>,
    #[serde(rename = "type")]
    kind: ConflictKind,
    severity: Severity,
    description: &'a str,
    affected: u32,
    resolution: &'a str,
}

#[derive(Serialize)]
struct TimeChoice<'a> {
    channel: Channel,
    scheduled_for: Timestamp,
    time_zone: &'a str,
    slot_value: f64,
    fatigue: f64,
    campaign_id: Option<&'a CampaignId>,
    /// Left out if it is 0, as in every week that is planned for the first time.
    #[serde(skip_serializing_if = "is_zero")]
    keep_bonus: f64,
}

#[derive(Serialize)]
struct SelectAsset<'a> {
    asset_id: Option<&'a AssetId>,
    score: f64,
    quality_factor: Option<f64>,
}

#[derive(Serialize)]
struct Variation<'a> {
    asset_id: &'a AssetId,
    variation_id: &'a AssetId,
    score: f64,
}

#[derive(Serialize)]
struct Posting<'a> {
    status: ScheduleStatus,
    risk_level: RiskBand,
    priority: f64,
    expected_engagement: f64,
    cost: f64,
    net_worth: f64,
    #[serde(flatten)]
    surroundings: &'a PostSurroundings,
    confidence_steps: &'a [ConfidenceStep],
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<&'a Reason>,
}

#[derive(Serialize)]
struct PostingSignals<'a> {
    high_warnings: u32,
    medium_warnings: u32,
    performance_reality: &'a PerformanceReality,
    guardrails: &'a [Arc<Verdict>],
}

#[derive(Serialize)]
struct Schedule<'a> {
    status: ScheduleStatus,
    blocked_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<&'a Reason>,
    blocked_by: Vec<&'a Verdict>,
}

const SPREAD_CAVEAT: &str = "expected engagement is a mean; individual posts vary widely around it";

/// Caveats that must accompany a post's figures.
fn disclaimers(post: &Post) -> &'static [&'static str] {
    if post.asset.is_none() { &[SPREAD_CAVEAT, "planned without an asset"] } else { &[SPREAD_CAVEAT] }
}

fn status(post: &Post) -> DecisionStatus {
    match post.status {
        ScheduleStatus::Blocked => DecisionStatus::Rejected,
        ScheduleStatus::Ready => DecisionStatus::Accepted,
        _ => DecisionStatus::AwaitingApproval,
    }
}
