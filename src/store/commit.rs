//! A plan into the ledger: every client of it in one transaction, once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use uuid::Uuid;

use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::lines::insert;
use super::load;
use super::retry::retried;
use super::standing::{Counted, Which, distilled, standing_with};
use super::values::values;
use super::weekly::refuse_if_over;
use crate::model::{
    Asset, AssetChoice, ChannelState, Client, ClientPlan, ClientState, Decision, Outcome, Plan, Post, Scenario,
    ScheduleStatus, Timestamp,
};
use crate::rules::CompiledRules;

/// A plan with all that its commit needs.
#[derive(Clone, Copy)]
pub struct Commit<'a> {
    /// What is committed.
    pub plan: &'a Plan,
    /// Its record.
    pub decisions: &'a [Decision],
    /// What it was made from.
    pub scenario: &'a Scenario,
    /// What it was made under.
    pub rules: &'a CompiledRules,
    /// Who commits it.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
    /// Which schedules count as posts in the scenario that the plan was made from.
    pub counted: Counted,
    /// Told of every row that is written.
    pub progress: &'a (dyn Fn() + Sync),
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Committed {
    /// Which plan.
    pub plan_id: Uuid,
    /// Whether anything changed; a plan that is in the ledger is not committed again.
    pub is_new: bool,
    /// Schedules of the plan.
    pub schedules: usize,
    /// Those that run by themselves.
    pub ready: usize,
    /// Those that wait for a person.
    pub pending: usize,
    /// Those that a guardrail holds.
    pub blocked: usize,
    /// Decisions on record.
    pub decisions: usize,
}

impl Ledger {
    /// Commits a plan: all of it or nothing. The plan must have passed the checker.
    ///
    /// # Errors
    /// Where a client is not known, where its state is no longer what the plan was made from, where the week is over or
    /// posts of it lie in the past, or where the database fails.
    pub async fn commit(&self, commit: Commit<'_>) -> Result<Committed, StoreError> {
        retried(|| self.commit_once(commit)).await
    }

    async fn commit_once(&self, commit: Commit<'_>) -> Result<Committed, StoreError> {
        let mut tx = self.write().await?;
        let ids: Vec<&str> = commit.plan.clients.iter().map(|plan| plan.client_id.as_str()).collect();
        is_known(&lock_clients(&mut tx, &ids).await?, commit.plan)?;
        if tx.any("SELECT 1 FROM plans WHERE plan_id = $1", values![commit.plan.plan_id]).await? {
            return Ok(commit.told(false));
        }
        refuse_if_over(commit.scenario, commit.plan.week, commit.now)?;
        let mut moved = commit.moved(&mut tx, &ids).await?;
        moved.extend(commit.passed());
        if !moved.is_empty() {
            return Err(StoreError::Moved(moved));
        }
        commit.write(&mut tx).await?;
        tx.commit().await?;
        Ok(commit.told(true))
    }
}

/// Keeps other commits away from clients until the transaction ends. Returns those that are known, with their
/// workspaces.
pub(super) async fn lock_clients(tx: &mut Tx, ids: &[&str]) -> Result<BTreeMap<String, String>, StoreError> {
    let sql = "SELECT client_id, workspace_id FROM clients WHERE client_id = ANY($1) ORDER BY 1 FOR UPDATE";
    Ok(tx.all(sql, values![ids]).await?.into_iter().collect())
}

/// Makes sure that a plan's clients are known, in their workspaces.
fn is_known(known: &BTreeMap<String, String>, plan: &Plan) -> Result<(), StoreError> {
    let named = |wrong: &dyn Fn(&ClientPlan) -> bool| -> Vec<String> {
        plan.clients.iter().filter(|plan| wrong(plan)).map(|plan| plan.client_id.to_string()).collect()
    };
    let unknown = named(&|plan| !known.contains_key(plan.client_id.as_str()));
    if !unknown.is_empty() {
        return Err(StoreError::UnknownClients(unknown));
    }
    let elsewhere =
        named(&|plan| known.get(plan.client_id.as_str()).map(String::as_str) != Some(plan.workspace_id.as_str()));
    if elsewhere.is_empty() { Ok(()) } else { Err(StoreError::OtherWorkspace(elsewhere)) }
}

