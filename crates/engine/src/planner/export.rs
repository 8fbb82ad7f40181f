//! Weeks as optimisation problems with their solutions, for external solvers.
//!
//! `docs/limits.md` describes the JSON. A client's week holds the weeks of its channels, and the limits that couple them
//! as rows; a workspace's week holds those of all its clients, and the limits that these share as further rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::channel::ChannelDraft;
use super::coupling::{Row, Term};
use super::draft::Draft;
use super::instance::InstanceExport;
use super::limits::NamedRow;
use super::shared_limits::{CountedPost, RowBound};
use super::week::{ContextWithQuotas, PlanningContext, SharingWorkspace};
use super::{Instance, PlanError, Planner, Solution};
use crate::agents::scaling;
use crate::model::{Channel, Client, ClientId, ClientState, Scenario, Week, WeekHours, WorkspaceId, wall_time_text};

/// Version of the format of a week under limits.
const FORMAT: u32 = 2;

/// The weeks of a scenario as optimisation problems, with their solutions.
#[derive(Debug, Clone)]
pub struct SolvedWeeks {
    /// Every client's week, in the order of the clients.
    pub clients: Vec<SolvedWeek>,
    /// The weeks of the workspaces whose clients give way to each other for limits that they share.
    pub workspaces: Vec<SolvedWorkspace>,
}

/// A client's week as an optimisation problem, with its solution.
#[derive(Debug, Clone)]
pub struct SolvedWeek {
    /// The client.
    pub client_id: ClientId,
    /// Monday 00:00 on the client's clock, with its UTC offset.
    pub week_start: String,
    /// The channels' weeks, in the order of the client's channels.
    pub channels: Vec<SolvedInstance>,
    /// The limits that couple the channels, each in its periods, the client's quotas included.
    pub limits: Vec<SolvedRow>,
    /// Sum of the channels' objectives, less the price of what exceeds limits.
    pub objective: f64,
    /// Upper bound on the objective of any choice of hours; `None` if none is proven.
    pub bound: Option<f64>,
    /// Whether any of its posts may run: if all are blocked, they use nothing of limits that clients share.
    may_run: bool,
}

/// One channel's week as an optimisation problem, with its solution.
#[derive(Debug, Clone)]
pub struct SolvedInstance {
    /// The client whose channel it is.
    pub client_id: ClientId,
    /// The channel.
    pub channel: Channel,
    /// Whether every post needs a review, whatever its time and asset.
    pub always_needs_review: bool,
    /// Monday 00:00 on the client's clock, with its UTC offset.
    pub week_start: String,
    /// The problem.
    pub instance: Instance,
    /// The solution.
    pub solution: Solution,
}

/// A limit in one of its periods.
#[derive(Debug, Clone)]
pub struct SolvedRow {
    /// Names the limit and its period; unique within a week.
    pub id: String,
    /// Whether it is the client's quota of a limit that it shares with other clients.
    pub is_quota: bool,
    /// The row: the coefficients of the chosen posts sum to `at_most` or less, or each unit above costs its price.
    pub row: Row,
    /// The row's price in the proof of the bound.
    pub shadow_price: f64,
}

/// The week of a workspace whose clients share limits.
#[derive(Debug, Clone)]
pub struct SolvedWorkspace {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The week.
    pub week: Week,
    /// Indices of its clients.
    members: Vec<usize>,
    /// The shared limits; a channel's index counts over the channels of all members.
    shared: Vec<SolvedRow>,
    /// Upper bound on the sum of the clients' objectives; `None` if none is proven.
    bound: Option<f64>,
}

/// Every client's week of a scenario as an optimisation problem, with its solution.
///
/// # Errors
/// As [`Planner::plan_clients`].
pub fn solved_weeks(planner: &Planner<'_>, scenario: &Scenario, week: Week) -> Result<SolvedWeeks, PlanError> {
    let clients: Vec<(&Client, &ClientState)> =
        scaling::planned_clients(scenario).map(|(client, state)| (client, state)).collect();
    let context = PlanningContext::of_scenario(planner, scenario, &clients, week)?;
    let ContextWithQuotas { context, workspaces, results } =
        planner.share_limits(context, |draft, _| Ok(solved_week(draft)))?;
    let clients: Vec<SolvedWeek> = results.into_values().collect();
    let active = workspaces.into_iter().filter(|workspace| workspace.divided.is_active());
    let workspaces = active.map(|workspace| solved_workspace(workspace, &context, &clients, week)).collect();
    Ok(SolvedWeeks { clients, workspaces })
}

