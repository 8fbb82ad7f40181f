//! Commits a plan to the ledger: all its clients in one transaction, idempotently.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;
use uuid::Uuid;

use super::bulk_insert::insert;
use super::client_state::{
    ClientSelector, Counted, load_capacity, load_channels_and_posts, load_client_states_with, relevant_asset_uses,
};
use super::database::Tx;
use super::day_posts::DayPosts;
use super::decision_rows::{self, DecisionRow};
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::with_retries;
use super::schedule_json::{metadata, post_preview};
use super::values::values;
use super::week_over::refuse_if_week_is_over;
use crate::model::{
    ChannelState, Client, ClientPlan, ClientState, Decision, Plan, Post, Scenario, ScheduleStatus, SharedPeriod,
    Timestamp, Week, WorkspaceId,
};
use crate::planner::check::{ExceededLimit, exceeded_limits};
use crate::rules::{CompiledRules, LimitRules, LimitScope};

/// A plan with everything needed to commit it.
#[derive(Clone, Copy)]
pub struct Commit<'a> {
    /// The plan to commit.
    pub plan: &'a Plan,
    /// The plan's decisions, to be recorded with it.
    pub decisions: &'a [Decision],
    /// The scenario it was made from.
    pub scenario: &'a Scenario,
    /// The rules it was made under.
    pub rules: &'a CompiledRules,
    /// Who commits it.
    pub actor: &'a str,
    /// The time of the commit.
    pub now: Timestamp,
    /// The schedules that counted as posts when the plan was made; the check for changed state counts the same ones.
    pub counted: Counted,
    /// Called once for each row written.
    pub progress: &'a (dyn Fn() + Sync),
}

/// The result of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "CommittedPlan")]
pub struct Committed {
    /// The plan's id.
    pub plan_id: Uuid,
    /// Whether anything was committed; false if the plan was already in the ledger.
    pub is_new: bool,
    /// Number of schedules in the plan.
    pub schedules: usize,
    /// Schedules that run without approval.
    pub ready: usize,
    /// Schedules that wait for approval.
    pub pending: usize,
    /// Blocked schedules.
    pub blocked: usize,
    /// Number of decisions recorded.
    pub decisions: usize,
}

impl Committed {
    /// The sum of both commits, with the id of the first; an `other` that changed nothing adds nothing.
    pub(super) fn plus(self, other: Self) -> Self {
        if !other.is_new {
            return self;
        }
        Self {
            plan_id: self.plan_id,
            is_new: self.is_new || other.is_new,
            schedules: self.schedules + other.schedules,
            ready: self.ready + other.ready,
            pending: self.pending + other.pending,
            blocked: self.blocked + other.blocked,
            decisions: self.decisions + other.decisions,
        }
    }
}

impl Ledger {
    /// Commits a plan atomically. The plan must have passed the checker.
    ///
    /// # Errors
    /// If a client is unknown, if anything that planning reads has changed since the plan was made, if the plan and what
    /// is committed for other clients together exceed a limit, if the week is over or any of the plan's posts lie in the
    /// past, or if the database fails.
    pub async fn commit(&self, commit: Commit<'_>) -> Result<Committed, StoreError> {
        with_retries(|| self.commit_once(commit)).await
    }

    async fn commit_once(&self, commit: Commit<'_>) -> Result<Committed, StoreError> {
        let mut tx = self.write().await?;
        let ids: Vec<&str> = commit.plan.clients.iter().map(|plan| plan.client_id.as_str()).collect();
        let locked = lock_clients_and_workspaces(&mut tx, &ids, &commit.sharing_workspaces()).await?;
        require_known(&locked, commit.plan)?;
        if tx.exists("SELECT 1 FROM plans WHERE plan_id = $1", values![commit.plan.plan_id]).await? {
            return Ok(commit.summary(false));
        }
        refuse_if_week_is_over(commit.scenario, commit.plan.week, commit.now)?;
        let mut changes = commit.state_changes(&mut tx, &ids).await?;
        changes.extend(commit.capacity_changes(&mut tx).await?);
        changes.extend(commit.describe_past_posts());
        changes.extend(commit.exceeded_limits(&mut tx, &locked).await?);
        if !changes.is_empty() {
            return Err(StoreError::StateChanged(changes));
        }
        commit.write(&mut tx).await?;
        tx.commit().await?;
        Ok(commit.summary(true))
    }
}

