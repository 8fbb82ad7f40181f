//! Rebases a plan whose clients' state has changed: the week is planned again around what is committed, and the old
//! plan's posts stay where they are unless another hour earns more than the keep bonus of the rules.

use std::collections::BTreeSet;

use super::client_state::Counted;
use super::commit::{Commit, Committed};
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::with_retries;
use super::row::{Instant, Name};
use super::values::values;
use super::week_over::refuse_if_week_is_over;
use super::weekly::MAX_REPLANS;
use crate::model::{Channel, ClientId, ClientPlan, Plan, Post, Scenario, Timestamp, WorkspaceId};
use crate::planner::check::check_plan;
use crate::planner::{Planner, decisions, plan_week};

/// The schedules that a rebased plan works around.
const COUNTED: Counted = Counted::LiveAndBlocked;

/// The result of rebasing a plan in one workspace.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Rebased {
    /// The commits of the new plans, added up; the id is that of the first.
    pub committed: Committed,
    /// Posts of the old plan that are in the ledger now, with the same client, channel and time.
    pub kept: usize,
    /// Posts of the old plan that are not in the ledger.
    pub dropped: usize,
    /// Posts of the new plans that were not in the old plan.
    pub added: usize,
    /// Sum of the keep bonuses of the new plans' posts, in the unit of worth: what their objectives hold in addition
    /// for posts that stay.
    pub keep_bonus: f64,
}

impl Rebased {
    /// The result for a plan that was committed unchanged.
    #[must_use]
    pub const fn unchanged(committed: Committed) -> Self {
        Self { committed, kept: committed.schedules, dropped: 0, added: 0, keep_bonus: 0.0 }
    }
}

impl Ledger {
    /// Plans the rest of the week again for a plan's clients, from the ledger's state and under the plan's rules,
    /// around committed and blocked posts, and commits the result, workspace by workspace. The posts of the old plan
    /// are the previous posts, which the rules' keep bonus favours. Planning repeats until it adds nothing, because a
    /// post that was not worthwhile can become so once fewer posts are left to place. Rebasing the same plan again
    /// therefore changes nothing.
    ///
    /// # Errors
    /// As [`Ledger::commit`], and if a rule fails or the new plan does not pass the checker.
    pub async fn rebase(&self, old: Commit<'_>, planner: Planner<'_>) -> Result<Vec<Rebased>, StoreError> {
        let workspaces: BTreeSet<&WorkspaceId> = old.plan.clients.iter().map(|plan| &plan.workspace_id).collect();
        let clients: BTreeSet<&str> = old.plan.clients.iter().map(|plan| plan.client_id.as_str()).collect();
        let is_selected = |id: &ClientId| clients.contains(id.as_str());
        let planner = planner.starting_at(old.now);
        let mut results = Vec::new();
        for workspace in workspaces {
            let mut added = BTreeSet::new();
            let (mut total, mut keep_bonus): (Option<Committed>, f64) = (None, 0.0);
            let mut replans = 0;
            loop {
                let scenario =
                    with_retries(|| self.scenario_of(workspace, old.plan.week, is_selected, COUNTED)).await?;
                let scenario = scenario.with_previous_posts(old.plan);
                let (plan, committed) = match self.plan_rest(&old, &planner, &scenario).await {
                    // The state changed concurrently while the clients were planned: plan again.
                    Err(StoreError::StateChanged(_)) if replans < MAX_REPLANS => {
                        replans += 1;
                        continue;
                    }
                    other => other?,
                };
                keep_bonus += plan.keep_bonus();
                added.extend(post_keys(&plan, workspace));
                total = Some(total.map_or(committed, |total| total.plus(committed)));
                if !committed.is_new {
                    break;
                }
            }
            let Some(committed) = total else { continue };
            let existing = with_retries(|| self.existing_keys(workspace, old.plan)).await?;
            let summary = summary(&post_keys(old.plan, workspace), &added, &existing, committed);
            results.push(Rebased { keep_bonus, ..summary });
        }
        Ok(results)
    }

    /// Plans the rest of the week for the clients of a scenario from the ledger. Commits the plan unless it is empty.
    async fn plan_rest(
        &self,
        old: &Commit<'_>,
        planner: &Planner<'_>,
        scenario: &Scenario,
    ) -> Result<(Plan, Committed), StoreError> {
        refuse_if_week_is_over(scenario, old.plan.week, old.now)?;
        let plan = plan_week(planner, scenario, old.plan.week)?;
        let breaches = check_plan(&plan, scenario, old.rules);
        if !breaches.is_empty() {
            return Err(StoreError::Breaches(breaches.iter().map(ToString::to_string).collect()));
        }
        let plan_decisions = decisions(&plan);
        let commit = Commit { plan: &plan, decisions: &plan_decisions, scenario, counted: COUNTED, ..*old };
        let is_empty = plan.posts().next().is_none();
        let committed = if is_empty { commit.summary(false) } else { self.commit(commit).await? };
        Ok((plan, committed))
    }

    /// Keys of the workspace's live, completed and blocked schedules between a plan's first and last post.
    async fn existing_keys(&self, workspace: &WorkspaceId, plan: &Plan) -> Result<BTreeSet<PostKey>, StoreError> {
        let times = || plan.posts().map(|(_, post)| post.at);
        let Some((first, last)) = times().min().zip(times().max()) else { return Ok(BTreeSet::new()) };
        let sql = format!(
            "SELECT client_id, channel, scheduled_for FROM campaign_orchestration_schedules WHERE workspace_id = $1 \
             AND status IN {} AND scheduled_for BETWEEN $2 AND $3",
            COUNTED.statuses()
        );
        let mut tx = self.read().await?;
        let posts: Vec<(String, Name<Channel>, Instant)> =
            tx.all(&sql, values![workspace.as_str(), first, last]).await?;
        let key = |(client_id, Name(channel), Instant(at))| PostKey { client_id, channel, at };
        Ok(posts.into_iter().map(key).collect())
    }
}

/// What identifies a post when two plans are compared.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct PostKey {
    client_id: String,
    channel: Channel,
    at: Timestamp,
}

/// The keys of a plan's posts in one workspace.
fn post_keys(plan: &Plan, workspace: &WorkspaceId) -> BTreeSet<PostKey> {
    let is_in_workspace = |(client, _): &(&ClientPlan, &Post)| client.workspace_id == *workspace;
    let key = |(client, post): (&ClientPlan, &Post)| PostKey {
        client_id: client.client_id.to_string(),
        channel: post.channel,
        at: post.at,
    };
    plan.posts().filter(is_in_workspace).map(key).collect()
}

/// Compares the posts of the old plan with those of the new plans and with the ledger's existing ones.
fn summary(
    old: &BTreeSet<PostKey>,
    new: &BTreeSet<PostKey>,
    existing: &BTreeSet<PostKey>,
    committed: Committed,
) -> Rebased {
    let kept = old.intersection(existing).count();
    Rebased { committed, kept, dropped: old.len() - kept, added: new.difference(old).count(), keep_bonus: 0.0 }
}