fn solved_week(draft: Draft<'_>) -> SolvedWeek {
    let may_run = draft.posts_that_may_run().next().is_some();
    let Draft { week, channel_drafts, solved_limits, .. } = draft;
    let week_start = week.client.zone.local(week.hours.start()).format("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let objective = solved_limits.objective_of_slots(&week, &channel_drafts);
    let named_rows = solved_limits.named_rows(&week, &channel_drafts);
    let ids = row_ids(week.hours, &named_rows);
    let bound = solved_limits.bound();
    let solved_instance = |channel_draft: ChannelDraft<'_>| SolvedInstance {
        client_id: week.client.id.clone(),
        channel: channel_draft.state.channel,
        always_needs_review: channel_draft.always_needs_review,
        week_start: week_start.clone(),
        solution: Solution {
            // Under limits that channels share, the solution need not be the best for the channel alone.
            optimal: channel_draft.solution.optimal && channel_draft.solution.objective >= channel_draft.upper_bound,
            ..channel_draft.solution
        },
        instance: channel_draft.instance,
    };
    let channels = channel_drafts.into_iter().map(solved_instance).collect();
    let solved_row = |(NamedRow { is_quota, row, shadow_price, .. }, id)| SolvedRow { id, is_quota, row, shadow_price };
    let limits = named_rows.into_iter().zip(ids).map(solved_row).collect();
    SolvedWeek { client_id: week.client.id.clone(), week_start, channels, limits, objective, bound, may_run }
}

/// Names each row by its limit, its channel and the start of its period on the client's clock. Where the clock goes back
/// and shows that start twice, the UTC offset tells the two apart.
fn row_ids(hours: &WeekHours, rows: &[NamedRow]) -> Vec<String> {
    let id = |NamedRow { limit, channel, first_hour, .. }: &NamedRow| {
        let on = channel.map_or_else(String::new, |channel: Channel| format!(" on {channel}"));
        let from = hours.zone().wall_time(hours.instant(*first_hour));
        format!("{limit}{on} from {}", wall_time_text(from))
    };
    let mut repeats: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        *repeats.entry(id(row)).or_default() += 1;
    }
    let unique = |row: &NamedRow| {
        let id = id(row);
        let offset = || hours.zone().local(hours.instant(row.first_hour)).format("%:z");
        if repeats.get(&id).is_some_and(|count| *count > 1) { format!("{id}{}", offset()) } else { id }
    };
    rows.iter().map(unique).collect()
}

fn solved_workspace(
    workspace: SharingWorkspace,
    context: &PlanningContext<'_>,
    clients: &[SolvedWeek],
    week: Week,
) -> SolvedWorkspace {
    let SharingWorkspace { id, members, limits, divided } = workspace;
    let mut shared: Vec<SolvedRow> = Vec::new();
    for (row, shadow_price) in divided.rows() {
        let mut terms = Vec::new();
        let mut first_channel = 0;
        for member in &members {
            let (Some(solved), Some(client)) = (clients.get(*member), context.client(*member)) else { continue };
            for (index, channel) in solved.channels.iter().enumerate() {
                let needs_review = channel.always_needs_review;
                let counts = |hour: &usize| {
                    let post = CountedPost { channel: channel.channel, hour: *hour, needs_review };
                    limits.rows_of(&client.week, post).any(|counted| counted == *row)
                };
                let hours = (0..channel.instance.value.len()).filter(counts);
                terms.extend(hours.map(|hour| Term { channel: first_channel + index, hour, coefficient: 1.0 }));
            }
            first_channel += solved.channels.len();
        }
        let group = row.industry.as_ref().or(row.tag.as_ref()).map_or_else(String::new, |group| format!(" of {group}"));
        let on = row.channel.map_or_else(String::new, |channel| format!(" on {channel}"));
        let id = format!("{}{group}{on} from {}", limits.name(row), row.period.start(week));
        let RowBound { at_most, price } = limits.bound(row);
        let row = Row { terms, at_most, price };
        shared.push(SolvedRow { id, is_quota: false, row, shadow_price });
    }
    SolvedWorkspace { workspace_id: id, week, members, shared, bound: divided.bound }
}

impl SolvedWorkspace {
    /// What the chosen posts cost that exceed shared limits with a price.
    fn penalty(&self, chosen: &[(usize, usize, Option<usize>)]) -> f64 {
        let chosen: BTreeSet<(usize, usize)> = chosen.iter().map(|(channel, hour, _)| (*channel, *hour)).collect();
        let penalty = |SolvedRow { row, .. }: &SolvedRow| {
            let counted = row.terms.iter().filter(|term| chosen.contains(&(term.channel, term.hour)));
            let used = counted.fold(0.0, |sum, term| sum + term.coefficient);
            row.price.unwrap_or(0.0) * row.excess(used)
        };
        self.shared.iter().map(penalty).fold(0.0, |sum, penalty| sum + penalty)
    }
}