/// Locks clients' rows until the transaction ends, so that other commits wait. Returns the known clients, each with its
/// workspace.
pub(super) async fn lock_clients(tx: &mut Tx, ids: &[&str]) -> Result<BTreeMap<String, String>, StoreError> {
    lock_clients_and_workspaces(tx, ids, &[]).await
}

/// As [`lock_clients`], for the clients with these ids and all clients of these workspaces.
async fn lock_clients_and_workspaces(
    tx: &mut Tx,
    ids: &[&str],
    workspaces: &[&str],
) -> Result<BTreeMap<String, String>, StoreError> {
    let sql = "SELECT client_id, workspace_id FROM clients WHERE client_id = ANY($1) OR workspace_id = ANY($2) \
               ORDER BY 1 FOR UPDATE";
    Ok(tx.all(sql, values![ids, workspaces]).await?.into_iter().collect())
}

/// Fails if any of a plan's clients is unknown or belongs to another workspace. `workspaces` has the known clients.
fn require_known(workspaces: &BTreeMap<String, String>, plan: &Plan) -> Result<(), StoreError> {
    let ids = |is_wrong: &dyn Fn(&ClientPlan) -> bool| -> Vec<String> {
        plan.clients.iter().filter(|plan| is_wrong(plan)).map(|plan| plan.client_id.to_string()).collect()
    };
    let unknown = ids(&|plan| !workspaces.contains_key(plan.client_id.as_str()));
    if !unknown.is_empty() {
        return Err(StoreError::UnknownClients(unknown));
    }
    let elsewhere =
        ids(&|plan| workspaces.get(plan.client_id.as_str()).map(String::as_str) != Some(plan.workspace_id.as_str()));
    if elsewhere.is_empty() { Ok(()) } else { Err(StoreError::OtherWorkspace(elsewhere)) }
}

impl<'a> Commit<'a> {
    pub(super) fn summary(&self, is_new: bool) -> Committed {
        let count = |status| self.plan.posts().filter(|(_, post)| post.status == status).count();
        Committed {
            plan_id: self.plan.plan_id,
            is_new,
            schedules: self.plan.posts().count(),
            ready: count(ScheduleStatus::Ready),
            pending: count(ScheduleStatus::Pending),
            blocked: count(ScheduleStatus::Blocked),
            decisions: self.decisions.len(),
        }
    }

