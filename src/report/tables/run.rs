//! The tables of a simulation: what the figures and the page are drawn from.

use super::{Table, TableFormat, Values};
use crate::model::RiskBand;
use crate::report::{File, ReportError};
use crate::simulator::{ChannelSummary, ClientSummary, GuardrailSummary, Simulation, WeekSummary};
use crate::stats::Estimate;

/// `weekly`, `channels`, `channel_weeks`, `risk`, `guardrails`, `guardrail_weeks`, `clients`,
/// `calendar` and `assets` of a run. Counts are means of one replication.
///
/// # Errors
/// Where a table cannot be written.
pub fn run_tables(simulation: &Simulation, format: TableFormat) -> Result<Vec<File>, ReportError> {
    let tables = [
        weekly(&simulation.weekly),
        channels(&simulation.channels),
        channel_weeks(simulation),
        risk(&simulation.weekly),
        guardrails(&simulation.guardrails),
        guardrail_weeks(simulation),
        clients(&simulation.clients),
        calendar(simulation),
        assets(simulation),
    ];
    tables.into_iter().map(|table| table.write(format)).collect()
}

/// Numbers of one kind out of rows.
fn numbers<Row>(rows: &[Row], value: impl Fn(&Row) -> f64) -> Values {
    Values::number(rows.iter().map(value))
}

