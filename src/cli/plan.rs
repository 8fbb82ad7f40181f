//! `mcoe plan`: plans one week for every client.

use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::folder::OutFolder;
use super::ledger::{DatabaseArgument, NowArgument};
use super::ledger_history::workspace_files;
use super::plan_folder::SCENARIO_FOLDER;
use super::{Format, Globals, OutArguments, RulesArgument, ThreadsArgument, input, print, progress};
use crate::model::{self, LimitKind, Scenario, Tier, Week};
use crate::planner::{self, GuardrailCounts, HighestSharedPrice, PlanSummary, Planner, SolvedWeeks};
use crate::report::numbers::count_with_noun;
use crate::report::{self, PlanTables, TableFormat};
use crate::rules::{CompiledRules, RuleUse};
use crate::scenario::{self, ScenarioErrors, ScenarioParts};

/// Plan an optimal week under the rules for every client of a scenario.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe plan scenarios/agency --out plan\n  mcoe plan scenarios/agency --week 2026-W40 --tables csv --calendar --out plan-w40"
)]
pub(super) struct Plan {
    /// Folder of the scenario.
    #[arg(required_unless_present = "from_database")]
    scenario: Option<PathBuf>,
    /// Plan a workspace of the ledger in its current state, instead of a scenario folder.
    #[arg(long, value_name = "WORKSPACE", conflicts_with = "scenario")]
    from_database: Option<String>,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
    #[command(flatten)]
    rules: RulesArgument,
    /// Week to plan, such as 2026-W40 (ISO 8601). Default: the scenario's first week; with --from-database, the coming
    /// week.
    #[arg(long, value_name = "WEEK")]
    week: Option<Week>,
    #[command(flatten)]
    out: OutArguments,
    /// Format of the tables: CSV opens in spreadsheets; Parquet is smaller and keeps types.
    #[arg(long, value_enum, default_value_t = Tables::Parquet)]
    tables: Tables,
    /// Also write a calendar file (iCalendar) for each workspace.
    #[arg(long)]
    calendar: bool,
    /// Folder to write each channel's week to as an optimisation problem in JSON, for other solvers.
    #[arg(long, value_name = "DIR")]
    export_instances: Option<PathBuf>,
    #[command(flatten)]
    threads: ThreadsArgument,
}

/// Formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Tables {
    /// Parquet.
    Parquet,
    /// CSV.
    Csv,
}

impl Tables {
    pub fn format(self) -> TableFormat {
        match self {
            Tables::Parquet => TableFormat::Parquet,
            Tables::Csv => TableFormat::Csv,
        }
    }
}

/// The clock with which the planner measures time under `-v`.
pub(super) fn stopwatch() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