    /// One line for each client that has live posts in the past.
    fn describe_past_posts(&self) -> impl Iterator<Item = String> + '_ {
        let count = |plan: &ClientPlan| plan.posts.iter().filter(|post| post.is_live() && post.at < self.now).count();
        let describe = |(plan, count): (&ClientPlan, usize)| {
            format!("  client `{}`: {count} of its posts are in the past", plan.client_id)
        };
        self.plan.clients.iter().map(move |plan| (plan, count(plan))).filter(|(_, count)| *count > 0).map(describe)
    }

    /// What has changed since the plan was made: one line per client.
    async fn state_changes(&self, tx: &mut Tx, ids: &[&str]) -> Result<Vec<String>, StoreError> {
        let current: BTreeMap<String, (Client, ClientState)> =
            load_client_states_with(tx, &ClientSelector::Clients(ids), &BTreeSet::new(), self.counted)
                .await?
                .into_iter()
                .map(|(client, state)| (client.id.to_string(), (client, state)))
                .collect();
        let planned: BTreeSet<&str> = self.plan.clients.iter().map(|plan| plan.client_id.as_str()).collect();
        let clients = self.scenario.clients.iter().filter(|(client, _)| planned.contains(client.id.as_str()));
        Ok(clients
            .flat_map(|(client, state)| match current.get(client.id.as_str()) {
                Some((client_now, state_now)) => differences((client, state), (client_now, state_now)),
                None => vec![format!("  client `{}` is no longer in the ledger", client.id)],
            })
            .collect())
    }

    /// One line for each of the plan's workspaces whose review capacity has changed since the plan was made.
    async fn capacity_changes(&self, tx: &mut Tx) -> Result<Vec<String>, StoreError> {
        let workspaces: BTreeSet<&WorkspaceId> = self.plan.clients.iter().map(|plan| &plan.workspace_id).collect();
        let then = self.scenario.capacity.reviews_per_day();
        let mut changes = Vec::new();
        for workspace in workspaces {
            let now = load_capacity(tx, workspace).await?.reviews_per_day();
            if now != then {
                let change = format!("its review capacity was {then} posts a day and is now {now}");
                changes.push(format!("  workspace `{workspace}`: {change}"));
            }
        }
        Ok(changes)
    }

    /// The workspaces of planned clients in which a limit counts the posts of several clients. The reviewers' capacity
    /// counts only if posts of the plan need a review.
    fn sharing_workspaces(&self) -> Vec<&'a str> {
        let planned =
            self.scenario.clients.iter().map(|(client, _)| client).filter(|client| client.status.is_planned());
        // Overlays of a client do not change such limits, so any client stands for its workspace.
        let by_workspace: BTreeMap<&str, &Client> =
            planned.map(|client| (client.workspace_id.as_str(), client)).collect();
        let needs_review = |post: &Post| post.status == ScheduleStatus::Pending;
        let with_reviews: BTreeSet<&str> = self
            .plan
            .posts()
            .filter(|(_, post)| needs_review(post))
            .map(|(plan, _)| plan.workspace_id.as_str())
            .collect();
        let is_shared = |limit: &LimitRules| limit.scope != LimitScope::Client;
        let declares = |client: &Client| self.rules.for_client(client).base().limits.iter().any(is_shared);
        let shares = |(workspace, client): &(&str, &Client)| with_reviews.contains(workspace) || declares(client);
        by_workspace.into_iter().filter(shares).map(|(workspace, _)| workspace).collect()
    }

    /// One line for each period of a limit in which the plan needs more posts than the committed ones of all clients
    /// leave. `locked` has the clients of the plan and of the workspaces that share limits.
    async fn exceeded_limits(&self, tx: &mut Tx, locked: &BTreeMap<String, String>) -> Result<Vec<String>, StoreError> {
        let planned: BTreeSet<&str> = self.plan.clients.iter().map(|plan| plan.client_id.as_str()).collect();
        let others: Vec<&str> = locked.keys().map(String::as_str).filter(|id| !planned.contains(id)).collect();
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let selector = ClientSelector::Clients(&others);
        let others = load_channels_and_posts(tx, &selector, &BTreeSet::new(), self.counted).await?;
        let exceeded = exceeded_limits(self.plan, self.scenario, &others, self.rules);
        Ok(exceeded.iter().map(|exceeded| exceeded_line(exceeded, self.plan.week)).collect())
    }

    async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        self.write_plan(tx).await?;
        let clients: BTreeMap<&str, &Client> =
            self.scenario.clients.iter().map(|(client, _)| (client.id.as_str(), client)).collect();
        let posts = self.plan.posts().inspect(|_| (self.progress)());
        let rows = posts.map(|(plan, post)| (clients.get(plan.client_id.as_str()).copied(), plan, post));
        self.write_schedules(tx, rows).await?;
        let workspaces: BTreeMap<&str, &str> =
            self.plan.clients.iter().map(|plan| (plan.client_id.as_str(), plan.workspace_id.as_str())).collect();
        let days = self.day_posts()?;
        let day = |decision: &Decision| decision.post_id.and_then(|id| days.get(&id));
        let row = |decision: &'a Decision| match workspaces.get(decision.client_id.as_str()) {
            Some(workspace) => Ok(DecisionRow::planned(workspace, decision, day(decision))),
            None => Err(StoreError::UnknownClients(vec![decision.client_id.to_string()])),
        };
        let rows: Vec<DecisionRow<'_>> = self.decisions.iter().map(row).collect::<Result<_, _>>()?;
        decision_rows::write(tx, &rows, self.now, self.progress).await
    }

    /// The posts of each post's day, by the post's id, if there are several.
    fn day_posts(&self) -> Result<HashMap<Uuid, DayPosts>, StoreError> {
        let mut days = HashMap::new();
        for (plan, post) in self.plan.posts() {
            if let Some(day) = DayPosts::of(plan, post)? {
                days.insert(self.plan.post_id(&plan.client_id, post), day);
            }
        }
        Ok(days)
    }

    async fn write_plan(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let plan = self.plan;
        let files: serde_json::Map<String, serde_json::Value> =
            self.rules.pack().files.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
        let insert_pack = "INSERT INTO rules_packs (rules_hash, files, created_at) VALUES ($1, $2, $3) \
                           ON CONFLICT (rules_hash) DO NOTHING";
        tx.run(insert_pack, values![plan.rules_hash.as_str(), serde_json::Value::Object(files), self.now]).await?;
        let insert_plan = "INSERT INTO plans (plan_id, week, scenario, scenario_hash, rules_hash, version, objective, \
                           upper_bound, posts, created_at, created_by) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let row = values![
            plan.plan_id,
            plan.week.to_string(),
            plan.scenario.as_str(),
            plan.scenario_hash.as_str(),
            plan.rules_hash.as_str(),
            env!("CARGO_PKG_VERSION"),
            plan.objective(),
            plan.upper_bound(),
            plan.posts().count() as i64,
            self.now,
            self.actor,
        ];
        tx.run(insert_plan, row).await?;
        let week = plan.week.to_string();
        insert!(tx, "plan_clients", &plan.clients, |client| {
            plan_id: plan.plan_id,
            client_id: client.client_id.as_str(),
            workspace_id: client.workspace_id.as_str(),
            week: week.as_str(),
        })
        .await?;
        Ok(())
    }

    async fn write_schedules<'p>(
        &self,
        tx: &mut Tx,
        rows: impl Iterator<Item = (Option<&'p Client>, &'p ClientPlan, &'p Post)>,
    ) -> Result<(), StoreError> {
        insert!(tx, "campaign_orchestration_schedules", rows, |(client, plan, post)| {
            id: self.plan.post_id(&plan.client_id, post),
            created_at: self.now,
            updated_at: self.now,
            client_id: plan.client_id.as_str(),
            workspace_id: plan.workspace_id.as_str(),
            campaign_id: post.campaign_id.as_ref().map(|id| id.as_str()),
            channel: post.channel.name(),
            scheduled_for: post.at,
            time_zone: plan.zone.name(),
            creative_asset_id: post.asset.as_ref().map(|asset| asset.asset_id.as_str()),
            variation_id: post.asset.as_ref().and_then(|asset| asset.variation_id.as_ref()).map(|id| id.as_str()),
            content_preview: post_preview(*client, post).to_string().as_str(),
            status: post.status.name(),
            priority: post.priority,
            metadata: metadata(plan, post).as_str(),
            risk_level: post.risk.name(),
            blocked_reason: post.blocked_reason().as_deref(),
            blocked_code: post.blocked.as_ref().map(|reason| reason.code()),
            blocked_details: post.blocked.as_ref().map_or(json!({}), |reason| reason.details()).to_string().as_str(),
            calendar_uid: post.calendar_uid(&plan.client_id).as_str(),
            created_by: self.actor,
            plan_id: self.plan.plan_id,
            rules_hash: self.plan.rules_hash.as_str(),
            confidence: post.confidence,
            expected_engagement: post.expected_engagement,
            fatigue: post.fatigue,
        })
        .await?;
        Ok(())
    }
}

