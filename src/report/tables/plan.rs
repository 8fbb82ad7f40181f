//! The tables of a plan: posts, decisions, conflicts, allocations.

use serde_json::Value;
use uuid::Uuid;

use super::{Table, TableFormat, columns};
use crate::model::{
    ActionType, Allocation, AssetId, CampaignId, Channel, ClientId, ClientPlan, Conflict, ConflictKind, Decision,
    DecisionStatus, Plan, Post, RiskBand, ScheduleStatus, Severity, Tier, Timestamp, WorkspaceId, Zone,
};
use crate::report::{File, ReportError};

/// The tables `posts`, `decisions`, `conflicts` and `allocations` of a plan, with the columns and the order that the
/// plan's format prescribes; `allocations` has further columns at its end.
///
/// # Errors
/// If a table cannot be written.
pub fn plan_tables(plan: &Plan, decisions: &[Decision], format: TableFormat) -> Result<Vec<File>, ReportError> {
    tables(plan, decisions).into_iter().map(|table| table.write(format)).collect()
}

/// The tables of a plan.
pub(crate) fn tables(plan: &Plan, decisions: &[Decision]) -> [Table; 4] {
    [posts(plan), decisions_table(decisions), conflicts(plan), allocations(plan)]
}

fn posts(plan: &Plan) -> Table {
    let rows: Vec<(&ClientPlan, &Post)> = plan.posts().collect();
    let mut table = Table::new("posts", "a planned post");
    columns!(table, rows, |(client, post)| {
        /// Derived from the plan, the client, the channel and the time.
        post_id: Uuid = plan.post_id(&client.client_id, post),
        /// The client.
        client_id: ClientId = client.client_id.clone(),
        /// Its workspace.
        workspace_id: WorkspaceId = client.workspace_id.clone(),
        /// The channel.
        channel: Channel = post.channel,
        /// When it goes out, in UTC.
        scheduled_for: Timestamp = post.at,
        /// When it goes out on the client's clock, with its offset from UTC.
        local_time: String = local_time(client, post),
        /// The client's zone.
        time_zone: Zone = client.zone,
        /// The asset; blank where none was free.
        asset_id: Option<AssetId> = post.asset.as_ref().map(|asset| asset.asset_id.clone()),
        /// The variation of it that is used.
        variation_id: Option<AssetId> = post.asset.as_ref().and_then(|asset| asset.variation_id.clone()),
        /// The campaign that it counts for.
        campaign_id: Option<CampaignId> = post.campaign_id.clone(),
        /// Where it stands.
        status: ScheduleStatus = post.status,
        /// Claim on scarce capacity, 0 to 100.
        priority: f64 = post.priority,
        /// Fatigue of the channel at its hour, 0 to 1.
        fatigue: f64 = post.fatigue,
        /// Engagements that the planner expects.
        expected_engagement: f64 = post.expected_engagement,
        /// The asset's score, 0 to 100.
        asset_score: Option<f64> = post.asset.as_ref().map(|asset| asset.score),
        /// Confidence in the post, 0 to 1.
        confidence: f64 = post.confidence,
        /// How much attention it needs.
        risk_level: RiskBand = post.risk,
        /// Why it is held; blank where it is not.
        blocked_reason: Option<String> = post.blocked_reason(),
        /// The kind of that reason.
        blocked_code: Option<String> = post.blocked.as_ref().map(|reason| reason.code().to_owned()),
        /// What that reason says, as JSON.
        blocked_details: Option<String> = post.blocked.as_ref().map(|reason| reason.details().to_string()),
    });
    table
}