impl Plan {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let scenario = self.scenario(&out, &rules, globals)?;
        let week = self.week.unwrap_or(scenario.start());
        let planner = Planner::new(&rules, Tier::Exact, globals.verbose.then_some(stopwatch as fn() -> Duration))
            .stopping_when(&progress::is_stopping);
        let planner = if self.from_database.is_some() { planner.starting_at(self.now.time()) } else { planner };
        let instances = self.instance_folder(&out)?;
        let groups = Groups { scenario: &scenario, planner: &planner, week, instances: instances.as_ref(), globals };
        let (summary, wall_time) = self.threads.run(|| self.write_groups(&out, &groups))?;
        instances.map_or(Ok(()), InstanceFolder::finish)?;
        self.write(&out, &rules, &summary)?;
        progress::stop_if_requested()?;
        out.finish()?;
        if globals.verbose {
            report_timing(globals, &[planner], self.threads.count(), wall_time);
        }
        self.print_result(globals, &summary)?;
        refuse_unmet_limits(&summary)
    }

    /// The scenario in the given folder, or that of a workspace of the ledger, which is also written into the plan's
    /// folder.
    fn scenario(&self, out: &OutFolder, rules: &CompiledRules, globals: &Globals) -> Result<ScenarioParts, Failure> {
        let Some(workspace) = &self.from_database else {
            let Some(dir) = &self.scenario else {
                let remedy = "name a scenario's folder, or a workspace with --from-database";
                return Err(Failure::input("no scenario is named", remedy));
            };
            return self.threads.run(|| input::matching_scenario_parts(dir, rules, &self.rules.rules, globals));
        };
        let week = self.week.unwrap_or_else(|| Week::after(self.now.time()));
        let (current, files) = workspace_files(&self.database, workspace, week)?;
        crate::store::refuse_if_week_is_over(&current, week, self.now.time())?;
        for (name, bytes) in scenario::render(&files).map_err(ScenarioErrors::from)? {
            out.write(&format!("{SCENARIO_FOLDER}/{name}"), &bytes)?;
        }
        input::written_scenario(&out.path(SCENARIO_FOLDER), rules, globals).map(ScenarioParts::whole)
    }

    /// The path from which `explain` and `commit` read the scenario.
    fn scenario_path(&self) -> PathBuf {
        self.scenario.clone().unwrap_or_else(|| self.out.out.join(SCENARIO_FOLDER))
    }

    /// Plans the groups one after another and writes their tables and calendars. While a group is planned, the one before
    /// is written. Returns the summary of the plan and the time that planning took.
    fn write_groups(&self, out: &OutFolder, groups: &Groups<'_>) -> Result<(PlanSummary, Duration), Failure> {
        let PlannedGroup { plan, mut time } = groups.plan(0)?;
        let mut tables = PlanTables::begin(&plan, self.tables.format(), |name: &str| out.create(name))?;
        let mut last = plan;
        for number in 1..groups.scenario.count() {
            let write = || self.write_group(out, last, &mut tables);
            let (written, planned) = rayon::join(write, || groups.plan(number));
            written?;
            let planned = planned?;
            last = planned.plan;
            time += planned.time;
        }
        self.write_group(out, last, &mut tables)?;
        Ok((tables.finish()?, time))
    }

    fn write_group<C: FnMut(&str) -> Result<File, Failure>>(
        &self,
        out: &OutFolder,
        plan: model::Plan,
        tables: &mut PlanTables<File, C>,
    ) -> Result<(), Failure> {
        if self.calendar {
            for (name, bytes) in report::calendars(&plan) {
                out.write(&name, &bytes)?;
            }
        }
        tables.add(plan)
    }

    /// Writes the files of the plan that concern all clients together.
    fn write(&self, out: &OutFolder, rules: &CompiledRules, summary: &PlanSummary) -> Result<(), Failure> {
        for (name, text) in &rules.pack().files {
            out.write(&format!("rules/{name}"), text.as_bytes())?;
        }
        out.write("plan.json", format!("{}\n", summary.to_json(&self.scenario_path())).as_bytes())
    }

    /// Where to write the instances: a separate folder, or the plan's folder if that contains it; `None` if they are not
    /// wanted.
    fn instance_folder<'o>(&self, plan: &'o OutFolder) -> Result<Option<InstanceFolder<'o>>, Failure> {
        let Some(dir) = &self.export_instances else { return Ok(None) };
        if let Ok(subfolder) = without_current_dir(dir).strip_prefix(without_current_dir(&self.out.out)) {
            return Ok(Some(InstanceFolder::InPlan(plan, subfolder.to_owned())));
        }
        OutFolder::open(dir, self.out.force).map(InstanceFolder::Separate).map(Some)
    }

    fn print_result(&self, globals: &Globals, plan: &PlanSummary) -> Result<(), Failure> {
        if globals.format == Format::Json {
            return print(&format!("{}\n", plan.to_json(&self.scenario_path())));
        }
        report_constant_guardrails(globals, plan);
        let counts = plan.counts();
        print(&format!(
            "planned {} for {} clients: {} posts, {} ready, {} need approval, {} blocked\n\
             expected engagement {:.0}; the posts that are not blocked reach {:.2} % of the upper bound\n\
             {}{}checked and written to {}\n",
            plan.week,
            counts.clients,
            counts.posts,
            counts.ready,
            counts.pending,
            counts.blocked,
            plan.expected_engagement(),
            100.0 * plan.share_of_bound(),
            limits_text(plan),
            shared_limits_text(plan),
            self.out.out.display()
        ))
    }
}