/// Describes in one line a limit that the plan and the committed posts together exceed.
fn exceeded_line(exceeded: &ExceededLimit, week: Week) -> String {
    let ExceededLimit { workspace_id, limit, industry, tag, channel, period, allowed, planned, committed } = exceeded;
    let of_industry = industry.as_ref().map_or_else(String::new, |industry| format!(" of industry `{industry}`"));
    let of_tag = tag.as_ref().map_or_else(String::new, |tag| format!(" of clients with the tag `{tag}`"));
    let on_channel = channel.map_or_else(String::new, |channel| format!(" on {channel}"));
    let start = period.start(week);
    let in_period = match period {
        SharedPeriod::Week => format!("in the week from {start}"),
        SharedPeriod::Day(_) => format!("on {start}"),
        SharedPeriod::Hour(_) => format!("in the hour from {start}"),
    };
    format!(
        "  workspace `{workspace_id}`: limit `{limit}`{of_industry}{of_tag}{on_channel} allows {allowed} {in_period}; \
         {committed} committed, {planned} planned"
    )
}

/// Describes how a client differs from its state when the plan was made: one line, or none if nothing differs.
fn differences(
    (client_then, state_then): (&Client, &ClientState),
    (client_now, state_now): (&Client, &ClientState),
) -> Vec<String> {
    let mut changes: Vec<String> = client_differences(client_then, client_now).into_iter().map(str::to_owned).collect();
    if state_then.warnings != state_now.warnings {
        changes.push("early warnings".to_owned());
    }
    if state_then.reality != state_now.reality {
        changes.push("its performance assessment".to_owned());
    }
    for channel_then in &state_then.channels {
        match state_now.channels.iter().find(|state| state.channel == channel_then.channel) {
            Some(channel_now) => changes.extend(channel_differences(channel_then, channel_now)),
            None => changes.push(format!("{} was removed", channel_then.channel)),
        }
    }
    let is_new = |state: &&ChannelState| state_then.channels.iter().all(|known| known.channel != state.channel);
    changes.extend(state_now.channels.iter().filter(is_new).map(|state| format!("{} was added", state.channel)));
    let uses = |state: &ClientState| relevant_asset_uses(&state.asset_uses, &state.channels);
    if changes.is_empty() && uses(state_then) != uses(state_now) {
        changes.push("asset uses".to_owned());
    }
    if changes.is_empty() {
        return Vec::new();
    }
    vec![format!("  client `{}`: {}", client_then.id, changes.join("; "))]
}