impl<'a> Commit<'a> {
    pub(super) fn told(&self, is_new: bool) -> Committed {
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

    /// The clients some of whose posts lie in the past by now, a line each.
    fn passed(&self) -> impl Iterator<Item = String> + '_ {
        let count = |plan: &ClientPlan| plan.posts.iter().filter(|post| post.is_live() && post.at < self.now).count();
        let told = |(plan, count): (&ClientPlan, usize)| {
            format!("{}: the time of {count} of its posts has passed", plan.client_id)
        };
        self.plan.clients.iter().map(move |plan| (plan, count(plan))).filter(|(_, count)| *count > 0).map(told)
    }

    /// What is no longer as the plan found it, a line a finding.
    async fn moved(&self, tx: &mut Tx, ids: &[&str]) -> Result<Vec<String>, StoreError> {
        let now: BTreeMap<String, (Client, ClientState)> =
            standing_with(tx, &Which::Clients(ids), &BTreeSet::new(), self.counted)
                .await?
                .into_iter()
                .map(|known| (known.0.id.to_string(), known))
                .collect();
        let planned: BTreeSet<&str> = self.plan.clients.iter().map(|plan| plan.client_id.as_str()).collect();
        let then = self.scenario.clients.iter().filter(|(client, _)| planned.contains(client.id.as_str()));
        Ok(then
            .flat_map(|(client, state)| match now.get(client.id.as_str()) {
                Some((client_now, state_now)) => differences((client, state), (client_now, state_now)),
                None => vec![format!("  client `{}` is no longer in the ledger", client.id)],
            })
            .collect())
    }

    async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        self.write_plan(tx).await?;
        let clients: BTreeMap<&str, &Client> =
            self.scenario.clients.iter().map(|(client, _)| (client.id.as_str(), client)).collect();
        let posts = self.plan.posts().inspect(|_| (self.progress)());
        let rows = posts.map(|(plan, post)| (clients.get(plan.client_id.as_str()).copied(), plan, post));
        self.schedules(tx, rows).await?;
        let workspaces: BTreeMap<&str, &str> =
            self.plan.clients.iter().map(|plan| (plan.client_id.as_str(), plan.workspace_id.as_str())).collect();
        let decisions = self.decisions.iter().inspect(|_| (self.progress)());
        let with_workspace = |decision: &'a Decision| match workspaces.get(decision.client_id.as_str()) {
            Some(workspace) => Ok((*workspace, decision)),
            None => Err(StoreError::UnknownClients(vec![decision.client_id.to_string()])),
        };
        let decisions: Vec<_> = decisions.map(with_workspace).collect::<Result<_, _>>()?;
        self.actions(tx, decisions.into_iter()).await
    }

    async fn write_plan(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let plan = self.plan;
        let files: serde_json::Map<String, serde_json::Value> =
            self.rules.pack().files.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
        let pack = "INSERT INTO rules_packs (rules_hash, files, created_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (rules_hash) DO NOTHING";
        tx.run(pack, values![plan.rules_hash.as_str(), serde_json::Value::Object(files), self.now]).await?;
        let sql = "INSERT INTO plans (plan_id, week, scenario, scenario_hash, rules_hash, version, objective, \
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
        tx.run(sql, row).await?;
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

    async fn schedules<'p>(
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
            content_preview: preview_of(*client, post).to_string().as_str(),
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

    async fn actions<'p>(
        &self,
        tx: &mut Tx,
        rows: impl Iterator<Item = (&'p str, &'p Decision)>,
    ) -> Result<(), StoreError> {
        insert!(tx, "campaign_orchestration_actions", rows, |(workspace, decision)| {
            id: decision.id,
            created_at: self.now,
            schedule_id: decision.post_id,
            client_id: decision.client_id.as_str(),
            workspace_id: *workspace,
            action_type: decision.action_type.name(),
            decision_payload: &*decision.payload,
            source_signals: &*decision.source_signals,
            risk_class: decision.risk_class.name(),
            confidence_score: decision.confidence,
            truth_notes: load::json(&decision.truth_notes).as_str(),
            truth_compliant: decision.truth_compliant,
            disclaimers: load::json(&decision.disclaimers).as_str(),
            status: decision.status.name(),
            actor: decision.actor,
        })
        .await?;
        Ok(())
    }
}

/// Letters of an asset's text that a preview shows.
const PREVIEW_LETTERS: usize = 280;