/// Reports the guardrails that warned about or blocked no post, and those that did so for every post.
fn report_constant_guardrails(globals: &Globals, plan: &PlanSummary) {
    let guardrail_counts = plan.guardrails();
    let report = |is_listed: &dyn Fn(&GuardrailCounts) -> bool, which_posts: &str| {
        let rules: Vec<String> = guardrail_counts
            .iter()
            .filter(|counts| is_listed(counts))
            .map(|counts| format!("`{}`", counts.rule))
            .collect();
        if !rules.is_empty() {
            globals.info(&format!("guardrails that warned about or blocked {which_posts}: {}", rules.join(", ")));
        }
    };
    report(&GuardrailCounts::passed_every_post, "no post");
    report(&GuardrailCounts::passed_no_post, "every post");
}

/// The path without `.` components.
fn without_current_dir(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// Plans the groups of a scenario's workspaces.
struct Groups<'p> {
    scenario: &'p ScenarioParts,
    planner: &'p Planner<'p>,
    week: Week,
    instances: Option<&'p InstanceFolder<'p>>,
    globals: &'p Globals,
}

/// The plan of a group, and the time that it took.
struct PlannedGroup {
    plan: model::Plan,
    time: Duration,
}

impl Groups<'_> {
    /// Plans a group and checks its plan. Its instances are written if they are wanted.
    fn plan(&self, number: usize) -> Result<PlannedGroup, Failure> {
        let scenario = self.scenario.part(number).map_err(|errors| input::scenario_failure(errors, self.globals))?;
        let start = Instant::now();
        let plan = planner::plan_week(self.planner, &scenario, self.week)?;
        let time = start.elapsed();
        progress::stop_if_requested()?;
        check_plan(self.planner.rules(), &scenario, &plan)?;
        if let Some(instances) = self.instances {
            instances.write(planner::solved_weeks(self.planner, &scenario, self.week)?)?;
        }
        progress::stop_if_requested()?;
        Ok(PlannedGroup { plan, time })
    }
}

/// Where instances are written.
enum InstanceFolder<'o> {
    /// A subfolder of the plan's folder.
    InPlan(&'o OutFolder, PathBuf),
    Separate(OutFolder),
}

impl InstanceFolder<'_> {
    /// Writes a file `CLIENT-CHANNEL.json` for each channel's week, a file `CLIENT-limits.json` for each client's week
    /// under its limits, and a file `WORKSPACE.workspace-limits.json` for each workspace whose clients give way to each
    /// other.
    fn write(&self, weeks: SolvedWeeks) -> Result<(), Failure> {
        for week in &weeks.clients {
            progress::stop_if_requested()?;
            for solved in &week.channels {
                let name = format!("{}-{}.json", solved.client_id, solved.channel);
                let (client, week_start) = (solved.client_id.as_str(), solved.week_start.clone());
                let instance = solved.instance.export(client, solved.channel, week_start, &solved.solution);
                self.write_file(&name, serde_json::to_string(&instance))?;
            }
            self.write_file(&format!("{}-limits.json", week.client_id), serde_json::to_string(&week.export()))?;
        }
        for workspace in &weeks.workspaces {
            progress::stop_if_requested()?;
            let name = format!("{}.workspace-limits.json", workspace.workspace_id);
            self.write_file(&name, serde_json::to_string(&weeks.export_workspace(workspace)))?;
        }
        Ok(())
    }

    fn write_file(&self, name: &str, text: serde_json::Result<String>) -> Result<(), Failure> {
        let text = text.map_err(Failure::system)?;
        match self {
            InstanceFolder::InPlan(out, subfolder) => {
                out.write(&subfolder.join(name).to_string_lossy(), text.as_bytes())
            }
            InstanceFolder::Separate(out) => out.write(name, text.as_bytes()),
        }
    }

    /// Completes a separate folder.
    fn finish(self) -> Result<(), Failure> {
        match self {
            InstanceFolder::InPlan(..) => Ok(()),
            InstanceFolder::Separate(out) => out.finish(),
        }
    }
}

/// Verifies the plan with the independent checker.
pub(super) fn check_plan(rules: &CompiledRules, scenario: &Scenario, plan: &model::Plan) -> Result<(), Failure> {
    let breaches = planner::check::check_plan(plan, scenario, rules);
    if breaches.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = breaches.iter().take(20).map(|breach| format!("  {breach}")).collect();
    let count = breaches.len();
    Err(Failure::Negative(format!(
        "the plan failed its check, so no plan was written: {count} violation(s)\n{}",
        shown.join("\n")
    )))
}