/// What planning reads of a client and differs. Nothing that it plans depends on the fields that are not compared: the
/// name is only shown, and the estimates of the response are for simulations and explanations.
fn client_differences(then: &Client, now: &Client) -> Vec<&'static str> {
    // Without `..`, so that a new field is either compared or listed as one that is not.
    let Client {
        id: _,
        workspace_id: _,
        name: _,
        world: _,
        industry,
        tags,
        zone,
        status,
        priority,
        policy,
        campaigns,
        assets,
        calendar,
        limit_numbers,
    } = then;
    let parts = [
        ("its status", *status != now.status),
        ("its industry", *industry != now.industry),
        ("its tags", *tags != now.tags),
        ("its time zone", *zone != now.zone),
        ("its priority", (*priority - now.priority).abs() > 0.0),
        ("its policy", *policy != now.policy),
        ("campaigns", *campaigns != now.campaigns),
        ("assets", *assets != now.assets),
        ("special days", *calendar != now.calendar),
        ("the numbers of its limits", *limit_numbers != now.limit_numbers),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

fn channel_differences(then: &ChannelState, now: &ChannelState) -> Option<String> {
    // Whether a post that already stands needs a review changes with every daily pass, and a folder of a scenario may
    // not say it: it alone does not make a plan outdated.
    if *then == (ChannelState { posts_needing_review: then.posts_needing_review.clone(), ..now.clone() }) {
        return None;
    }
    let posts_then: BTreeSet<Timestamp> = then.recent_posts.iter().copied().collect();
    let new_posts = now.recent_posts.iter().filter(|at| !posts_then.contains(at)).count();
    let mut changes = Vec::new();
    if new_posts > 0 {
        changes.push(format!("{new_posts} new posts"));
    }
    if then.fatigue != now.fatigue || then.as_of != now.as_of {
        changes.push(format!(
            "fatigue was {:.3} at {} and is now {:.3} at {}",
            then.fatigue.get(),
            then.as_of,
            now.fatigue.get(),
            now.as_of
        ));
    }
    if changes.is_empty() {
        changes.push("its figures".to_owned());
    }
    Some(format!("{}: {}", then.channel, changes.join(", ")))
}
