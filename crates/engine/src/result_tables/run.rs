//! The tables of a simulation: the numbers behind the figures and the page.

use chrono::NaiveDate;

use super::{ResultTable, columns};
use crate::model::{Channel, ClientId, RiskBand, Week, WorkspaceId};
use crate::simulator::{ChannelSummary, ClientSummary, GuardrailSummary, Simulation, WeekSummary};

/// The tables `weekly`, `channels`, `channel_weeks`, `risk`, `guardrails`, `guardrail_weeks`, `clients`, `calendar` and
/// `assets` of a run. Counts are means per replication.
#[must_use]
pub fn run_tables(simulation: &Simulation) -> [ResultTable; 9] {
    [
        weekly(&simulation.weekly),
        channels(&simulation.channels),
        channel_weeks(simulation),
        risk(&simulation.weekly),
        guardrails(&simulation.guardrails),
        guardrail_weeks(simulation),
        clients(&simulation.clients),
        calendar(simulation),
        assets(simulation),
    ]
}

fn weekly(weeks: &[WeekSummary]) -> ResultTable {
    let mut table = ResultTable::new("weekly", "a week, over all clients and channels");
    columns!(table, weeks, |row| {
        /// The ISO week.
        week: Week = row.week,
        /// Its Monday.
        monday: NaiveDate = row.week.monday(),
    });
    table.add_engagement(weeks.iter().map(|row| &row.engagement));
    columns!(table, weeks, |row| {
        /// Engagements that the planner expected of the drafts.
        expected_engagement: f64 = row.expected_engagement,
        /// Posts that the rules wanted before the reduction for fatigue.
        posts_wanted: f64 = row.posts_wanted,
        /// Posts that the rules wanted after the reduction for fatigue and the pack's `weekly_posts` function.
        posts_target: f64 = row.posts_target,
        /// Reduction because of fatigue, in posts.
        fewer_by_fatigue: f64 = row.target_changes.fewer_by_fatigue,
        /// Reduction by the pack's `weekly_posts` function, in posts.
        fewer_by_hook: f64 = row.target_changes.fewer_by_hook,
        /// Increase by that function, in posts.
        more_by_hook: f64 = row.target_changes.more_by_hook,
        /// Posts that were committed before the run.
        posts_committed: f64 = row.posts_committed,
        /// Posts planned.
        posts_planned: f64 = row.posts_planned,
        /// Drafts, including those of posts committed before the run.
        posts_drafted: f64 = row.posts_drafted,
        /// Posts blocked.
        posts_blocked: f64 = row.posts_blocked,
        /// Posts sent to a reviewer.
        reviews: f64 = row.reviews,
        /// Posts rejected by a reviewer.
        rejected: f64 = row.rejected,
        /// Posts that were not approved in time.
        expired: f64 = row.expired,
        /// Worth of the engagements less the cost, mean over replications, in engagements of a channel whose `worth` is 1.
        net_worth: f64 = row.net_worth.mean,
        /// Hours of work on the drafts.
        hours_of_work: f64 = row.hours_of_work,
        /// Cost of that work and of people who unsubscribed or unfollowed, in the unit of `net_worth`.
        cost: f64 = row.cost,
        /// People in the audience at the end of the week, over all channels.
        audience_end: f64 = row.audience_end,
    });
    table
}

