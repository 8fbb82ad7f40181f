//! Re-evaluates recorded decisions under another rules pack.
//!
//! Guardrails, confidence, risk band and the resulting status are evaluated again. Everything else stays as recorded:
//! the hour, the asset with its score, fatigue, expected engagement, active warnings, and which posts the engine itself
//! blocked, such as those beyond the review capacity.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use chrono::NaiveDate;
use rayon::prelude::*;
use uuid::Uuid;

use super::channel::{ChannelKey, WarningsSeen, channel_facts};
use super::post_evaluation::{local_hour, post_facts};
use super::post_status::PostStatus;
use super::rule_evaluation::{RuleEvaluation, evaluate_rules};
use super::seasons::seasonal_posts;
use super::{PlanError, Planner};
use crate::model::{
    CampaignId, Channel, ChannelSnapshot, ClientId, Outcome, PerformanceReality, PostSnapshot, Reason, ScheduleStatus,
    Timestamp, Verdict, WallHour, Week, WeekHours, WorkspaceId, Zone,
};

/// What made a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionSource {
    /// Planning.
    Plan,
    /// A daily pass that changed the post's status.
    Daily,
}

/// A recorded decision about a post, with the facts that the rules saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Id of the schedule.
    pub schedule_id: Uuid,
    /// When the decision was made.
    pub decided_at: Timestamp,
    /// What made it.
    pub occasion: DecisionSource,
    /// The client whose post it is.
    pub client_id: ClientId,
    /// The workspace of the client.
    pub workspace_id: WorkspaceId,
    /// The campaign that the post counts for.
    pub campaign_id: Option<CampaignId>,
    /// The channel.
    pub channel: Channel,
    /// When the post was to go out.
    pub scheduled_for: Timestamp,
    /// The client's time zone.
    pub zone: Zone,
    /// What was known of the post.
    pub post: PostSnapshot,
    /// What was known of the channel.
    pub snapshot: ChannelSnapshot,
    /// Number of active warnings.
    pub warnings: WarningsSeen,
    /// Perceived and estimated true performance.
    pub reality: PerformanceReality,
    /// Whether a person had approved the post, so that its risk band no longer mattered.
    pub is_approved: bool,
    /// The recorded status, risk band and confidence.
    pub post_status: PostStatus,
    /// Why the engine blocked the post regardless of guardrails; `None` if it did not.
    pub engine_block: Option<Reason>,
    /// The guardrails' verdicts; for a daily pass, only those that did not pass.
    pub verdicts: Vec<Verdict>,
}

impl Recorded {
    /// The verdict of the first guardrail that blocked the post.
    #[must_use]
    pub fn blocked_by(&self) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.outcome == Outcome::Block)
    }
}

/// The hours of weeks in clients' time zones, computed once.
type Clocks = BTreeMap<(String, Week), WeekHours>;

impl Planner<'_> {
    /// Re-evaluates recorded decisions under this planner's rules, in parallel. Results are in the order of `recorded`.
    ///
    /// # Errors
    /// If a rule fails, or a week is at the edge of the supported calendar. Of several errors, that of the first
    /// decision.
    pub fn reevaluate_recorded(&self, recorded: &[Recorded]) -> Result<Vec<RuleEvaluation>, PlanError> {
        let clocks = clocks(recorded)?;
        let evaluated: Vec<Result<RuleEvaluation, PlanError>> =
            recorded.par_iter().map(|decision| self.reevaluate_one(decision, &clocks)).collect();
        evaluated.into_iter().collect()
    }

    fn reevaluate_one(&self, recorded: &Recorded, clocks: &Clocks) -> Result<RuleEvaluation, PlanError> {
        let Recorded { workspace_id, client_id, channel, .. } = recorded;
        let campaign = recorded.campaign_id.as_ref();
        let base = self.rules().effective(workspace_id, client_id, None);
        let rules = self.rules().effective(workspace_id, client_id, campaign);
        let channel_key = ChannelKey { client: client_id, workspace: workspace_id, channel: *channel };
        let posts_in_week = |hours: &WeekHours| seasonal_posts(&base, *channel, hours);
        let posts_wanted = clocks.get(&week_of(recorded)).map_or(base.channel(*channel).weekly_posts, posts_in_week);
        let Recorded { snapshot, warnings, reality, .. } = recorded;
        let ctx = Arc::new(channel_facts(channel_key, snapshot, &base, posts_wanted, *warnings, reality));
        let local_hour = posting_hour(recorded, clocks)?;
        let facts = Arc::new(post_facts(&recorded.post, local_hour, campaign, base.channel(*channel)));
        let engine_block = recorded.engine_block.clone();
        let (mut evaluated, _) =
            self.with_worker(|worker| evaluate_rules(&rules, facts, &ctx, engine_block, worker.evaluator))?;
        if recorded.is_approved && evaluated.status == ScheduleStatus::Pending {
            evaluated.status = ScheduleStatus::Ready;
        }
        Ok(evaluated)
    }
}

fn week_of(recorded: &Recorded) -> (String, Week) {
    let week = Week::of(recorded.zone.wall_time(recorded.scheduled_for).date());
    (recorded.zone.name().to_owned(), week)
}

fn clocks(recorded: &[Recorded]) -> Result<Clocks, PlanError> {
    let mut clocks = Clocks::new();
    for decision in recorded {
        let key = week_of(decision);
        let week = key.1;
        if let Entry::Vacant(entry) = clocks.entry(key) {
            entry.insert(WeekHours::new(week, &decision.zone)?);
        }
    }
    Ok(clocks)
}

/// What the client's clock shows when the post goes out: the date and the wall-clock hour.
fn posting_hour(recorded: &Recorded, clocks: &Clocks) -> Result<Option<(NaiveDate, WallHour)>, PlanError> {
    let hours = clocks.get(&week_of(recorded));
    Ok(hours.and_then(|hours| local_hour(hours, usize::try_from(hours.hour_of(recorded.scheduled_for)).ok()?)))
}
