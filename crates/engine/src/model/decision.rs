//! The record of a decision: what was decided, on what basis, with what confidence, and by whom.

use std::sync::Arc;

use uuid::Uuid;

use super::named::named;
use super::{ClientId, RiskBand};

named!(
    /// The kind of a decision.
    ActionType {
        /// Choice of a post's asset.
        SelectAsset = "select_asset",
        /// Choice of a post's time.
        TimeChoice = "time_choice",
        /// Choice of the asset's variation.
        VariationChoice = "variation_choice",
        /// A story advances to its next step.
        EvolutionStep = "evolution_step",
        /// Whether a post may run, awaits approval or is blocked.
        PostingDecision = "posting_decision",
        /// A schedule was created.
        ScheduleCreated = "schedule_created",
        /// A schedule was blocked.
        ScheduleBlocked = "schedule_blocked",
        /// A person approved a schedule.
        ScheduleApproved = "schedule_approved",
        /// A draft was created.
        ScheduleExecuted = "schedule_executed",
        /// A draft could not be created.
        ScheduleFailed = "schedule_failed",
        /// A conflict in the plan was found.
        ConflictDetected = "conflict_detected",
        /// A channel's fatigue was assessed.
        FatigueCheck = "fatigue_check",
    }
);

named!(
    /// The status of a decision.
    DecisionStatus {
        /// In effect.
        Accepted = "accepted",
        /// Rejected: not in effect.
        Rejected = "rejected",
        /// Executed without a person's approval.
        AutoExecuted = "auto_executed",
        /// Awaits a person's approval.
        AwaitingApproval = "awaiting_approval",
        /// Not yet settled.
        Pending = "pending",
    }
);

/// One recorded decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Derived from the plan and from the subject of the decision.
    pub id: Uuid,
    /// The post it concerns; `None` if it concerns a channel.
    pub post_id: Option<Uuid>,
    /// The client it concerns.
    pub client_id: ClientId,
    /// The kind.
    pub action_type: ActionType,
    /// The decision itself, as a JSON object whose fields depend on the kind.
    pub payload: String,
    /// The agents' signals it is based on, as a JSON object.
    pub source_signals: Arc<str>,
    /// How much human attention it needs.
    pub risk_class: RiskBand,
    /// Confidence, `0..=1`.
    pub confidence: f64,
    /// Doubts about the figures or the content that the guardrail `truth_layer` reported.
    pub truth_notes: Arc<[String]>,
    /// Whether the guardrail `truth_layer` reported no doubt.
    pub truth_compliant: bool,
    /// Disclaimers that must accompany it.
    pub disclaimers: &'static [&'static str],
    /// The status.
    pub status: DecisionStatus,
    /// Who decided: an agent of the engine, or a person.
    pub actor: &'static str,
}