fn channels(rows: &[ChannelSummary]) -> ResultTable {
    let mut table = ResultTable::new("channels", "a channel, over all weeks and clients");
    columns!(table, rows, |row| {
        /// The channel.
        channel: Channel = row.channel,
        /// Number of clients with the channel.
        clients: u32 = row.clients,
    });
    table.add_engagement(rows.iter().map(|row| &row.engagement));
    columns!(table, rows, |row| {
        /// Posts that the rules wanted before the reduction for fatigue.
        posts_wanted: f64 = row.posts_wanted,
        /// Posts that were committed before the run.
        posts_committed: f64 = row.posts_committed,
        /// Posts planned.
        posts_planned: f64 = row.posts_planned,
        /// Drafts, including those of posts committed before the run.
        posts_drafted: f64 = row.posts_drafted,
        /// Posts blocked.
        posts_blocked: f64 = row.posts_blocked,
        /// Planned posts without an asset.
        without_asset: f64 = row.without_asset,
        /// Mean fatigue at the times of posts, 0 to 1.
        mean_fatigue: f64 = row.mean_fatigue,
        /// Share of channel-hours with fatigue at or above `warn_at`.
        share_above_warn: f64 = row.share_above_warn,
        /// Share of channel-hours with fatigue at or above `block_at`.
        share_above_block: f64 = row.share_above_block,
        /// Fatigue at and above which the rules warn.
        warn_at: f64 = row.warn_at,
        /// Fatigue at and above which the rules block.
        block_at: f64 = row.block_at,
        /// Worth of the engagements less the cost, mean over replications, in engagements of a channel whose `worth` is 1.
        net_worth: f64 = row.net_worth.mean,
        /// Hours of work on the drafts.
        hours_of_work: f64 = row.hours_of_work,
        /// Cost of that work and of people who unsubscribed or unfollowed, in the unit of `net_worth`.
        cost: f64 = row.cost,
        /// People in the audience at the end.
        audience_end: f64 = row.audience_end,
    });
    table
}

fn channel_weeks(simulation: &Simulation) -> ResultTable {
    let rows = &simulation.channel_weeks;
    let mut table = ResultTable::new("channel_weeks", "a channel in a week, over all clients");
    columns!(table, rows, |row| {
        /// The ISO week.
        week: Week = row.week,
        /// The channel.
        channel: Channel = row.channel,
        /// Posts that the rules wanted before the reduction for fatigue.
        posts_wanted: f64 = row.posts_wanted,
        /// Posts that the rules wanted after the reduction for fatigue and the pack's `weekly_posts` function.
        posts_target: f64 = row.posts_target,
        /// Drafts, including those of posts committed before the run.
        posts_drafted: f64 = row.posts_drafted,
        /// Engagements, mean over replications.
        engagement: f64 = row.engagement,
        /// 5 % quantile of fatigue over clients and hours.
        fatigue_p5: f64 = row.fatigue[0],
        /// Median of fatigue over clients and hours.
        fatigue_p50: f64 = row.fatigue[1],
        /// 95 % quantile of fatigue over clients and hours.
        fatigue_p95: f64 = row.fatigue[2],
    });
    table
}

/// A row of `risk`.
struct RiskRow {
    week: Week,
    band: RiskBand,
    posts: f64,
}

fn risk(weeks: &[WeekSummary]) -> ResultTable {
    let bands = |row: &WeekSummary| RiskBand::ALL.into_iter().zip(row.risk);
    let rows: Vec<RiskRow> =
        weeks.iter().flat_map(|row| bands(row).map(|(band, posts)| RiskRow { week: row.week, band, posts })).collect();
    let mut table = ResultTable::new("risk", "a risk band in a week");
    columns!(table, rows, |row| {
        /// The ISO week.
        week: Week = row.week,
        /// The risk band.
        risk_level: RiskBand = row.band,
        /// Planned posts, including blocked ones.
        posts_planned: f64 = row.posts,
    });
    table
}

fn guardrails(rules: &[GuardrailSummary]) -> ResultTable {
    let mut table = ResultTable::new("guardrails", "a guardrail, over all planned posts");
    columns!(table, rules, |row| {
        /// Its id, or the code of a reason for which the engine blocks posts.
        rule: String = row.rule.clone(),
        /// Posts that it passed.
        passed: f64 = row.passed,
        /// Posts that it warned about.
        warned: f64 = row.warned,
        /// Posts that it blocked.
        blocked: f64 = row.blocked,
    });
    table
}

/// A row of `guardrail_weeks`.
struct GuardrailWeek<'a> {
    rule: &'a str,
    week: Week,
    blocked: f64,
}

