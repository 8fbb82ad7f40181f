//! The tables of a plan: posts, decisions, conflicts, allocations.

use serde_json::Value;

use super::{Table, TableFormat, Values};
use crate::model::{Allocation, ClientPlan, Conflict, Decision, Plan, Post, Tier};
use crate::report::{File, ReportError};

/// `posts`, `decisions`, `conflicts` and `allocations` of a plan, with the columns that the plan's
/// format fixes, in its order; `allocations` has further ones at its end.
///
/// # Errors
/// Where a table cannot be written.
pub fn plan_tables(plan: &Plan, decisions: &[Decision], format: TableFormat) -> Result<Vec<File>, ReportError> {
    [posts(plan), decisions_table(decisions), conflicts(plan), allocations(plan)]
        .into_iter()
        .map(|table| table.write(format))
        .collect()
}

fn posts(plan: &Plan) -> Table {
    let rows: Vec<(&ClientPlan, &Post)> = plan.posts().collect();
    let text =
        |value: fn(&ClientPlan, &Post) -> String| Values::text(rows.iter().map(|(client, post)| value(client, post)));
    let some = |value: fn(&Post) -> Option<String>| Values::text_or_none(rows.iter().map(|(_, post)| value(post)));
    let number = |value: fn(&Post) -> f64| Values::number(rows.iter().map(|(_, post)| value(post)));
    let asset_score = rows.iter().map(|(_, post)| post.asset.as_ref().map(|asset| asset.score));
    let columns = vec![
        ("post_id", Values::text(rows.iter().map(|(client, post)| plan.post_id(&client.client_id, post)))),
        ("client_id", text(|client, _| client.client_id.to_string())),
        ("workspace_id", text(|client, _| client.workspace_id.to_string())),
        ("channel", text(|_, post| post.channel.to_string())),
        ("scheduled_for", Values::text(rows.iter().map(|(_, post)| post.at))),
        ("local_time", text(local_time)),
        ("time_zone", text(|client, _| client.zone.to_string())),
        ("asset_id", some(|post| post.asset.as_ref().map(|asset| asset.asset_id.to_string()))),
        ("variation_id", some(|post| Some(post.asset.as_ref()?.variation_id.as_ref()?.to_string()))),
        ("campaign_id", some(|post| post.campaign_id.as_ref().map(ToString::to_string))),
        ("status", text(|_, post| post.status.name().to_owned())),
        ("priority", number(|post| post.priority)),
        ("fatigue", number(|post| post.fatigue)),
        ("expected_engagement", number(|post| post.expected_engagement)),
        ("asset_score", Values::number_or_none(asset_score)),
        ("confidence", number(|post| post.confidence)),
        ("risk_level", text(|_, post| post.risk.to_string())),
        ("blocked_reason", some(Post::blocked_reason)),
        ("blocked_code", some(|post| post.blocked.as_ref().map(|reason| reason.code().to_owned()))),
        ("blocked_details", some(|post| post.blocked.as_ref().map(|reason| reason.details().to_string()))),
    ];
    Table { name: "posts", columns }
}

/// The client's wall-clock time with its distance from UTC, as `2026-11-24T09:00:00+11:00`.
fn local_time(client: &ClientPlan, post: &Post) -> String {
    client.zone.local(post.at).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn decisions_table(rows: &[Decision]) -> Table {
    let text = |value: fn(&Decision) -> String| Values::text(rows.iter().map(value));
    let columns = vec![
        ("decision_id", text(|row| row.id.to_string())),
        ("post_id", Values::text_or_none(rows.iter().map(|row| row.post_id))),
        ("client_id", text(|row| row.client_id.to_string())),
        ("action_type", text(|row| row.action_type.name().to_owned())),
        ("decision_payload", text(|row| row.payload.to_string())),
        ("source_signals", text(|row| row.source_signals.to_string())),
        ("risk_class", text(|row| row.risk_class.to_string())),
        ("confidence_score", Values::number(rows.iter().map(|row| row.confidence))),
        ("truth_notes", text(|row| Value::from(row.truth_notes.to_vec()).to_string())),
        ("truth_compliant", Values::Flag(rows.iter().map(|row| row.truth_compliant).collect())),
        ("disclaimers", text(|row| Value::from(row.disclaimers).to_string())),
        ("status", text(|row| row.status.name().to_owned())),
        ("actor", text(|row| row.actor.to_owned())),
    ];
    Table { name: "decisions", columns }
}

fn conflicts(plan: &Plan) -> Table {
    let rows: Vec<(&ClientPlan, &Conflict)> = plan
        .clients
        .iter()
        .flat_map(|client| client.conflicts.iter().map(move |conflict| (client, conflict)))
        .collect();
    let columns = vec![
        ("client_id", Values::text(rows.iter().map(|(client, _)| &client.client_id))),
        ("channel", Values::text_or_none(rows.iter().map(|(_, conflict)| conflict.channel))),
        ("type", Values::text(rows.iter().map(|(_, conflict)| conflict.kind.name()))),
        ("severity", Values::text(rows.iter().map(|(_, conflict)| conflict.severity.name()))),
        ("description", Values::text(rows.iter().map(|(_, conflict)| &conflict.description))),
        ("affected", Values::count(rows.iter().map(|(_, conflict)| conflict.affected))),
        ("resolution", Values::text(rows.iter().map(|(_, conflict)| &conflict.resolution))),
    ];
    Table { name: "conflicts", columns }
}

fn allocations(plan: &Plan) -> Table {
    let rows: Vec<(&ClientPlan, &Allocation)> =
        plan.clients.iter().flat_map(|client| client.allocations.iter().map(move |row| (client, row))).collect();
    let count = |value: fn(&Allocation) -> u32| Values::count(rows.iter().map(|(_, row)| value(row)));
    let number = |value: fn(&Allocation) -> f64| Values::number(rows.iter().map(|(_, row)| value(row)));
    let columns = vec![
        ("client_id", Values::text(rows.iter().map(|(client, _)| &client.client_id))),
        ("channel", Values::text(rows.iter().map(|(_, row)| row.channel))),
        ("posts_target", count(|row| row.posts_target)),
        ("posts_planned", count(|row| row.posts_planned)),
        ("why_fewer", Values::text(rows.iter().map(|(_, row)| &row.why_fewer))),
        ("fatigue_start", number(|row| row.fatigue_start)),
        ("fatigue_end", number(|row| row.fatigue_end)),
        ("objective", number(|row| row.objective)),
        ("exact", Values::Flag(rows.iter().map(|(_, row)| row.tier == Tier::Exact).collect())),
        ("posts_wanted", count(|row| row.posts_wanted)),
        ("posts_blocked", count(|row| row.posts_blocked)),
        ("mean_quality", number(|row| row.mean_quality)),
        ("end_weight", number(|row| row.end_weight)),
        ("upper_bound", number(|row| row.upper_bound)),
        ("tier", Values::text(rows.iter().map(|(_, row)| row.tier.name()))),
        ("hours_allowed", count(|row| row.hours_allowed)),
    ];
    Table { name: "allocations", columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

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