/// The columns of an estimate of engagement.
fn engagement<Row>(rows: &[Row], of: impl Fn(&Row) -> &Estimate) -> [(&'static str, Values); 6] {
    let end = |index: usize| {
        let ends = rows.iter().map(|row| of(row).interval.and_then(|ends| ends.get(index).copied()));
        Values::number_or_none(ends)
    };
    [
        ("engagement", numbers(rows, |row| of(row).mean)),
        ("engagement_low", end(0)),
        ("engagement_high", end(1)),
        ("engagement_p5", numbers(rows, |row| of(row).p5)),
        ("engagement_p50", numbers(rows, |row| of(row).p50)),
        ("engagement_p95", numbers(rows, |row| of(row).p95)),
    ]
}

fn weekly(weeks: &[WeekSummary]) -> Table {
    let mut columns = vec![
        ("week", Values::text(weeks.iter().map(|row| row.week))),
        ("monday", Values::text(weeks.iter().map(|row| row.week.monday()))),
    ];
    columns.extend(engagement(weeks, |row| &row.engagement));
    columns.extend([
        ("expected_engagement", numbers(weeks, |row| row.expected_engagement)),
        ("posts_wanted", numbers(weeks, |row| row.posts_wanted)),
        ("posts_target", numbers(weeks, |row| row.posts_target)),
        ("fewer_by_fatigue", numbers(weeks, |row| row.target_changes.fewer_by_fatigue)),
        ("fewer_by_hook", numbers(weeks, |row| row.target_changes.fewer_by_hook)),
        ("more_by_hook", numbers(weeks, |row| row.target_changes.more_by_hook)),
        ("posts_committed", numbers(weeks, |row| row.posts_committed)),
        ("posts_planned", numbers(weeks, |row| row.posts_planned)),
        ("posts_drafted", numbers(weeks, |row| row.posts_drafted)),
        ("posts_blocked", numbers(weeks, |row| row.posts_blocked)),
        ("reviews", numbers(weeks, |row| row.reviews)),
        ("rejected", numbers(weeks, |row| row.rejected)),
        ("expired", numbers(weeks, |row| row.expired)),
    ]);
    Table { name: "weekly", columns }
}

fn channels(rows: &[ChannelSummary]) -> Table {
    let mut columns = vec![
        ("channel", Values::text(rows.iter().map(|row| row.channel))),
        ("clients", Values::count(rows.iter().map(|row| row.clients))),
    ];
    columns.extend(engagement(rows, |row| &row.engagement));
    columns.extend([
        ("posts_wanted", numbers(rows, |row| row.posts_wanted)),
        ("posts_committed", numbers(rows, |row| row.posts_committed)),
        ("posts_planned", numbers(rows, |row| row.posts_planned)),
        ("posts_drafted", numbers(rows, |row| row.posts_drafted)),
        ("posts_blocked", numbers(rows, |row| row.posts_blocked)),
        ("without_asset", numbers(rows, |row| row.without_asset)),
        ("mean_fatigue", numbers(rows, |row| row.mean_fatigue)),
        ("share_above_warn", numbers(rows, |row| row.share_above_warn)),
        ("share_above_block", numbers(rows, |row| row.share_above_block)),
        ("warn_at", numbers(rows, |row| row.warn_at)),
        ("block_at", numbers(rows, |row| row.block_at)),
    ]);
    Table { name: "channels", columns }
}

fn channel_weeks(simulation: &Simulation) -> Table {
    let rows = simulation.channel_weeks.as_slice();
    let quantile = |index: usize| Values::number_or_none(rows.iter().map(|row| row.fatigue.get(index).copied()));
    let columns = vec![
        ("week", Values::text(rows.iter().map(|row| row.week))),
        ("channel", Values::text(rows.iter().map(|row| row.channel))),
        ("posts_wanted", numbers(rows, |row| row.posts_wanted)),
        ("posts_target", numbers(rows, |row| row.posts_target)),
        ("posts_drafted", numbers(rows, |row| row.posts_drafted)),
        ("engagement", numbers(rows, |row| row.engagement)),
        ("fatigue_p5", quantile(0)),
        ("fatigue_p50", quantile(1)),
        ("fatigue_p95", quantile(2)),
    ];
    Table { name: "channel_weeks", columns }
}

fn risk(weeks: &[WeekSummary]) -> Table {
    let rows: Vec<_> = weeks
        .iter()
        .flat_map(|row| RiskBand::ALL.into_iter().zip(row.risk).map(move |cell| (row.week, cell)))
        .collect();
    let columns = vec![
        ("week", Values::text(rows.iter().map(|(week, _)| week))),
        ("risk_level", Values::text(rows.iter().map(|(_, (band, _))| band))),
        ("posts_planned", numbers(&rows, |(_, (_, posts))| *posts)),
    ];
    Table { name: "risk", columns }
}

fn guardrails(rules: &[GuardrailSummary]) -> Table {
    let columns = vec![
        ("rule", Values::text(rules.iter().map(|row| &row.rule))),
        ("passed", numbers(rules, |row| row.passed)),
        ("warned", numbers(rules, |row| row.warned)),
        ("blocked", numbers(rules, |row| row.blocked)),
    ];
    Table { name: "guardrails", columns }
}

fn guardrail_weeks(simulation: &Simulation) -> Table {
    let blocks = |rule: &GuardrailSummary| rule.blocked_by_week.clone();
    let rows: Vec<_> = simulation
        .guardrails
        .iter()
        .flat_map(|rule| blocks(rule).into_iter().enumerate().map(move |(week, posts)| (rule, week, posts)))
        .collect();
    let columns = vec![
        ("rule", Values::text(rows.iter().map(|(rule, ..)| &rule.rule))),
        ("week", Values::text(rows.iter().map(|(_, week, _)| simulation.provenance.start.plus(*week as i64)))),
        ("blocked", numbers(&rows, |(.., posts)| *posts)),
    ];
    Table { name: "guardrail_weeks", columns }
}

fn clients(rows: &[ClientSummary]) -> Table {
    let mut columns = vec![
        ("client_id", Values::text(rows.iter().map(|row| &row.client_id))),
        ("name", Values::text(rows.iter().map(|row| &row.name))),
        ("workspace_id", Values::text(rows.iter().map(|row| &row.workspace_id))),
        ("time_zone", Values::text(rows.iter().map(|row| &row.time_zone))),
    ];
    columns.extend(engagement(rows, |row| &row.engagement));
    columns.extend([
        ("expected_engagement", numbers(rows, |row| row.expected_engagement)),
        ("posts_wanted", numbers(rows, |row| row.posts_wanted)),
        ("posts_committed", numbers(rows, |row| row.posts_committed)),
        ("posts_planned", numbers(rows, |row| row.posts_planned)),
        ("posts_drafted", numbers(rows, |row| row.posts_drafted)),
        ("posts_blocked", numbers(rows, |row| row.posts_blocked)),
        ("reviews", numbers(rows, |row| row.reviews)),
        ("without_asset", numbers(rows, |row| row.without_asset)),
        ("mean_fatigue", numbers(rows, |row| row.mean_fatigue)),
    ]);
    for (name, index) in ["risk_low", "risk_medium", "risk_high"].into_iter().zip(0..) {
        columns.push((name, Values::number_or_none(rows.iter().map(|row| row.risk.get(index).copied()))));
    }
    Table { name: "clients", columns }
}

fn calendar(simulation: &Simulation) -> Table {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let days = DAYS.into_iter().zip(&simulation.calendar);
    let rows: Vec<_> = days.flat_map(|(day, hours)| (0u32..).zip(hours).map(move |cell| (day, cell))).collect();
    let columns = vec![
        ("weekday", Values::text(rows.iter().map(|(day, _)| day))),
        ("hour", Values::count(rows.iter().map(|(_, (hour, _))| *hour))),
        ("posts", numbers(&rows, |(_, (_, posts))| **posts)),
    ];
    Table { name: "calendar", columns }
}

fn assets(simulation: &Simulation) -> Table {
    let by_uses = &simulation.assets.by_uses;
    let columns = vec![
        ("uses", Values::count((0u32..).zip(by_uses).map(|(uses, _)| uses))),
        ("assets", numbers(by_uses, |assets| *assets)),
    ];
    Table { name: "assets", columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn csv(name: &str) -> String {
        let files = run_tables(&sample::simulation(), TableFormat::Csv).unwrap();
        let (_, bytes) = files.into_iter().find(|(path, _)| path == name).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_table_has_its_columns_in_order() {
        let files = run_tables(&sample::simulation(), TableFormat::Csv).unwrap();
        let heads: Vec<String> = files
            .iter()
            .map(|(path, bytes)| format!("{path}: {}", std::str::from_utf8(bytes).unwrap().lines().next().unwrap()))
            .collect();
        insta::assert_snapshot!(heads.join("\n"));
    }

    #[test]
    fn a_table_has_a_row_for_everything_it_is_about() {
        let rows = |name| csv(name).lines().count() - 1;
        assert_eq!(rows("weekly.csv"), 12);
        assert_eq!(rows("channels.csv"), 9);
        assert_eq!(rows("channel_weeks.csv"), 108);
        assert_eq!(rows("risk.csv"), 36);
        assert_eq!(rows("guardrail_weeks.csv"), 84);
        assert_eq!(rows("clients.csv"), 12);
        assert_eq!(rows("calendar.csv"), 168);
    }

    #[test]
    fn without_an_interval_its_columns_are_empty() {
        let (_, simulation) = sample::variants().into_iter().find(|(name, _)| *name == "one-replication").unwrap();
        let files = run_tables(&simulation, TableFormat::Csv).unwrap();
        let (_, bytes) = files.into_iter().find(|(path, _)| path == "weekly.csv").unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let cells: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
        assert_eq!(cells.get(..2), Some(["2026-W48", "2026-11-23"].as_slice()));
        assert_eq!(cells.get(3..5), Some(["", ""].as_slice()));
    }
}
