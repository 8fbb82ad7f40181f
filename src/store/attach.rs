//! Attaches another asset to a schedule that is blocked because of its asset, or because it has none.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::action_log::{NewAction, record};
use super::client_state::{
    ClientSelector, ClientStates, Counted, load_capacity, load_channels_and_posts, load_client_states,
};
use super::commit::lock_clients;
use super::daily::review_reason;
use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::with_retries;
use super::review::{ScheduleFilter, find_schedules};
use super::schedule::{SLOT_IS_FREE, Schedule, scheduled_post, transition_payload};
use super::schedule_json::{ATTACHED, asset_preview, warnings};
use super::values::{Key, values};
use crate::model::{
    ActionType, AssetChoice, Capacity, Client, ClientState, DecisionStatus, Post, Reason, ScheduleStatus, Timestamp,
    Week, WorkspaceId,
};
use crate::planner::{Planner, Reevaluation, ScheduledPost, objection_to};

/// The request to attach an asset.
#[derive(Clone, Copy)]
struct Attach<'a> {
    planner: &'a Planner<'a>,
    asset_id: &'a str,
    actor: &'a str,
    now: Timestamp,
}

impl Ledger {
    /// Gives a schedule that is blocked because of its asset, or because it has none, another asset of its client. The
    /// schedule is re-evaluated at once, as in a daily pass, and becomes ready or pending. Returns its new state. An
    /// earlier approval is void, and whoever attached the asset counts as the one who committed the schedule.
    ///
    /// The asset must not be on cooldown at the schedule's time. The cooldown applies before and after every use of the
    /// asset, including uses that are committed for later.
    ///
    /// # Errors
    /// If the schedule is unknown or past; if it is not blocked, or not because of its asset or the lack of one; if
    /// anything blocks the post with the new asset; or if the database fails. Nothing is changed then.
    pub async fn attach(
        &self,
        planner: &Planner<'_>,
        schedule_id: Uuid,
        asset_id: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Schedule, StoreError> {
        let attach = Attach { planner, asset_id, actor, now };
        let by_id = ScheduleFilter { ids: vec![schedule_id], ..ScheduleFilter::default() };
        with_retries(|| async {
            let mut tx = self.write().await?;
            let unknown = || StoreError::UnknownSchedule(schedule_id.to_string());
            let before = find_schedules(&mut tx, &by_id, self.conditions(), true).await?.pop().ok_or_else(unknown)?;
            if attach.is_done(&mut tx, &before).await? {
                return Ok(before);
            }
            attach.check(&before)?;
            let after = attach.reevaluated(&mut tx, &before).await?;
            attach.write(&mut tx, &before, &after).await?;
            let attached =
                find_schedules(&mut tx, &by_id, self.conditions(), false).await?.pop().ok_or_else(unknown)?;
            tx.commit().await?;
            Ok(attached)
        })
        .await
    }
}

impl Attach<'_> {
    /// Whether an earlier attempt, whose response was lost, has already attached the asset.
    async fn is_done(&self, tx: &mut Tx, schedule: &Schedule) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM campaign_orchestration_actions WHERE schedule_key = $1 \
                   AND action_type = 'select_asset' AND actor = $2 AND created_at = $3";
        let is_recorded = tx.exists(sql, values![Key(schedule.id), self.actor, self.now]).await?;
        Ok(is_recorded && schedule.used_asset() == Some(self.asset_id))
    }

    /// Fails if no asset at all may be attached to the schedule.
    fn check(&self, schedule: &Schedule) -> Result<(), StoreError> {
        let reason = schedule.reason();
        let needs_asset = schedule.used_asset().is_none() || reason.is_some_and(|reason| reason.concerns_asset());
        if schedule.status != ScheduleStatus::Blocked || !needs_asset {
            return Err(StoreError::AssetNotReplaceable { id: schedule.id, status: schedule.status });
        }
        if schedule.scheduled_for <= self.now {
            return Err(StoreError::TooLate(schedule.id));
        }
        Ok(())
    }

    /// The schedule with the new asset, re-evaluated.
    async fn reevaluated(&self, tx: &mut Tx, before: &Schedule) -> Result<Schedule, StoreError> {
        let ids = [before.client_id.as_str()];
        // Concurrent transactions that use the client's assets wait, so that no asset is used twice.
        lock_clients(tx, &ids).await?;
        let excluded = BTreeSet::from([before.id]);
        let own = load_client_states(tx, &ClientSelector::Clients(&ids), &excluded).await?.pop();
        let own = own.ok_or_else(|| StoreError::UnknownClients(vec![before.client_id.clone()]))?;
        let (client, state) = &own;
        // The load of a workspace, which rules can read, depends on all its clients.
        let workspace = WorkspaceId::new(before.workspace_id.as_str());
        let in_workspace = ClientSelector::Workspace(&workspace);
        let mut clients = load_channels_and_posts(tx, &in_workspace, &excluded, Counted::Live).await?;
        clients.iter_mut().filter(|(other, _)| other.id == client.id).for_each(|other| *other = own.clone());
        let capacity = load_capacity(tx, &workspace).await?;
        let post = self.evaluated_post(before, (client, state), &clients, &capacity)?;
        let Some(choice) = &post.asset else { return Err(blocked_error(before, Reason::NoAsset)) };
        let mut after = Schedule {
            creative_asset_id: Some(choice.asset_id.to_string()),
            variation_id: choice.variation_id.as_ref().map(ToString::to_string),
            content_preview: asset_preview(client, choice),
            campaign_id: post.campaign_id.as_ref().map(ToString::to_string),
            priority: post.priority,
            status: post.status,
            // Choosing the asset does not approve it, and an approval of other content does not carry over.
            created_by: self.actor.to_owned(),
            approved_by: None,
            risk_level: post.risk,
            confidence: post.confidence,
            expected_engagement: post.expected_engagement,
            fatigue: post.fatigue,
            ..before.clone()
        };
        let reason = (post.status == ScheduleStatus::Pending).then(|| review_reason(&post, client));
        after.blocked_reason = reason.as_ref().map(ToString::to_string);
        after.blocked_code = reason.as_ref().map(|reason| reason.code().to_owned());
        after.blocked_details = reason.as_ref().map_or_else(|| json!({}), Reason::details);
        update_metadata(&mut after, &post, choice);
        Ok(after)
    }

    /// The schedule's post with the new asset, evaluated; an error if anything blocks it. `clients` are all clients of the
    /// workspace.
    fn evaluated_post(
        &self,
        before: &Schedule,
        (client, state): (&Client, &ClientState),
        clients: &ClientStates,
        capacity: &Capacity,
    ) -> Result<Post, StoreError> {
        let mut post = scheduled_post(before);
        post.asset = Some(self.asset_id.to_owned());
        if let Some(reason) = objection_to(self.planner.rules(), client, state, &post, None)? {
            return Err(blocked_error(before, reason));
        }
        let week = Week::of(client.zone.wall_time(post.at).date());
        let posts_of = |other: &Client| if other.id == client.id { vec![post.clone()] } else { Vec::new() };
        let posts: Vec<Vec<ScheduledPost>> = clients.iter().map(|(other, _)| posts_of(other)).collect();
        let clients: Vec<(&Client, &ClientState)> = clients.iter().map(|(client, state)| (client, state)).collect();
        let reevaluated = self.planner.reevaluate_committed(&clients, capacity, week, &posts, self.now)?;
        match reevaluated.into_iter().flatten().flat_map(|client| client.posts).next() {
            Some(Reevaluation::Evaluated(post)) => match &post.blocked {
                Some(reason) => Err(blocked_error(before, (**reason).clone())),
                None => Ok(*post),
            },
            Some(Reevaluation::NotEvaluated(reason)) => Err(blocked_error(before, reason)),
            None => Err(StoreError::UnknownClients(vec![before.client_id.clone()])),
        }
    }

    async fn write(&self, tx: &mut Tx, before: &Schedule, after: &Schedule) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE campaign_orchestration_schedules SET status = $2, creative_asset_id = $3, variation_id = $4, \
             content_preview = $5, risk_level = $6, confidence = $7, expected_engagement = $8, fatigue = $9, \
             metadata = $10, blocked_reason = $11, blocked_code = $12, blocked_details = $13, \
             updated_at = $14, campaign_id = $15, priority = $16, created_by = $17, \
             approved_by = NULL, approved_at = NULL WHERE id = $1 AND {SLOT_IS_FREE}"
        );
        let values = values![
            after.id,
            after.status.name(),
            after.creative_asset_id.clone(),
            after.variation_id.clone(),
            after.content_preview.clone(),
            after.risk_level.name(),
            after.confidence,
            after.expected_engagement,
            after.fatigue,
            after.metadata.clone(),
            after.blocked_reason.clone(),
            after.blocked_code.clone(),
            after.blocked_details.clone(),
            self.now,
            after.campaign_id.clone(),
            after.priority,
            after.created_by.clone(),
        ];
        if tx.run(&sql, values).await? == 0 {
            return Err(StoreError::SlotTaken(before.id));
        }
        record(tx, self.actions(before, after).into_iter(), self.now).await
    }

    /// The actions to record: the choice of the asset, and the schedule's new status.
    fn actions<'s>(&'s self, before: &Schedule, after: &'s Schedule) -> [NewAction<'s>; 2] {
        let status = match after.status {
            ScheduleStatus::Ready => DecisionStatus::Accepted,
            _ => DecisionStatus::AwaitingApproval,
        };
        let chosen = json!({
            "asset_id": after.used_asset(),
            "score": after.metadata.get("asset_score"),
            "instead_of": before.used_asset(),
        });
        let action = |action_type, status, payload| NewAction {
            schedule: after,
            action_type,
            status,
            payload,
            signals: None,
            actor: self.actor,
            earlier_at_same_instant: 0,
            executed: None,
        };
        let transition = transition_payload(before.status, after.status, after.reason().as_ref());
        [
            action(ActionType::SelectAsset, DecisionStatus::Accepted, chosen),
            action(ActionType::PostingDecision, status, transition),
        ]
    }
}

fn blocked_error(schedule: &Schedule, reason: Reason) -> StoreError {
    StoreError::Blocked { id: schedule.id, reason: Box::new(reason) }
}

fn update_metadata(schedule: &mut Schedule, post: &Post, choice: &AssetChoice) {
    if let Some(metadata) = schedule.metadata.as_object_mut() {
        metadata.insert("asset_score".to_owned(), json!(choice.score));
        metadata.insert("slot_value".to_owned(), json!(post.slot_value));
        metadata.insert("cost".to_owned(), json!(post.cost));
        metadata.insert("net_worth".to_owned(), json!(post.net_worth));
        // The facts recorded with the plan's decision do not describe the new asset.
        metadata.insert(ATTACHED.to_owned(), json!(true));
        metadata.insert("warnings".to_owned(), warnings(post));
    }
}