/// Reports how long planning took, and the share of that time spent in rules.
pub(super) fn report_timing(globals: &Globals, planners: &[Planner<'_>], threads: usize, wall_time: Duration) {
    let rule_use = planners.iter().map(Planner::rule_use).fold(RuleUse::default(), RuleUse::plus);
    // Not 0, so that the share is a number even if planning took no measurable time.
    let thread_seconds = (wall_time.as_secs_f64() * threads as f64).max(1e-9);
    let share = rule_use.time.as_secs_f64() / thread_seconds;
    globals.info(&format!(
        "took {:.2} s; rules were called {} times, evaluated {} times, {:.3} s over all threads ({:.0} % of the threads' time)",
        wall_time.as_secs_f64(),
        rule_use.requested,
        rule_use.executed,
        rule_use.time.as_secs_f64(),
        share * 100.0
    ));
}

/// Fails with a negative result if the limits of a client cannot all be kept. Other clients are planned all the same.
fn refuse_unmet_limits(plan: &PlanSummary) -> Result<(), Failure> {
    let lines: Vec<String> = plan
        .clients_with_unmet_limits()
        .map(|client| {
            let names: Vec<String> = client.unmet_limits.iter().map(|name| format!("`{name}`")).collect();
            format!("client `{}`: no week was found that keeps {}", client.client_id, names.join(" and "))
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let cause = format!(
        "nothing is planned for clients whose limits cannot be kept; the others are planned\n  {}",
        lines.join("\n  ")
    );
    Err(Failure::negative(cause, "loosen one of the limits, or give it a `price` in limits.toml"))
}

/// Maximum number of limits that the result names.
const LIMITS_SHOWN: usize = 3;

/// The limits that cost most, one line each; empty if none costs anything.
fn limits_text(plan: &PlanSummary) -> String {
    let lines = plan.limit_costs().into_iter().take(LIMITS_SHOWN).map(|cost| {
        let planner::HighestPrice { client_id, channel, campaign_id, from, price } = &cost.highest;
        let of_campaign = campaign_id.as_ref().map_or_else(String::new, |id| format!(", campaign `{id}`"));
        let on_channel = channel.map_or_else(String::new, |channel| format!(" on {channel}"));
        let change = match cost.kind {
            LimitKind::FollowedBy => "one post less that must follow",
            kind if kind.is_from_below() => "one post less",
            _ => "one post more",
        };
        format!(
            "limit `{}` costs something in {} of {}: {change} would earn up to {price:.0} \
             (client `{client_id}`{of_campaign}{on_channel}, {})\n",
            cost.limit,
            count_with_noun(cost.periods as f64, "period", "periods"),
            count_with_noun(cost.clients as f64, "client", "clients"),
            from.format("%Y-%m-%d %H:%M"),
        )
    });
    lines.collect()
}

/// The bound of each workspace whose clients compete for limits that they share, and the most expensive of these
/// limits, one line each; empty if there are none.
fn shared_limits_text(plan: &PlanSummary) -> String {
    let bounds = plan.workspaces.iter().filter_map(|workspace| {
        let reached = 100.0 * (1.0 - workspace.gap()?);
        Some(format!(
            "the clients of workspace `{}` share limits: together they reach {reached:.2} % of their upper bound\n",
            workspace.workspace_id
        ))
    });
    let costs = plan.shared_limit_costs();
    let limits = costs.into_iter().filter(|cost| cost.price > 0.0).take(LIMITS_SHOWN).map(|cost| {
        let HighestSharedPrice { industry, tag, channel, from, price, .. } = &cost.highest;
        let group = |name: &Option<Arc<str>>| name.as_deref().map(str::to_owned);
        let counted = [group(industry), group(tag), channel.map(|channel| format!("on {channel}"))];
        let place: Vec<String> = counted.into_iter().flatten().chain([from.clone()]).collect();
        format!(
            "in workspace `{}`, clients compete for the limit `{}` ({}) in {}: one post more would earn up to {price:.0} \
             ({})\n",
            cost.workspace_id,
            cost.limit,
            cost.bounds,
            count_with_noun(cost.periods as f64, "period", "periods"),
            place.join(", "),
        )
    });
    bounds.chain(limits).collect()
}