/// What a post with the asset will show, as JSON.
pub(super) fn preview(client: &Client, choice: &AssetChoice) -> serde_json::Value {
    let Some(asset) = find_asset(client, choice.used().as_str()) else { return json!({}) };
    json!({
        "kind": asset.kind,
        "title": asset.title,
        "body": asset.body.chars().take(PREVIEW_LETTERS).collect::<String>(),
        "media_url": asset.media_url,
        "tags": asset.tags,
    })
}

/// What a post will show, as JSON; nothing of it where its client or asset is not known.
fn preview_of(client: Option<&Client>, post: &Post) -> serde_json::Value {
    client.zip(post.asset.as_ref()).map_or_else(|| json!({}), |(client, asset)| preview(client, asset))
}

/// An asset of the client by its id.
pub(super) fn find_asset<'c>(client: &'c Client, id: &str) -> Option<&'c Asset> {
    let place = client.assets.binary_search_by(|asset| asset.id.as_str().cmp(id)).ok()?;
    client.assets.get(place)
}

/// What explains the post at a glance, as JSON.
fn metadata(plan: &ClientPlan, post: &Post) -> String {
    let local = plan.zone.local(post.at).format("%Y-%m-%dT%H:%M%:z").to_string();
    json!({
        "local_time": local,
        "slot_value": post.slot_value,
        "asset_score": post.asset_score(),
        "warnings": warnings(post),
    })
    .to_string()
}

/// The guardrails that warned of a post, as JSON.
pub(super) fn warnings(post: &Post) -> serde_json::Value {
    let warned = post.verdicts_of(Outcome::Warn);
    warned.map(|verdict| json!({"rule": verdict.rule, "reason": verdict.reason, "remedy": verdict.remedy})).collect()
}

/// What differs between a client as a plan found it and as it stands now.
fn differences(then: (&Client, &ClientState), now: (&Client, &ClientState)) -> Vec<String> {
    let id = &then.0.id;
    let mut found: Vec<String> = client_differences(then.0, now.0).into_iter().map(str::to_owned).collect();
    if then.1.warnings != now.1.warnings {
        found.push("early warnings".to_owned());
    }
    if then.1.reality != now.1.reality {
        found.push("the assessment of its performance".to_owned());
    }
    for state in &then.1.channels {
        match now.1.channels.iter().find(|known| known.channel == state.channel) {
            Some(known) => found.extend(channel_differences(state, known)),
            None => found.push(format!("{} is gone", state.channel)),
        }
    }
    let is_new = |state: &&ChannelState| then.1.channels.iter().all(|known| known.channel != state.channel);
    found.extend(now.1.channels.iter().filter(is_new).map(|state| format!("{} is new", state.channel)));
    if found.is_empty()
        && distilled(&then.1.asset_uses, &then.1.channels) != distilled(&now.1.asset_uses, &now.1.channels)
    {
        found.push("uses of assets".to_owned());
    }
    if found.is_empty() { Vec::new() } else { vec![format!("  client `{id}`: {}", found.join("; "))] }
}

fn client_differences(then: &Client, now: &Client) -> Vec<&'static str> {
    let parts = [
        ("its status", then.status != now.status),
        ("its time zone", then.zone != now.zone),
        ("its priority", (then.priority - now.priority).abs() > 0.0),
        ("its policy", then.policy != now.policy),
        ("campaigns", then.campaigns != now.campaigns),
        ("assets", then.assets != now.assets),
        ("special days", then.days != now.days),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

fn channel_differences(then: &ChannelState, now: &ChannelState) -> Option<String> {
    if then == now {
        return None;
    }
    let known: BTreeSet<Timestamp> = then.recent_posts.iter().copied().collect();
    let more = now.recent_posts.iter().filter(|at| !known.contains(at)).count();
    let mut said = Vec::new();
    if more > 0 {
        said.push(format!("{more} posts more"));
    }
    if then.fatigue != now.fatigue || then.as_of != now.as_of {
        said.push(format!(
            "fatigue was {:.3} at {} and is {:.3} at {}",
            then.fatigue.get(),
            then.as_of,
            now.fatigue.get(),
            now.as_of
        ));
    }
    if said.is_empty() {
        said.push("its figures".to_owned());
    }
    Some(format!("{}: {}", then.channel, said.join(", ")))
}
