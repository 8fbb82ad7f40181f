//! Plans a week for every client: slots, assets, guardrails, confidence.
//!
//! ```text
//! state + rules ── agents ──> hours and candidates ── slots ──> assets ── guardrails ──> posts
//! ```
//!
//! A slot is an hour of the week at which a channel posts. The planner does no I/O and reads no clock. It does not
//! verify its own plans: `check` does, independently.

mod allocation;
mod around_guardrails;
mod asset_rows;
mod assets;
mod channel;
pub mod check;
mod committed;
mod confidence;
mod coupling;
mod decisions;
mod difference;
mod draft;
mod explanation;
mod export;
mod facts;
mod guardrail_counts;
mod hours;
mod impact;
mod instance;
mod limits;
mod matching;
mod objection;
mod post_evaluation;
mod post_status;
mod reevaluate;
mod replay;
mod reviews;
mod rule_evaluation;
mod seasons;
mod shared_limits;
mod slot_evaluation;
mod slots;
mod summary;
mod week;

pub use channel::{WarningsSeen, fatigue_at, weekly_posts_after_fatigue};
pub use confidence::{band, confidence};
pub use coupling::{CoupledSolution, CoupledWeek, Row, Term, smallest_conflict, solve_coupled};
pub use decisions::{client_decisions, decisions, post_decision_id};
pub use difference::{ChannelDifference, plan_difference};
pub use explanation::{
    AssetExplanation, BandThreshold, ExplainError, ExplanationStep, HourExplanation, PostExplanation, RecordedAsset,
    RecordedExplanation, RecordedTime, RecordedWorth, Source, StepEstimate, StepRole, VerdictExplanation, WhyNot,
    explain_hour, explain_post, why_not,
};
pub(crate) use explanation::{Explainer, guardrail_input};
pub use export::{SolvedInstance, SolvedRow, SolvedWeek, SolvedWeeks, SolvedWorkspace, solved_weeks};
pub use guardrail_counts::{GuardrailCounts, guardrail_counts};
pub use hours::{HourFactor, HourRule, HourValue};
pub use impact::{Cause, CauseKey, Change, ChangeKind, Impact, ImpactCount};
pub use instance::{Instance, Solution};
pub use limits::{
    ClientLimitCost, HighestPrice, HighestSharedPrice, LimitCost, SharedLimitCost, client_limit_costs, limit_costs,
    shared_limit_costs,
};
pub use objection::{ScheduledPost, objection_to};
pub use post_evaluation::{SlotOverrides, count_by_rule, priority};
pub use post_status::PostStatus;
pub use reevaluate::{ClientReevaluation, Reevaluation, decayed_fatigue, fatigue_after_post, start_of_hour};
pub use replay::{DecisionSource, Recorded};
pub use rule_evaluation::RuleEvaluation;
pub use seasons::seasonal_posts;
pub use slot_evaluation::{SlotEvaluation, SlotQuery};
pub use slots::Solver;
pub use summary::{ClientTotals, PlanCounts, PlanSummary};
pub use week::{Planner, hours_by_zone, plan_week};

use crate::diagnostic::Diagnostic;
use crate::model::{CalendarError, Channel, ClientId};
use crate::rules::RuleFailure;

/// Why a week could not be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A rule could not be evaluated.
    #[error(transparent)]
    Rule(#[from] RuleFailure),
    /// The week is at the edge of the supported calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// The scenario sets numbers for limits that the pack does not have, or that have no such numbers.
    #[error("{}", lines(.0))]
    LimitNumbers(Vec<Diagnostic>),
    /// The caller asked to stop.
    #[error("planning was stopped")]
    Stopped,
    /// A requested client does not exist.
    #[error("no such client")]
    NoSuchClient,
    /// A slot was requested on a channel that the client does not have.
    #[error("client `{client}` has no channel `{channel}`")]
    NoChannel {
        /// The client.
        client: ClientId,
        /// The channel.
        channel: Channel,
    },
}

/// Diagnostics, one a line.
fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