/// The client's wall-clock time with its UTC offset, as `2026-11-24T09:00:00+11:00`.
fn local_time(client: &ClientPlan, post: &Post) -> String {
    client.zone.local(post.at).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn decisions_table(rows: &[Decision]) -> Table {
    let mut table = Table::new("decisions", "a decision that the plan rests on");
    columns!(table, rows, |row| {
        /// Derived from the plan and what it decides.
        decision_id: Uuid = row.id,
        /// The post; blank where it concerns a channel.
        post_id: Option<Uuid> = row.post_id,
        /// The client.
        client_id: ClientId = row.client_id.clone(),
        /// What kind of decision.
        action_type: ActionType = row.action_type,
        /// The decision itself, as JSON.
        decision_payload: String = row.payload.clone(),
        /// The agents' signals that it rests on, as JSON.
        source_signals: String = row.source_signals.to_string(),
        /// How much attention it needs.
        risk_class: RiskBand = row.risk_class,
        /// How sure, 0 to 1.
        confidence_score: f64 = row.confidence,
        /// What the truth layer wants known, as JSON.
        truth_notes: String = Value::from(row.truth_notes.to_vec()).to_string(),
        /// Whether the truth layer has nothing against it.
        truth_compliant: bool = row.truth_compliant,
        /// What must be said with it, as JSON.
        disclaimers: String = Value::from(row.disclaimers).to_string(),
        /// Where it stands.
        status: DecisionStatus = row.status,
        /// Who decided.
        actor: String = row.actor.to_owned(),
    });
    table
}

fn conflicts(plan: &Plan) -> Table {
    let rows: Vec<(&ClientPlan, &Conflict)> = plan
        .clients
        .iter()
        .flat_map(|client| client.conflicts.iter().map(move |conflict| (client, conflict)))
        .collect();
    let mut table = Table::new("conflicts", "something that stands against the plan");
    columns!(table, rows, |(client, conflict)| {
        /// The client.
        client_id: ClientId = client.client_id.clone(),
        /// The channel; blank where it concerns all of them.
        channel: Option<Channel> = conflict.channel,
        /// What kind of conflict.
        type: ConflictKind = conflict.kind,
        /// How bad it is.
        severity: Severity = conflict.severity,
        /// What is the matter.
        description: String = conflict.description.clone(),
        /// How many posts it affects.
        affected: u32 = conflict.affected,
        /// What would resolve it.
        resolution: String = conflict.resolution.clone(),
    });
    table
}

fn allocations(plan: &Plan) -> Table {
    let rows: Vec<(&ClientPlan, &Allocation)> =
        plan.clients.iter().flat_map(|client| client.allocations.iter().map(move |row| (client, row))).collect();
    let mut table = Table::new("allocations", "a client's channel in the week");
    columns!(table, rows, |(client, row)| {
        /// The client.
        client_id: ClientId = client.client_id.clone(),
        /// The channel.
        channel: Channel = row.channel,
        /// Posts that the rules want after fatigue, committed ones included.
        posts_target: u32 = row.posts_target,
        /// Posts placed, those held included.
        posts_planned: u32 = row.posts_planned,
        /// Why fewer than wanted; blank where none is missing.
        why_fewer: String = row.why_fewer.clone(),
        /// Fatigue as the week begins, 0 to 1.
        fatigue_start: f64 = row.fatigue_start,
        /// Fatigue as the week ends; posts held do not count.
        fatigue_end: f64 = row.fatigue_end,
        /// The posts' value less the price of the fatigue handed on, in engagements.
        objective: f64 = row.objective,
        /// Whether it was solved exactly.
        exact: bool = row.tier == Tier::Exact,
        /// Posts that the rules want before fatigue.
        posts_wanted: u32 = row.posts_wanted,
        /// Posts placed and then held.
        posts_blocked: u32 = row.posts_blocked,
        /// Quality that the hours were valued with; 1 is neutral.
        mean_quality: f64 = row.mean_quality,
        /// Price of a unit of fatigue handed to the next week, in engagements.
        end_weight: f64 = row.end_weight,
        /// The objective at best, were the client's other channels not competing for the day.
        upper_bound: f64 = row.upper_bound,
        /// How it was solved.
        tier: Tier = row.tier,
        /// Hours that could be used.
        hours_allowed: u32 = row.hours_allowed,
    });
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    fn files(format: TableFormat) -> Vec<File> {
        plan_tables(&sample::plan(), &sample::decisions(), format).unwrap()
    }

    #[test]
    fn a_plan_in_csv() {
        let text: Vec<String> = files(TableFormat::Csv)
            .into_iter()
            .map(|(path, bytes)| format!("{path}\n{}", String::from_utf8(bytes).unwrap()))
            .collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn a_plan_in_parquet_has_the_same_columns() {
        use polars_io::prelude::{ParquetReader, SerReader};
        for ((path, parquet), (_, csv)) in files(TableFormat::Parquet).into_iter().zip(files(TableFormat::Csv)) {
            let frame = ParquetReader::new(std::io::Cursor::new(parquet)).finish().unwrap();
            let names: Vec<&str> = frame.get_column_names().into_iter().map(|name| name.as_str()).collect();
            let head = String::from_utf8(csv).unwrap().lines().next().unwrap().to_owned();
            assert_eq!(names.join(","), head, "{path}");
            if path == "posts.parquet" {
                assert_eq!(frame.height(), 3);
            }
        }
    }
}