fn guardrail_weeks(simulation: &Simulation) -> ResultTable {
    let start = simulation.provenance.start;
    let mut rows = Vec::new();
    for rule in &simulation.guardrails {
        for (week, blocked) in (0..).zip(&rule.blocked_by_week) {
            rows.push(GuardrailWeek { rule: &rule.rule, week: start.plus(week), blocked: *blocked });
        }
    }
    let mut table = ResultTable::new("guardrail_weeks", "a guardrail in a week");
    columns!(table, rows, |row| {
        /// Its id, or the code of a reason for which the engine blocks posts.
        rule: String = row.rule.to_owned(),
        /// The ISO week.
        week: Week = row.week,
        /// Posts that it blocked.
        blocked: f64 = row.blocked,
    });
    table
}

fn clients(rows: &[ClientSummary]) -> ResultTable {
    let mut table = ResultTable::new("clients", "a client, over all weeks");
    columns!(table, rows, |row| {
        /// The client.
        client_id: ClientId = row.client_id.clone(),
        /// Its name.
        name: String = row.name.clone(),
        /// Its workspace.
        workspace_id: WorkspaceId = row.workspace_id.clone(),
        /// Its time zone.
        time_zone: String = row.time_zone.clone(),
    });
    table.add_engagement(rows.iter().map(|row| &row.engagement));
    columns!(table, rows, |row| {
        /// Engagements that the planner expected of the drafts.
        expected_engagement: f64 = row.expected_engagement,
        /// Posts that the rules wanted before the reduction for fatigue.
        posts_wanted: f64 = row.posts_wanted,
        /// Posts that were committed before the run.
        posts_committed: f64 = row.posts_committed,
        /// Posts planned.
        posts_planned: f64 = row.posts_planned,
        /// Drafts, including those of posts committed before the run.
        posts_drafted: f64 = row.posts_drafted,
        /// Posts blocked.
        posts_blocked: f64 = row.posts_blocked,
        /// Posts sent to a reviewer.
        reviews: f64 = row.reviews,
        /// Planned posts without an asset.
        without_asset: f64 = row.without_asset,
        /// Mean fatigue over channels and hours, 0 to 1.
        mean_fatigue: f64 = row.mean_fatigue,
        /// Posts of low risk.
        risk_low: f64 = row.risk[0],
        /// Posts of medium risk.
        risk_medium: f64 = row.risk[1],
        /// Posts of high risk.
        risk_high: f64 = row.risk[2],
        /// Worth of the engagements less the cost, mean over replications, in engagements of a channel whose `worth` is 1.
        net_worth: f64 = row.net_worth.mean,
        /// Hours of work on the drafts.
        hours_of_work: f64 = row.hours_of_work,
        /// Cost of that work and of people who unsubscribed or unfollowed, in the unit of `net_worth`.
        cost: f64 = row.cost,
        /// People in the audience at the end, over all channels.
        audience_end: f64 = row.audience_end,
    });
    table
}

/// A row of `calendar`.
struct CalendarHour {
    day: &'static str,
    hour: u32,
    posts: f64,
}

fn calendar(simulation: &Simulation) -> ResultTable {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let mut rows = Vec::new();
    for (day, hours) in DAYS.into_iter().zip(&simulation.calendar) {
        for (hour, posts) in (0..).zip(hours) {
            rows.push(CalendarHour { day, hour, posts: *posts });
        }
    }
    let mut table = ResultTable::new("calendar", "an hour of the week in the clients' time zones");
    columns!(table, rows, |row| {
        /// The weekday.
        weekday: String = row.day.to_owned(),
        /// The hour, 0 to 23.
        hour: u32 = row.hour,
        /// Posts that were not blocked.
        posts: f64 = row.posts,
    });
    table
}

fn assets(simulation: &Simulation) -> ResultTable {
    let rows: Vec<(u32, f64)> = (0..).zip(simulation.assets.by_uses.iter().copied()).collect();
    let mut table = ResultTable::new("assets", "a number of uses of an asset");
    columns!(table, rows, |(uses, assets)| {
        /// Number of uses.
        uses: u32 = *uses,
        /// Number of assets that were used this often; the last row also counts those used more often.
        assets: f64 = *assets,
    });
    table
}