/// A week under limits: one JSON object.
#[derive(Serialize)]
struct WeekExport<'a> {
    format: u32,
    kind: &'static str,
    scope: &'a str,
    week_start: String,
    channels: Vec<InstanceExport<'a>>,
    limits: Vec<RowExport>,
    /// Channel, hour and asset of each post; no asset is chosen yet.
    chosen: Vec<(usize, usize, Option<usize>)>,
    objective: f64,
    upper_bound: Option<f64>,
}

/// A limit in one of its periods.
#[derive(Serialize)]
struct RowExport {
    id: String,
    /// Maxima have positive coefficients, minima negative ones.
    sense: &'static str,
    bound: f64,
    /// The price in the proof of the bound.
    price: f64,
    /// What each unit above `bound` costs; `None` if it may not be exceeded.
    soft_price: Option<f64>,
    terms: Vec<TermExport>,
}

/// Channel, hour, asset and coefficient; without an asset, the post counts whatever its asset is.
type TermExport = (usize, usize, Option<usize>, f64);

impl SolvedRow {
    /// With the prefix of its id, and the index of the first channel of its week.
    fn export(&self, prefix: &str, first_channel: usize) -> RowExport {
        let term = |term: &Term| (first_channel + term.channel, term.hour, None, term.coefficient);
        RowExport {
            id: format!("{prefix}{}", self.id),
            sense: "<=",
            bound: self.row.at_most,
            price: self.shadow_price,
            soft_price: self.row.price,
            terms: self.row.terms.iter().map(term).collect(),
        }
    }
}

impl SolvedWeek {
    /// The week as one JSON object.
    #[must_use]
    pub fn export(&self) -> impl Serialize + '_ {
        WeekExport {
            format: FORMAT,
            kind: "client_week",
            scope: self.client_id.as_str(),
            week_start: self.week_start.clone(),
            channels: self.channels.iter().map(SolvedInstance::export).collect(),
            limits: self.limits.iter().map(|row| row.export("", 0)).collect(),
            chosen: self.chosen(0).collect(),
            objective: self.objective,
            upper_bound: self.bound,
        }
    }

    /// The objective if nothing is posted.
    fn objective_without_posts(&self) -> f64 {
        let earned: f64 = self.channels.iter().map(|channel| channel.instance.objective(&[])).sum();
        let own_rows = self.limits.iter().filter(|row| !row.is_quota);
        own_rows.fold(earned, |sum, SolvedRow { row, .. }| sum - row.price.unwrap_or(0.0) * row.excess(0.0))
    }

    /// The chosen posts, given the index of the week's first channel.
    fn chosen(&self, first_channel: usize) -> impl Iterator<Item = (usize, usize, Option<usize>)> {
        let channels = self.channels.iter().enumerate();
        channels.flat_map(move |(index, channel)| {
            channel.solution.chosen.iter().map(move |hour| (first_channel + index, *hour, None))
        })
    }
}

impl SolvedInstance {
    fn export(&self) -> InstanceExport<'_> {
        let client = self.client_id.as_str();
        self.instance.export_within_week(client, self.channel, self.week_start.clone(), &self.solution)
    }
}

impl SolvedWeeks {
    /// The week of a workspace as one JSON object.
    #[must_use]
    pub fn export_workspace<'a>(&'a self, workspace: &'a SolvedWorkspace) -> impl Serialize + 'a {
        let mut export = WeekExport {
            format: FORMAT,
            kind: "workspace_week",
            scope: workspace.workspace_id.as_str(),
            week_start: workspace.week.monday().to_string(),
            channels: Vec::new(),
            limits: workspace.shared.iter().map(|row| row.export("", 0)).collect(),
            chosen: Vec::new(),
            objective: 0.0,
            upper_bound: workspace.bound,
        };
        for member in workspace.members.iter().filter_map(|index| self.clients.get(*index)) {
            let first_channel = export.channels.len();
            let own_rows = member.limits.iter().filter(|row| !row.is_quota);
            export.limits.extend(own_rows.map(|row| row.export(&format!("{}: ", member.client_id), first_channel)));
            if member.may_run {
                export.chosen.extend(member.chosen(first_channel));
            }
            export.channels.extend(member.channels.iter().map(SolvedInstance::export));
            export.objective += if member.may_run { member.objective } else { member.objective_without_posts() };
        }
        export.objective -= workspace.penalty(&export.chosen);
        export
    }
}
