//! The record of a plan: every decision with its grounds, derived from the plan and nothing else.

use std::sync::Arc;

use serde::Serialize;

use crate::model::{
    ActionType, Allocation, AssetId, CampaignId, Channel, ClientPlan, ConfidenceStep, Conflict, ConflictKind, Decision,
    DecisionStatus, Outcome, PerformanceReality, Plan, Post, RiskBand, ScheduleStatus, Severity, Verdict, derived_id,
};

/// Every decision of a plan: by client, first its channels' fatigue, then its posts by time, then what
/// stands against the plan.
#[must_use]
pub fn decisions(plan: &Plan) -> Vec<Decision> {
    plan.clients.iter().flat_map(|client| client_decisions(plan, client)).collect()
}

/// The decisions about one client of the plan.
#[must_use]
pub fn client_decisions(plan: &Plan, client: &ClientPlan) -> Vec<Decision> {
    let record = Record::open(plan, client);
    let mut decisions = Vec::with_capacity(client.posts.len() * 5 + client.allocations.len());
    decisions.extend(client.allocations.iter().map(|allocation| record.fatigue_check(allocation)));
    for post in &client.posts {
        record.post(post, &mut decisions);
    }
    decisions.extend(client.conflicts.iter().enumerate().map(|(number, conflict)| record.conflict(number, conflict)));
    decisions
}

/// One client's record, with the signals that many of its decisions share written out once.
struct Record<'p> {
    plan: &'p Plan,
    client: &'p ClientPlan,
    fatigue_signals: Arc<str>,
    time_signals: Arc<str>,
    warning_signals: Arc<str>,
    schedule_signals: Arc<str>,
    asset_signals: Vec<(Channel, Arc<str>)>,
}

/// JSON of what always has one: structs of numbers, texts and lists.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl<'p> Record<'p> {
    fn open(plan: &'p Plan, client: &'p ClientPlan) -> Self {
        let signals = &client.signals;
        let strategy = ("agency_director", json(&signals.agency_director));
        let capacity = ("scaling", json(&signals.scaling));
        let context = ("client_ops", json(&signals.client_ops));
        let object = |parts: &[&(&str, String)]| -> Arc<str> {
            let fields: Vec<String> = parts.iter().map(|(name, text)| format!("\"{name}\":{text}")).collect();
            format!("{{{}}}", fields.join(",")).into()
        };
        let of_channel = |assets| object(&[&("creative_director", json(assets))]);
        let channels = &signals.creative_director.channels;
        Self {
            plan,
            client,
            fatigue_signals: object(&[&capacity, &strategy]),
            time_signals: object(&[&strategy, &context, &capacity]),
            warning_signals: object(&[&("early_warning", json(&signals.early_warning))]),
            schedule_signals: object(&[&context]),
            asset_signals: channels.iter().map(|assets| (assets.channel, of_channel(assets))).collect(),
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
            source_signals: Arc::clone(&self.fatigue_signals),
            ..self.about_client(ActionType::FatigueCheck, allocation.channel.name(), "client_ops")
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
            ..self.about_client(ActionType::ConflictDetected, &number.to_string(), "early_warning")
        }
    }

    fn about_client(&self, action_type: ActionType, name: &str, actor: &'static str) -> Decision {
        let client_id = &self.client.client_id;
        Decision {
            id: derived_id(self.plan.plan_id.as_bytes(), &["decision", client_id.as_str(), action_type.name(), name]),
            post_id: None,
            client_id: client_id.clone(),
            action_type,
            payload: String::new(),
            source_signals: "{}".into(),
            risk_class: RiskBand::Low,
            confidence: 1.0,
            truth_notes: Vec::new(),
            truth_compliant: true,
            disclaimers: Vec::new(),
            status: DecisionStatus::Accepted,
            actor,
        }
    }

    fn post(&self, post: &Post, decisions: &mut Vec<Decision>) {
        let about = AboutPost::new(self, post);
        decisions.push(about.time_choice());
        decisions.push(about.select_asset());
        decisions.extend(about.variation());
        decisions.push(about.posting());
        decisions.push(about.schedule());
    }
}

/// What the decisions about one post have in common.
struct AboutPost<'r, 'p> {
    record: &'r Record<'p>,
    post: &'p Post,
    common: Decision,
}

impl<'r, 'p> AboutPost<'r, 'p> {
    fn new(record: &'r Record<'p>, post: &'p Post) -> Self {
        let client_id = &record.client.client_id;
        let truth_notes: Vec<String> = post
            .verdicts
            .iter()
            .filter(|verdict| &*verdict.rule == "truth_layer" && verdict.outcome != Outcome::Pass)
            .map(|verdict| verdict.reason.to_string())
            .collect();
        let common = Decision {
            id: record.plan.plan_id,
            post_id: Some(record.plan.post_id(client_id, post)),
            client_id: client_id.clone(),
            action_type: ActionType::TimeChoice,
            payload: String::new(),
            source_signals: "{}".into(),
            risk_class: post.risk,
            confidence: post.confidence,
            truth_compliant: truth_notes.is_empty(),
            truth_notes,
            disclaimers: disclaimers(post),
            status: status(post),
            actor: "agency_director",
        };
        Self { record, post, common }
    }

