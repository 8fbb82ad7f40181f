//! Makes drafts of due schedules: one batch per transaction, each schedule locked by one pass.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::action_log::{NewAction, record};
use super::bulk_insert::insert;
use super::database::Tx;
use super::error::StoreError;
use super::pass::{ACTOR, Pass, RulesByClient};
use super::row::from_row;
use super::schedule::{Schedule, schedule_ids};
use super::values::values;
use crate::model::{ActionType, DecisionStatus, Reason, Timestamp, derived_id};

impl Pass<'_> {
    /// Makes the drafts of one batch of due schedules. Returns how many were made, and how many failed.
    pub(super) async fn draft_batch(&self, rules: &RulesByClient<'_>) -> Result<(usize, usize), StoreError> {
        let mut tx = self.write().await?;
        let condition = "status = 'ready' AND scheduled_for <= $2 AND scheduled_for >= $3";
        let due = self.lock_schedules(&mut tx, condition, values![self.now, self.earliest_draftable()]).await?;
        if due.is_empty() {
            return Ok((0, 0));
        }
        let contents = active_contents(&mut tx, &due).await?;
        let set_executing = "UPDATE campaign_orchestration_schedules SET status = 'executing', \
                             attempts = attempts + 1, updated_at = $2 WHERE id = ANY($1)";
        tx.run(set_executing, values![schedule_ids(&due), self.now]).await?;
        let (mut drafts, mut failed) = (Vec::new(), Vec::new());
        for schedule in due {
            match content_of(&schedule, &contents) {
                Ok(content) => drafts.push(Draft { schedule, content }),
                Err(cause) => failed.push(FailedDraft { schedule, cause }),
            }
        }
        self.mark_completed(&mut tx, &drafts).await?;
        self.mark_failed(&mut tx, &failed).await?;
        self.add_fatigue(&mut tx, &drafts, rules).await?;
        let failures = failed.iter().map(|failed| failed.action(self.now));
        let actions = drafts.iter().map(|draft| draft.action(self.now)).chain(failures);
        record(&mut tx, actions, self.now).await?;
        tx.commit().await?;
        Ok((drafts.len(), failed.len()))
    }

    /// Marks the schedules of drafts as completed, and stores the drafts.
    async fn mark_completed(&self, tx: &mut Tx, drafts: &[Draft]) -> Result<(), StoreError> {
        let sql = "UPDATE campaign_orchestration_schedules SET status = 'completed', executed_at = $2, \
                   execution_result = $3, updated_at = $2, next_attempt_at = NULL WHERE id = ANY($1)";
        let ids = schedule_ids(drafts.iter().map(|draft| &draft.schedule));
        tx.run(sql, values![ids, self.now, json!({"result": "draft"})]).await?;
        insert!(tx, "drafts", drafts, |draft| {
            id: draft.id(),
            schedule_id: draft.schedule.id,
            client_id: draft.schedule.client_id.as_str(),
            workspace_id: draft.schedule.workspace_id.as_str(),
            channel: draft.schedule.channel.name(),
            scheduled_for: draft.schedule.scheduled_for,
            content: draft.content.as_str(),
            created_at: self.now,
        })
        .await?;
        Ok(())
    }

    /// Marks schedules as failed, and sets when the next attempt may be made.
    async fn mark_failed(&self, tx: &mut Tx, failed: &[FailedDraft]) -> Result<(), StoreError> {
        let rules = self.draft_rules();
        for FailedDraft { schedule, cause } in failed {
            let reason = Reason::DraftFailed { cause: cause.as_str().into() };
            let wait_seconds = rules.wait_minutes(schedule.attempts) * 60.0;
            let sql = "UPDATE campaign_orchestration_schedules SET status = 'failed', blocked_reason = $2, \
                       execution_result = $3, next_attempt_at = $4, updated_at = $5, \
                       blocked_code = $6, blocked_details = $7 WHERE id = $1";
            let result = json!({"result": "failed", "reason": cause});
            let next_attempt = self.now.plus_seconds(wait_seconds as i64);
            let (sentence, details) = (reason.to_string(), reason.details());
            let id = schedule.id;
            tx.run(sql, values![id, sentence, result, next_attempt, self.now, reason.code(), details]).await?;
        }
        Ok(())
    }
}

