//! `mcoe db`: migrates the ledger, loads and exports scenarios, and prints calendars.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::Failure;
use super::folder::OutFolder;
use super::ledger::{DatabaseArgument, NowArgument, block_on, until_interrupted};
use super::ledger_history::workspace_files;
use super::terminal::print_unescaped;
use super::{Format, Globals, OutArguments, RulesArgument, input, print};
use crate::model::{ScheduleStatus, Timestamp, Week, WorkspaceId, Zone};
use crate::report::{Event, calendar_from_events};
use crate::scenario::{self, ScenarioErrors};
use crate::store::{Ledger, OpenMode, Schedule, ScheduleFilter, StoreError};

/// Migrate the ledger, load or export a scenario, or write a calendar.
#[derive(Debug, Args)]
pub(super) struct Db {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    Migrate(Migrate),
    Load(Load),
    Export(Export),
    Calendar(Calendar),
}

/// Migrate the ledger's schema to this version
///
/// An SQLite file that does not exist is created. Commands that write migrate an older SQLite file by themselves;
/// read-only commands never change it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe db migrate --database postgres://localhost/mcoe")]
struct Migrate {
    #[command(flatten)]
    database: DatabaseArgument,
}

/// Load the clients of a scenario
///
/// For clients that are already in the ledger, settings and content are replaced; their fatigue, counts and posts
/// are kept. What posts earned (`engagements` in the scenario's table `history`) is added, for `mcoe calibrate
/// --from-database`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe db load scenarios/agency --database postgres://localhost/mcoe")]
struct Load {
    /// Folder of the scenario.
    scenario: PathBuf,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

/// Write the current state of a workspace as a scenario folder.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe db export north --out scenarios/north")]
struct Export {
    /// The workspace.
    workspace: String,
    /// First week of the scenario. Default: the coming week.
    #[arg(long, value_name = "WEEK")]
    week: Option<Week>,
    #[command(flatten)]
    out: OutArguments,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

/// Write the committed posts as a calendar (iCalendar)
///
/// Each post keeps its event whatever its status, so that calendars that have imported the file before are updated.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe db calendar north > north.ics")]
struct Calendar {
    /// The workspace.
    workspace: String,
    /// Number of past days to include.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    days_back: u32,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

impl Db {
    /// Whether the command converts between instants and clocks.
    pub const fn uses_time_zones(&self) -> bool {
        match self.command {
            DbCommand::Load(_) | DbCommand::Calendar(_) => true,
            DbCommand::Migrate(_) | DbCommand::Export(_) => false,
        }
    }

    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        match &self.command {
            DbCommand::Migrate(command) => command.run(globals),
            DbCommand::Load(command) => command.run(globals),
            DbCommand::Export(command) => command.run(globals),
            DbCommand::Calendar(command) => command.run(),
        }
    }
}

impl Migrate {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let url = self.database.url()?;
        let (version_before, version) = block_on(until_interrupted(async { Ok(Ledger::migrate(&url).await?) }))?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({"version_before": version_before, "version": version})));
        }
        let change = if version_before == version { "is already at" } else { "was migrated to" };
        print(&format!("{url} {change} schema version {version}\n"))
    }
}

impl Load {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let (rules, scenario) = input::rules_and_matching_scenario(&self.rules.rules, &self.scenario, globals)?;
        let history =
            scenario::read_history(&self.scenario).map_err(|errors| input::scenario_failure(errors, globals))?;
        let now = self.now.time();
        let loaded = self.database.with(OpenMode::Create, |ledger| async move {
            Ok(ledger.load_with_history(&scenario, &history, &rules, now).await?)
        })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(loaded)));
        }
        print(&format!(
            "loaded {} into {}: {} new clients, {} updated clients, {} assets, {} new posts, {} \
             measured posts{}\n",
            self.scenario.display(),
            self.database.url()?,
            loaded.new_clients,
            loaded.known_clients,
            loaded.assets,
            loaded.posts,
            loaded.measured_posts,
            match loaded.channels_off {
                0 => String::new(),
                1 => "; 1 channel that is no longer in the scenario was deactivated".to_owned(),
                count => format!("; {count} channels that are no longer in the scenario were deactivated"),
            }
        ))
    }
}

