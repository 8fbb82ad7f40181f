//! `mcoe review`, `approve`, `cancel` and `restore`: human review of schedules.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use clap::{Args, ValueEnum};
use serde_json::json;
use uuid::Uuid;

use super::failure::Failure;
use super::ledger::{ActorArgument, DatabaseArgument, NowArgument};
use super::{Format, Globals, RulesArgument, input, print};
use crate::model::{Channel, RiskBand, ScheduleStatus, WorkspaceId, Zone};
use crate::store::{Change, Changed, Ledger, OpenMode, Schedule, ScheduleFilter, Skipped};

/// List schedules that need approval, highest risk first, with the reasons.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mcoe review --risk high\n  mcoe review --client bakery --all")]
pub(super) struct Review {
    #[command(flatten)]
    filters: Filters,
    /// List schedules of any status.
    #[arg(long)]
    all: bool,
    /// Maximum number of schedules.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    database: DatabaseArgument,
}

#[derive(Debug, Args)]
struct Filters {
    /// Only schedules of this workspace.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// Only schedules of this client.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only schedules on this channel.
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<Channel>,
    /// Only schedules with this risk.
    #[arg(long, value_enum)]
    risk: Option<Risk>,
    /// Only schedules of this plan.
    #[arg(long, value_name = "ID")]
    plan: Option<Uuid>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Risk {
    Low,
    Medium,
    High,
}

/// Approve pending schedules, so that they become drafts at their scheduled time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mcoe approve 0b7f 91c2\n  mcoe approve --risk medium --channel linkedin --yes")]
pub(super) struct Approve {
    #[command(flatten)]
    selection: Selection,
    /// Allow the person who committed a plan to approve its high-risk posts, for those who work alone. This is recorded
    /// with each approval.
    #[arg(long, env = "MCOE_ALONE")]
    alone: bool,
    #[command(flatten)]
    rules: RulesArgument,
}

/// Restore cancelled schedules, so that they need approval again.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe restore 0b7f 91c2")]
pub(super) struct Restore {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    rules: RulesArgument,
}

/// Cancel schedules; until their scheduled time they can be restored with `mcoe restore`.
///
/// Filters select only schedules that need approval; others can be cancelled by id.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe cancel 0b7f --reason \"the product is sold out\"\n  mcoe cancel --client bakery --yes"
)]
pub(super) struct Cancel {
    #[command(flatten)]
    selection: Selection,
    /// The reason to record.
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    reason: String,
    #[command(flatten)]
    rules: RulesArgument,
}

/// The schedules to change: by id, or all that the command can change and that pass the filters.
#[derive(Debug, Args)]
struct Selection {
    /// Ids of schedules, or the start of each.
    ids: Vec<String>,
    #[command(flatten)]
    filters: Filters,
    /// Do not ask for confirmation.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    actor: ActorArgument,
    #[command(flatten)]
    now: NowArgument,
}

impl Filters {
    fn is_empty(&self) -> bool {
        let Self { workspace, client, channel, risk, plan } = self;
        workspace.is_none() && client.is_none() && channel.is_none() && risk.is_none() && plan.is_none()
    }

    fn schedule_filter(&self, statuses: Vec<ScheduleStatus>) -> ScheduleFilter {
        ScheduleFilter {
            client: self.client.clone(),
            channel: self.channel,
            risk: self.risk.map(|risk| match risk {
                Risk::Low => RiskBand::Low,
                Risk::Medium => RiskBand::Medium,
                Risk::High => RiskBand::High,
            }),
            plan: self.plan,
            statuses,
            ..ScheduleFilter::default()
        }
    }

    /// The ledger, restricted to the workspace of the filters.
    fn scoped(&self, ledger: Ledger) -> Ledger {
        match &self.workspace {
            Some(workspace) => ledger.scoped_to(WorkspaceId::new(workspace.as_str())),
            None => ledger,
        }
    }
}

impl Review {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let statuses = if self.all { Vec::new() } else { vec![ScheduleStatus::Pending] };
        let filter = ScheduleFilter { limit: Some(self.limit), ..self.filters.schedule_filter(statuses) };
        let schedules = self
            .database
            .with(OpenMode::Read, |ledger| async move { Ok(self.filters.scoped(ledger).schedules(&filter).await?) })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(schedules)));
        }
        if schedules.is_empty() {
            return print(self.nothing_listed());
        }
        print(&as_text(&schedules))
    }
}

impl Review {
    /// What to print if no schedule is listed.
    fn nothing_listed(&self) -> &'static str {
        match (self.all, self.filters.is_empty()) {
            (true, true) => "the ledger has no schedules\n",
            (true, false) => "no schedule matches the filter\n",
            (false, true) => "no schedule needs approval\n",
            (false, false) => "no schedule that matches the filter needs approval\n",
        }
    }
}

impl Approve {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let change = if self.alone { Change::ApproveAlone } else { Change::Approve };
        self.selection.change(change, "approve", &self.rules, globals)
    }
}

impl Restore {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        self.selection.change(Change::Restore, "restore", &self.rules, globals)
    }
}

impl Cancel {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        self.selection.change(Change::Cancel { reason: &self.reason }, "cancel", &self.rules, globals)
    }
}

