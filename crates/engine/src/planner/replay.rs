//! Decisions on record, judged again under the rules at hand.
//!
//! Asked again are the guardrails, the confidence, the risk band and the status that follows. What else was
//! decided stays as it is on record: the hour, the asset with its score, fatigue, the engagement expected, the
//! warnings that held, and which posts the engine itself held, such as those that reviewers had no time for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use chrono::NaiveDate;
use rayon::prelude::*;
use uuid::Uuid;

use super::channel::{WarningsSeen, Whose, channel_facts};
use super::impact::Stand;
use super::judge::{post_facts, shown_at};
use super::judgement::{Judgement, judgement};
use super::{PlanError, Planner};
use crate::model::{
    CampaignId, Channel, ChannelSeen, ClientId, Outcome, PerformanceReality, PostSeen, Reason, ScheduleStatus,
    Timestamp, Verdict, WallHour, Week, WeekHours, WorkspaceId, Zone,
};

/// When a post was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// As its plan was made.
    Plan,
    /// By a daily pass, which found that it must stand otherwise.
    Daily,
}

/// A decision about a post as it is on record, with what the rules saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The schedule.
    pub schedule_id: Uuid,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// On which occasion.
    pub occasion: Occasion,
    /// Whose.
    pub client_id: ClientId,
    /// The team's.
    pub workspace_id: WorkspaceId,
    /// The campaign it counts for.
    pub campaign_id: Option<CampaignId>,
    /// Where.
    pub channel: Channel,
    /// When it was to go out.
    pub scheduled_for: Timestamp,
    /// The client's zone.
    pub zone: Zone,
    /// What was known of the post.
    pub post: PostSeen,
    /// What was known of its channel.
    pub seen: ChannelSeen,
    /// Warnings that held.
    pub warnings: WarningsSeen,
    /// Perceived against true performance.
    pub reality: PerformanceReality,
    /// Whether somebody had approved it, so that its band no longer mattered.
    pub is_approved: bool,
    /// What was decided.
    pub stand: Stand,
    /// Why the engine held it, whatever the guardrails said; none where it did not.
    pub held: Option<Reason>,
    /// What the guardrails said. Of a daily pass, those that did not pass it.
    pub verdicts: Vec<Verdict>,
}

impl Recorded {
    /// The first guardrail that held it.
    #[must_use]
    pub fn blocked_by(&self) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.outcome == Outcome::Block)
    }
}

/// Weeks as clients' clocks show them, laid out once.
type Clocks = BTreeMap<(String, Week), WeekHours>;

impl Planner<'_> {
    /// Judges decisions on record under this planner's rules, in parallel. The answers come in their order.
    ///
    /// # Errors
    /// Where a rule fails, or a week is at the edge of the calendar. Of several, the first one's.
    pub fn judge_recorded(&self, recorded: &[Recorded]) -> Result<Vec<Judgement>, PlanError> {
        let clocks = clocks(recorded)?;
        let judged: Vec<Result<Judgement, PlanError>> =
            recorded.par_iter().map(|one| self.judge_one(one, &clocks)).collect();
        judged.into_iter().collect()
    }

    fn judge_one(&self, recorded: &Recorded, clocks: &Clocks) -> Result<Judgement, PlanError> {
        let Recorded { workspace_id, client_id, channel, .. } = recorded;
        let campaign = recorded.campaign_id.as_ref();
        let base = self.rules().effective(workspace_id, client_id, None);
        let rules = self.rules().effective(workspace_id, client_id, campaign);
        let whose = Whose { client: client_id, workspace: workspace_id, channel: *channel };
        let ctx = Arc::new(channel_facts(whose, &recorded.seen, &base, recorded.warnings, &recorded.reality));
        let shown = shown(recorded, clocks)?;
        let facts = Arc::new(post_facts(&recorded.post, shown, campaign, base.channel(*channel)));
        let held = recorded.held.clone();
        let (mut judged, _) = self.with_bench(|bench| judgement(&rules, facts, &ctx, held, bench.evaluator))?;
        if recorded.is_approved && judged.status == ScheduleStatus::Pending {
            judged.status = ScheduleStatus::Ready;
        }
        Ok(judged)
    }
}

fn week_of(recorded: &Recorded) -> (String, Week) {
    let week = Week::of(recorded.zone.wall_time(recorded.scheduled_for).date());
    (recorded.zone.name().to_owned(), week)
}

fn clocks(recorded: &[Recorded]) -> Result<Clocks, PlanError> {
    let mut clocks = Clocks::new();
    for one in recorded {
        let key = week_of(one);
        let week = key.1;
        if let Entry::Vacant(place) = clocks.entry(key) {
            place.insert(WeekHours::new(week, &one.zone)?);
        }
    }
    Ok(clocks)
}

/// What the client's clock and calendar show as the post goes out.
fn shown(recorded: &Recorded, clocks: &Clocks) -> Result<Option<(NaiveDate, WallHour)>, PlanError> {
    let hours = clocks.get(&week_of(recorded));
    Ok(hours.and_then(|hours| shown_at(hours, usize::try_from(hours.hour_of(recorded.scheduled_for)).ok()?)))
}
