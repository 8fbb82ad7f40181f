//! A demo workspace: the shipped agency scenario with weeks of history up to today.

use std::path::Path;

use chrono::{NaiveDate, Utc};
use tempfile::TempDir;

use crate::calibration::calibrate;
use crate::cli::failure::Failure;
use crate::cli::{Globals, input};
use crate::model::{Scenario, ScheduleStatus, Tier, Timestamp, Week, WorkspaceId, WorldEstimate, plus_days};
use crate::planner::Planner;
use crate::rules::CompiledRules;
use crate::scenario::scenario_histories;
use crate::store::{Change, DatabaseUrl, Ledger, NoObserver, OpenMode, Schedule, ScheduleFilter};

/// The id of the demo workspace.
pub(super) const WORKSPACE: &str = "your-workspace-id";
/// The folder of the scenario from which the workspace is made.
const SCENARIO_PATH: &str = "scenarios/agency";
/// Number of weeks of history before the current one.
const PAST_WEEKS: i64 = 4;
/// The actor of weekly planning.
const PLANNING_ACTOR: &str = "schedule";
/// The actor of approvals and cancellations.
const APPROVING_ACTOR: &str = "demo founder";

/// A ledger in a temporary database, removed when dropped.
pub(super) struct Demo {
    pub ledger: Ledger,
    _dir: TempDir,
}

impl Demo {
    /// Creates the workspace and its history.
    pub async fn open(rules: &CompiledRules, globals: &Globals) -> Result<Self, Failure> {
        let scenario = input::scenario(Path::new(SCENARIO_PATH), rules, globals)?;
        let scenario = in_demo_workspace(with_estimates(scenario, globals)?);
        let dir = tempfile::tempdir()
            .map_err(|error| Failure::system(format!("cannot create a folder for the database: {error}")))?;
        let database = DatabaseUrl::Sqlite { path: dir.path().join("demo.db"), read_only: false };
        let ledger = Ledger::open_for(&database, OpenMode::Create).await?;
        let now = Timestamp::from(Utc::now()).whole_second();
        globals.info("generating five weeks of history");
        History { ledger: &ledger, rules, planner: Planner::new(rules, Tier::Exact, None), now }
            .replay(&scenario)
            .await?;
        Ok(Self { ledger, _dir: dir })
    }
}

/// Adds what a calibration finds in the scenario's history to its clients.
fn with_estimates(mut scenario: Scenario, globals: &Globals) -> Result<Scenario, Failure> {
    let histories = scenario_histories(Path::new(SCENARIO_PATH), &scenario)
        .map_err(|errors| input::scenario_failure(errors, globals))?;
    let calibration = calibrate(&histories);
    for account in calibration.iter().flat_map(|calibration| &calibration.accounts) {
        if let Some((client, _)) = scenario.clients.iter_mut().find(|(client, _)| client.id == account.history.account)
        {
            client.world.extend(account.world().map(WorldEstimate::from));
        }
    }
    Ok(scenario)
}

/// Moves all clients to the demo workspace.
fn in_demo_workspace(mut scenario: Scenario) -> Scenario {
    for (client, _) in &mut scenario.clients {
        client.workspace_id = WorkspaceId::new(WORKSPACE);
    }
    scenario
}

/// Replays past weeks in the demo ledger.
struct History<'h> {
    ledger: &'h Ledger,
    rules: &'h CompiledRules,
    planner: Planner<'h>,
    now: Timestamp,
}

impl History<'_> {
    /// Loads the scenario and replays the weeks up to now: one weekly pass and one review per week, one daily pass per
    /// day.
    async fn replay(&self, scenario: &Scenario) -> Result<(), Failure> {
        let today = self.now.date();
        let this_week = Week::of(today);
        let first = this_week.plus(-PAST_WEEKS);
        self.ledger.load(scenario, self.rules, utc_time(first.monday(), -4, 12)).await?;
        for offset in 0..=PAST_WEEKS {
            let week = first.plus(offset);
            self.weekly(week, utc_time(week.monday(), -4, 14)).await?;
            self.review(week, utc_time(week.monday(), -3, 9)).await?;
            for day in 0..7 {
                let evening = utc_time(week.monday(), day, 23).min(self.now);
                self.ledger.daily(&self.planner, None, evening, &|| false).await?;
                if evening == self.now {
                    break;
                }
            }
        }
        // The coming week is planned and left for the user to review.
        self.weekly(this_week.plus(1), self.now).await
    }

    /// Runs the weekly pass for a week, at the given time or now, whichever is earlier.
    async fn weekly(&self, week: Week, time: Timestamp) -> Result<(), Failure> {
        let workspace = WorkspaceId::new(WORKSPACE);
        let time = time.min(self.now);
        self.ledger.weekly(&self.planner, &workspace, week, PLANNING_ACTOR, time, &NoObserver).await?;
        Ok(())
    }

    /// Approves most of a week's pending schedules, and cancels a few.
    async fn review(&self, week: Week, time: Timestamp) -> Result<(), Failure> {
        let filter = ScheduleFilter {
            statuses: vec![ScheduleStatus::Pending],
            first_day: Some(week.monday()),
            last_day: Some(plus_days(week.monday(), 6)),
            ..ScheduleFilter::default()
        };
        let pending = self.ledger.schedules(&filter).await?;
        // Ids are evenly distributed, so about one schedule in twenty is cancelled (12 of 256).
        let (cancelled, approved): (Vec<&Schedule>, Vec<&Schedule>) =
            pending.iter().partition(|schedule| schedule.id.as_bytes().first().is_some_and(|byte| *byte < 12));
        self.change(&approved, Change::Approve, time).await?;
        self.change(&cancelled, Change::Cancel { reason: "the client wants to wait" }, time).await
    }

    /// Changes schedules, at the given time or now, whichever is earlier.
    async fn change(&self, schedules: &[&Schedule], change: Change<'_>, time: Timestamp) -> Result<(), Failure> {
        if schedules.is_empty() {
            return Ok(());
        }
        let filter =
            ScheduleFilter { ids: schedules.iter().map(|schedule| schedule.id).collect(), ..ScheduleFilter::default() };
        self.ledger.change(&filter, change, self.rules, APPROVING_ACTOR, time.min(self.now)).await?;
        Ok(())
    }
}

/// The instant at `hour` UTC, `days` days after `day`.
fn utc_time(day: NaiveDate, days: i64, hour: i64) -> Timestamp {
    Timestamp::at_midnight(plus_days(day, days)).plus_hours(hour)
}