/// A draft of a schedule, with its content as JSON.
pub(super) struct Draft {
    pub schedule: Schedule,
    content: String,
}

/// A schedule whose draft could not be made.
struct FailedDraft {
    schedule: Schedule,
    cause: String,
}

/// Draft content as JSON, by client and asset; `None` if the asset has no content.
type DraftContents = BTreeMap<(String, String), Option<String>>;

/// The draft contents of the schedules' assets that are not retired.
async fn active_contents(tx: &mut Tx, schedules: &[Schedule]) -> Result<DraftContents, StoreError> {
    let clients: BTreeSet<&str> = schedules.iter().map(|schedule| schedule.client_id.as_str()).collect();
    let assets: BTreeSet<&str> = schedules.iter().filter_map(Schedule::used_asset).collect();
    let (clients, assets): (Vec<&str>, Vec<&str>) = (clients.into_iter().collect(), assets.into_iter().collect());
    let sql = "SELECT client_id, asset_id, kind, title, body, media_url FROM assets WHERE retired = $3 \
               AND client_id = ANY($1) AND asset_id = ANY($2)";
    let rows: Vec<AssetContent> = tx.all(sql, values![clients.as_slice(), assets.as_slice(), false]).await?;
    Ok(rows.into_iter().map(|asset| ((asset.client_id.clone(), asset.asset_id.clone()), asset.content())).collect())
}

from_row! {
    /// The part of an asset that a draft needs.
    struct AssetContent {
        client_id: String,
        asset_id: String,
        kind: String,
        title: String,
        body: String,
        media_url: String,
    }
}

impl AssetContent {
    /// The draft's content as JSON; `None` if the asset has no content.
    fn content(&self) -> Option<String> {
        let Self { asset_id, kind, title, body, media_url, .. } = self;
        if [title, body, media_url].iter().all(|part| part.trim().is_empty()) {
            return None;
        }
        let mut content = json!({"asset_id": asset_id, "kind": kind, "title": title, "body": body});
        if let Some(content) = content.as_object_mut().filter(|_| !media_url.is_empty()) {
            content.insert("media_url".to_owned(), json!(media_url));
        }
        Some(content.to_string())
    }
}

/// The content of a schedule's draft as JSON, or why there is none.
fn content_of(schedule: &Schedule, contents: &DraftContents) -> Result<String, String> {
    let asset = schedule.used_asset().ok_or_else(|| "it has no asset".to_owned())?;
    match contents.get(&(schedule.client_id.clone(), asset.to_owned())) {
        Some(Some(content)) => Ok(content.clone()),
        Some(None) => Err(format!("asset `{asset}` has no title, text or media")),
        None => Err(format!("asset `{asset}` is retired")),
    }
}

impl Draft {
    fn id(&self) -> uuid::Uuid {
        derived_id(self.schedule.id.as_bytes(), &["draft"])
    }

    fn action(&self, now: Timestamp) -> NewAction<'_> {
        let is_approved = self.schedule.approved_by.is_some();
        let status = if is_approved { DecisionStatus::Accepted } else { DecisionStatus::AutoExecuted };
        attempt_action(&self.schedule, ActionType::ScheduleExecuted, status, json!({"draft_id": self.id()}), now)
    }
}

impl FailedDraft {
    fn action(&self, now: Timestamp) -> NewAction<'_> {
        let payload = json!({"reason": self.cause, "attempt": self.schedule.attempts + 1});
        attempt_action(&self.schedule, ActionType::ScheduleFailed, DecisionStatus::Rejected, payload, now)
    }
}

/// The record of an attempt to draft a schedule.
fn attempt_action(
    schedule: &Schedule,
    action_type: ActionType,
    status: DecisionStatus,
    payload: serde_json::Value,
    now: Timestamp,
) -> NewAction<'_> {
    let executed = Some((now, payload.clone()));
    NewAction {
        schedule,
        action_type,
        status,
        payload,
        signals: None,
        actor: ACTOR,
        earlier_at_same_instant: 0,
        executed,
    }
}