impl Selection {
    fn change(&self, change: Change<'_>, verb: &str, rules: &RulesArgument, globals: &Globals) -> Result<(), Failure> {
        if self.ids.is_empty() && self.filters.is_empty() {
            let cause = format!("no schedules to {verb} are given");
            return Err(Failure::input(cause, "give ids, or a filter such as --risk medium"));
        }
        let rules = input::rules(&rules.rules, globals)?;
        let (actor, now) = (self.actor.name(), self.now.time());
        let changed = self.database.with(OpenMode::Write, |ledger| async move {
            let ledger = self.filters.scoped(ledger);
            let status = if change == Change::Restore { ScheduleStatus::Cancelled } else { ScheduleStatus::Pending };
            let filter = self.filter(&ledger, status).await?;
            let selection = ledger.schedules(&filter).await?;
            if !self.confirm(verb, &selection, globals)? {
                return Ok(Changed::default());
            }
            // Change only the schedules that were shown, not any added since.
            let shown_filter = ScheduleFilter { ids: selection.iter().map(|schedule| schedule.id).collect(), ..filter };
            if shown_filter.ids.is_empty() {
                return Ok(Changed::default());
            }
            Ok(ledger.change(&shown_filter, change, &rules, &actor, now).await?)
        })?;
        for Skipped { schedule, why, .. } in &changed.skipped {
            globals.info(&format!("not changed: {} is {}: {why}", short_id(schedule), schedule.status));
        }
        let skipped = changed.skipped.len();
        // If schedules were given by id, at least one must have changed.
        let done = if self.ids.is_empty() { changed.done } else { changed.any()? };
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(done)));
        }
        print(&summary(change, done.len(), skipped))
    }

    /// A filter for the schedules with the given ids or, without ids, for those with the status that pass the filters.
    async fn filter(&self, ledger: &Ledger, status: ScheduleStatus) -> Result<ScheduleFilter, Failure> {
        let mut ids = Vec::with_capacity(self.ids.len());
        for prefix in &self.ids {
            ids.push(ledger.schedule_id(prefix).await?);
        }
        // Ids match schedules of any status, so that the error says why one cannot be changed.
        let statuses = if ids.is_empty() { vec![status] } else { Vec::new() };
        Ok(ScheduleFilter { ids, ..self.filters.schedule_filter(statuses) })
    }

    /// Shows what is about to change, and asks for confirmation if stdin is a terminal.
    fn confirm(&self, verb: &str, selection: &[Schedule], globals: &Globals) -> Result<bool, Failure> {
        globals.info(&format!("about to {verb} {} schedules:\n{}", selection.len(), as_text(selection)));
        if self.yes || selection.is_empty() {
            return Ok(true);
        }
        if !io::stdin().is_terminal() {
            return if self.ids.is_empty() {
                let remedy = format!("add --yes to {verb} all schedules that match the filter");
                Err(Failure::input("cannot ask for confirmation: stdin is not a terminal", remedy))
            } else {
                Ok(true)
            };
        }
        let _ = write!(io::stderr(), "continue? [y/N] ");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map_err(Failure::system)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

/// Describes the result as text.
fn summary(change: Change<'_>, done: usize, skipped: usize) -> String {
    let verb = match change {
        Change::Approve | Change::ApproveAlone => "approved",
        Change::Cancel { .. } => "cancelled",
        Change::Restore => "restored",
    };
    let unchanged = if skipped == 0 { String::new() } else { format!(", {skipped} not changed") };
    let hint = match change {
        Change::Cancel { .. } if done > 0 => "; until their scheduled time, `mcoe restore ID` restores them",
        _ => "",
    };
    format!("{verb} {done} schedules{unchanged}{hint}\n")
}

/// The first 8 characters of a schedule's id.
fn short_id(schedule: &Schedule) -> String {
    schedule.id.to_string().chars().take(8).collect()
}

/// A few lines of text per schedule.
fn as_text(schedules: &[Schedule]) -> String {
    let mut text = String::new();
    for schedule in schedules {
        // Writing to a `String` cannot fail.
        let _ = write_schedule(&mut text, schedule);
    }
    text
}

fn write_schedule(text: &mut String, schedule: &Schedule) -> std::fmt::Result {
    let in_zone = |zone: Zone, format| zone.local(schedule.scheduled_for).format(format).to_string();
    let local = match schedule.zone() {
        Ok(zone) => in_zone(zone, "%a %Y-%m-%d %H:%M"),
        Err(_) => in_zone(Zone::utc(), "%a %Y-%m-%d %H:%M UTC"),
    };
    let id = short_id(schedule);
    writeln!(
        text,
        "{id}  {:<6} {:<9} {local}  {:<8} {}  {}",
        schedule.risk_level.name(),
        schedule.status.name(),
        schedule.channel.name(),
        schedule.client_id,
        schedule.used_asset().unwrap_or("no asset")
    )?;
    if let Some(reason) = &schedule.blocked_reason {
        writeln!(text, "          {reason}")?;
    }
    writeln!(text, "          confidence {:.2}, fatigue {:.2}", schedule.confidence, schedule.fatigue)?;
    let warnings = schedule.metadata.get("warnings").and_then(|warnings| warnings.as_array());
    for warning in warnings.into_iter().flatten() {
        let field = |name: &str| warning.get(name).and_then(|text| text.as_str()).unwrap_or_default();
        writeln!(text, "          {}: {}", field("rule"), field("reason"))?;
    }
    Ok(())
}