    fn decision(
        &self,
        action_type: ActionType,
        actor: &'static str,
        payload: &impl Serialize,
        signals: Arc<str>,
    ) -> Decision {
        let space = self.common.post_id.unwrap_or(self.record.plan.plan_id);
        Decision {
            id: derived_id(space.as_bytes(), &["decision", action_type.name()]),
            action_type,
            payload: json(payload),
            source_signals: signals,
            actor,
            ..self.common.clone()
        }
    }

    fn time_choice(&self) -> Decision {
        let post = self.post;
        let payload = TimeChoice {
            channel: post.channel,
            scheduled_for: post.at,
            time_zone: self.record.client.zone.name(),
            slot_value: post.slot_value,
            fatigue: post.fatigue,
            campaign_id: post.campaign_id.as_ref(),
        };
        self.decision(ActionType::TimeChoice, "agency_director", &payload, Arc::clone(&self.record.time_signals))
    }

    fn select_asset(&self) -> Decision {
        let asset = self.post.asset.as_ref();
        let payload = SelectAsset {
            asset_id: asset.map(|asset| &asset.asset_id),
            score: self.post.asset_score(),
            quality_factor: asset.map(|asset| asset.quality_factor),
        };
        let signals = self.record.asset_signals.iter().find(|(channel, _)| *channel == self.post.channel);
        let signals = signals.map_or_else(|| "{}".into(), |(_, signals)| Arc::clone(signals));
        self.decision(ActionType::SelectAsset, "creative_director", &payload, signals)
    }

    fn variation(&self) -> Option<Decision> {
        let asset = self.post.asset.as_ref()?;
        let variation_id = asset.variation_id.as_ref()?;
        let kind = if asset.is_evolution { ActionType::EvolutionStep } else { ActionType::VariationChoice };
        let payload = Variation { asset_id: &asset.asset_id, variation_id, score: asset.score };
        Some(self.decision(kind, "creative_director", &payload, "{}".into()))
    }

    fn posting(&self) -> Decision {
        let post = self.post;
        let signals = &self.record.client.signals;
        let payload = Posting {
            status: post.status,
            risk_level: post.risk,
            priority: post.priority,
            expected_engagement: post.expected_engagement,
            confidence_steps: &post.confidence_steps,
        };
        let grounds = Grounds {
            high_warnings: signals.early_warning.high_warnings,
            medium_warnings: signals.early_warning.medium_warnings,
            performance_reality: &signals.performance_reality,
            guardrails: &post.verdicts,
        };
        self.decision(ActionType::PostingDecision, "early_warning", &payload, json(&grounds).into())
    }

    fn schedule(&self) -> Decision {
        let post = self.post;
        let blocked = post.status == ScheduleStatus::Blocked;
        let kind = if blocked { ActionType::ScheduleBlocked } else { ActionType::ScheduleCreated };
        let payload = Schedule {
            status: post.status,
            blocked_reason: post.blocked_reason.as_deref(),
            blocked_by: post.verdicts_of(Outcome::Block).collect(),
        };
        self.decision(kind, "scaling", &payload, Arc::clone(&self.record.schedule_signals))
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
    scheduled_for: jiff::Timestamp,
    time_zone: &'a str,
    slot_value: f64,
    fatigue: f64,
    campaign_id: Option<&'a CampaignId>,
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
    confidence_steps: &'a [ConfidenceStep],
}

#[derive(Serialize)]
struct Grounds<'a> {
    high_warnings: u32,
    medium_warnings: u32,
    performance_reality: &'a PerformanceReality,
    guardrails: &'a [Arc<Verdict>],
}

#[derive(Serialize)]
struct Schedule<'a> {
    status: ScheduleStatus,
    blocked_reason: Option<&'a str>,
    blocked_by: Vec<&'a Verdict>,
}

/// What must be said with a post's figures.
fn disclaimers(post: &Post) -> Vec<&'static str> {
    let mut disclaimers = vec!["expected engagement is a mean; single posts spread widely around it"];
    if post.asset.is_none() {
        disclaimers.push("planned without an asset");
    }
    disclaimers
}

fn status(post: &Post) -> DecisionStatus {
    match post.status {
        ScheduleStatus::Blocked => DecisionStatus::Rejected,
        ScheduleStatus::Ready => DecisionStatus::Accepted,
        _ => DecisionStatus::AwaitingApproval,
    }
}
