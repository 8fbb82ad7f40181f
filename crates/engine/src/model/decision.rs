//! The record of a decision: what was decided, on what grounds, how sure, by whom.

use std::sync::Arc;

use uuid::Uuid;

use super::named::named;
use super::{ClientId, RiskBand};

named!(
    /// What kind of decision it is.
    ActionType {
        /// Which asset a post carries.
        SelectAsset = "select_asset",
        /// When a post runs.
        TimeChoice = "time_choice",
        /// Which variation of the asset is used.
        VariationChoice = "variation_choice",
        /// The story goes on with its next step.
        EvolutionStep = "evolution_step",
        /// Whether the post may run, waits, or is held.
        PostingDecision = "posting_decision",
        /// A schedule was made.
        ScheduleCreated = "schedule_created",
        /// A schedule was held back.
        ScheduleBlocked = "schedule_blocked",
        /// A person approved.
        ScheduleApproved = "schedule_approved",
        /// A draft was made.
        ScheduleExecuted = "schedule_executed",
        /// A draft could not be made.
        ScheduleFailed = "schedule_failed",
        /// Something stands against the plan.
        ConflictDetected = "conflict_detected",
        /// A channel's fatigue was judged.
        FatigueCheck = "fatigue_check",
    }
);

named!(
    /// Where a decision stands.
    DecisionStatus {
        /// It holds.
        Accepted = "accepted",
        /// It does not.
        Rejected = "rejected",
        /// It ran by itself.
        AutoExecuted = "auto_executed",
        /// A person must say.
        AwaitingApproval = "awaiting_approval",
        /// Not yet settled.
        Pending = "pending",
    }
);

/// One decision on record.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Derived from the plan and what it decides.
    pub id: Uuid,
    /// The post it concerns; none where it concerns a channel.
    pub post_id: Option<Uuid>,
    /// Whose.
    pub client_id: ClientId,
    /// What kind.
    pub action_type: ActionType,
    /// The decision itself, by kind, as a JSON object.
    pub payload: String,
    /// The agents' signals that it rests on, as a JSON object.
    pub source_signals: Arc<str>,
    /// How much attention it needs.
    pub risk_class: RiskBand,
    /// How sure, `0..=1`.
    pub confidence: f64,
    /// What the truth layer wants known.
    pub truth_notes: Arc<[String]>,
    /// Whether the truth layer has nothing against it.
    pub truth_compliant: bool,
    /// What must be said with it.
    pub disclaimers: &'static [&'static str],
    /// Where it stands.
    pub status: DecisionStatus,
    /// Who decided: an agent of the engine, or a person.
    pub actor: &'static str,
}