impl Export {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let week = self.week.unwrap_or_else(|| Week::after(self.now.time()));
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let (scenario, files) = workspace_files(&self.database, &self.workspace, week)?;
        for (name, bytes) in scenario::render(&files).map_err(ScenarioErrors::from)? {
            out.write(&name, &bytes)?;
        }
        out.finish()?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({"clients": scenario.clients.len(), "out": self.out.out})));
        }
        print(&format!("wrote {} clients to {}\n", scenario.clients.len(), self.out.out.display()))
    }
}

impl Calendar {
    fn run(&self) -> Result<(), Failure> {
        let now = self.now.time();
        let from = now.plus_days(-i64::from(self.days_back));
        let filter = ScheduleFilter { from: Some(from), ..ScheduleFilter::default() };
        let workspace = WorkspaceId::new(self.workspace.as_str());
        let mut schedules = self.database.with(OpenMode::Read, |ledger| async move {
            if !ledger.workspaces().await?.contains(&workspace) {
                return Err(StoreError::UnknownWorkspace(workspace.to_string()).into());
            }
            Ok(ledger.scoped_to(workspace).schedules(&filter).await?)
        })?;
        schedules.sort_by_key(|schedule| (schedule.scheduled_for, schedule.id));
        let mut events_by_uid: BTreeMap<&str, Event> = BTreeMap::new();
        for schedule in &schedules {
            let new = event(schedule, now);
            match events_by_uid.remove(schedule.calendar_uid.as_str()) {
                Some(earlier) => events_by_uid.insert(&schedule.calendar_uid, merged(earlier, new)),
                None => events_by_uid.insert(&schedule.calendar_uid, new),
            };
        }
        let mut events: Vec<Event> = events_by_uid.into_values().collect();
        events.sort_by(|left, right| (left.at, &left.uid).cmp(&(right.at, &right.uid)));
        print_unescaped(&calendar_from_events(&format!("Posts of {}", self.workspace), &events))
    }
}

/// Merges the events of two schedules with the same UID, one of which replaced the other. The result shows the schedule
/// that is not cancelled, and its sequence number exceeds those of both events, as calendars require of a newer
/// version.
fn merged(event: Event, other: Event) -> Event {
    let sequence = event.sequence + other.sequence + 1;
    let is_cancelled = |event: &Event| event.status == ScheduleStatus::Cancelled;
    Event { sequence, ..if is_cancelled(&event) { other } else { event } }
}

/// The calendar event of a schedule.
fn event(schedule: &Schedule, now: Timestamp) -> Event {
    // The description names the zone.
    let zone = schedule.zone().unwrap_or_else(|_| Zone::utc());
    let local = zone.local(schedule.scheduled_for).format("%A %H:%M").to_string();
    let mut lines = vec![
        format!("{local} in {zone}"),
        schedule.used_asset().map_or_else(|| "No asset".to_owned(), |asset| format!("Asset {asset}")),
        format!("Status {}, risk {}", schedule.status, schedule.risk_level),
    ];
    lines.extend(schedule.blocked_reason.clone());
    Event {
        uid: schedule.calendar_uid.clone(),
        sequence: schedule.calendar_sequence,
        stamp: now,
        at: schedule.scheduled_for,
        summary: format!("{}: {}", schedule.channel, schedule.client_id),
        description: lines.join("\n"),
        channel: schedule.channel,
        status: schedule.status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Channel;

    #[test]
    fn schedules_with_the_same_uid_are_merged_into_one_event_with_a_higher_sequence() {
        let at: Timestamp = "2026-09-07T09:00:00Z".parse().unwrap();
        let event = |status, sequence| Event {
            uid: "one".to_owned(),
            sequence,
            stamp: at,
            at,
            summary: format!("{status}"),
            description: String::new(),
            channel: Channel::Fb,
            status,
        };
        let (cancelled, ready) = (event(ScheduleStatus::Cancelled, 2), event(ScheduleStatus::Ready, 1));
        for event in [merged(cancelled.clone(), ready.clone()), merged(ready, cancelled)] {
            assert_eq!((event.status, event.sequence, event.summary.as_str()), (ScheduleStatus::Ready, 4, "ready"));
        }
    }
}
