//! Plans of a week.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDateTime;
use mcoe_engine::model::{Channel, ClientId, Plan as EnginePlan, ScheduleStatus, Tier, Week, parse_wall_time};
use mcoe_engine::planner::check::check_plan;
use mcoe_engine::planner::{self, ClientTotals, ExplainError, PlanError, PlanSummary, Planner, explain_post};
use mcoe_engine::result_tables::{CLIENTS_PER_PART, PlanPart, ResultTable, clients_by_workspace, cost_tables};
use mcoe_engine::rules::CompiledRules;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::prelude::*;

use crate::errors::{ErrorKind, from_text, to_python};
use crate::rules::Rules;
use crate::scenario::Scenario;
use crate::table::{Table, by_name};
use crate::task;

/// The plan of a week for every client of a scenario.
#[pyclass(module = "mcoe", frozen)]
pub struct Plan {
    plan: Arc<EnginePlan>,
    rules: Arc<CompiledRules>,
    scenario: Py<Scenario>,
}

/// Plans a week for every client of a scenario.
///
/// # Errors
/// If the pack names something that the scenario does not have, or planning fails.
#[pyfunction]
#[pyo3(signature = (rules, scenario, week=None, threads=None))]
pub fn plan(
    py: Python<'_>,
    rules: &Bound<'_, Rules>,
    scenario: &Bound<'_, Scenario>,
    week: Option<&str>,
    threads: Option<usize>,
) -> PyResult<Plan> {
    rules.get().check_names(py, scenario.get().scenario())?;
    plan_part(py, rules, scenario, week, threads)
}

/// Plans a week for every client of a scenario, or of a part of one with whole workspaces. The caller checks the names
/// in the pack.
///
/// # Errors
/// If planning fails.
#[pyfunction]
#[pyo3(signature = (rules, scenario, week=None, threads=None))]
pub fn plan_part(
    py: Python<'_>,
    rules: &Bound<'_, Rules>,
    scenario: &Bound<'_, Scenario>,
    week: Option<&str>,
    threads: Option<usize>,
) -> PyResult<Plan> {
    let engine_scenario = Arc::clone(scenario.get().scenario());
    let week = week.map_or(Ok(engine_scenario.start), |text| parse_week(py, text))?;
    let compiled = Arc::clone(rules.get().compiled());
    let pack = Arc::clone(&compiled);
    let planned = task::run(py, threads, move |stop| {
        let should_stop = || stop.is_set();
        let planner = Planner::new(&pack, Tier::Exact, None).stopping_when(&should_stop);
        let plan = planner::plan_week(&planner, &engine_scenario, week)?;
        let breaches = check_plan(&plan, &engine_scenario, &pack);
        Ok::<_, PlanError>((plan, breaches))
    })?;
    let (plan, breaches) = planned.map_err(|error| from_text(py, ErrorKind::Run, &error.to_string(), ""))?;
    if let Some(breach) = breaches.first() {
        let cause = format!("the plan failed its check, {} violation(s), the first: {breach}", breaches.len());
        return Err(from_text(py, ErrorKind::Run, &cause, "report it with the pack and the scenario"));
    }
    Ok(Plan { plan: Arc::new(plan), rules: compiled, scenario: scenario.clone().unbind() })
}

/// The contents of `plan.json`, and the tables about all clients together, of a plan whose parts have the given
/// summaries.
///
/// # Errors
/// If the summaries cannot be read, or are not those of one plan.
#[pyfunction]
pub fn joined_plan<'py>(
    py: Python<'py>,
    summaries: Vec<String>,
    scenario_path: PathBuf,
) -> PyResult<(String, Bound<'py, PyDict>)> {
    let unreadable = |cause: &str| from_text(py, ErrorKind::Run, cause, "plan the week again into another folder");
    let parts: Result<Vec<PlanSummary>, _> = summaries.iter().map(|text| serde_json::from_str(text)).collect();
    let parts = parts.map_err(|error| unreadable(&format!("a part of the plan cannot be read: {error}")))?;
    let plan = PlanSummary::joined(parts).ok_or_else(|| unreadable("the parts are not those of one plan"))?;
    Ok((plan.to_json(&scenario_path).to_string(), by_name(py, cost_tables(&plan))?))
}

/// A week such as `2026-W37`.
///
/// # Errors
/// If the text is not one.
pub fn parse_week(py: Python<'_>, text: &str) -> PyResult<Week> {
    text.parse().map_err(|_| {
        let cause = format!("`{text}` is not a week");
        from_text(py, ErrorKind::Run, &cause, "write an ISO week such as 2026-W37")
    })
}

fn explain_failure(py: Python<'_>, error: &ExplainError) -> PyErr {
    from_text(py, ErrorKind::Run, &error.to_string(), "")
}

fn as_json(py: Python<'_>, value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| from_text(py, ErrorKind::Run, &error.to_string(), ""))
}

impl Plan {
    /// The tables with the rows about some clients, by name, and the totals of these clients.
    fn rows_of<'py>(
        &self,
        py: Python<'py>,
        first: usize,
        count: usize,
    ) -> PyResult<(Bound<'py, PyDict>, Vec<ClientTotals>)> {
        let plan = Arc::clone(&self.plan);
        let parts = task::run(py, None, move |_| {
            let clients: Vec<_> = clients_by_workspace(&plan.clients).into_iter().skip(first).take(count).collect();
            let parts: Vec<&[_]> = clients.chunks(CLIENTS_PER_PART).collect();
            let empty: &[&[_]] = &[&[]];
            let parts = if parts.is_empty() { empty } else { &parts };
            parts.par_iter().map(|clients| PlanPart::of(&plan, clients)).collect::<Vec<PlanPart>>()
        })?;
        let (mut by_table, mut totals): (Vec<Vec<ResultTable>>, Vec<ClientTotals>) = (Vec::new(), Vec::new());
        for part in parts {
            by_table.resize_with(part.tables.len(), Vec::new);
            by_table.iter_mut().zip(part.tables).for_each(|(parts, table)| parts.push(table));
            totals.extend(part.totals);
        }
        let tables = PyDict::new(py);
        for parts in by_table {
            let table = Table::of_parts(py, &parts)?;
            tables.set_item(table.name(), Bound::new(py, table)?)?;
        }
        Ok((tables, totals))
    }
}

#[pymethods]
impl Plan {
    /// The id of the plan.
    #[getter]
    fn plan_id(&self) -> String {
        self.plan.plan_id.to_string()
    }

    /// The ISO week, such as `2026-W37`.
    #[getter]
    fn week(&self) -> String {
        self.plan.week.to_string()
    }

    /// The hash of the rules pack.
    #[getter]
    fn rules_hash(&self) -> &str {
        &self.plan.rules_hash
    }

    /// The hash of the scenario.
    #[getter]
    fn scenario_hash(&self) -> &str {
        &self.plan.scenario_hash
    }

    /// Worth of the posts that are not blocked, less their cost.
    #[getter]
    fn objective(&self) -> f64 {
        self.plan.objective()
    }

    /// Upper bound of the objective of any plan.
    #[getter]
    fn upper_bound(&self) -> f64 {
        self.plan.upper_bound()
    }

    /// The bound minus the objective, as a share of the bound.
    #[getter]
    fn gap(&self) -> f64 {
        1.0 - self.plan.share_of_bound()
    }

    /// Engagements that the planner expects of the posts that are not blocked.
    #[getter]
    fn expected_engagement(&self) -> f64 {
        self.plan.expected_engagement()
    }

    /// Numbers of clients and posts.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let with_status = |status| self.plan.posts().filter(|(_, post)| post.status == status).count();
        let counts = PyDict::new(py);
        counts.set_item("clients", self.plan.clients.len())?;
        counts.set_item("posts", self.plan.posts().count())?;
        counts.set_item("ready", with_status(ScheduleStatus::Ready))?;
        counts.set_item("pending", with_status(ScheduleStatus::Pending))?;
        counts.set_item("blocked", with_status(ScheduleStatus::Blocked))?;
        Ok(counts)
    }

    /// The clients whose limits cannot be kept together, with the names of these limits.
    #[getter]
    fn unmet_limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let unmet = PyDict::new(py);
        for client in self.plan.clients.iter().filter(|client| !client.unmet_limits.is_empty()) {
            let names: Vec<String> = client.unmet_limits.iter().map(|name| name.to_string()).collect();
            unmet.set_item(client.client_id.as_str(), names)?;
        }
        Ok(unmet)
    }

    /// The tables of the plan, by name: those that `mcoe plan` writes.
    fn tables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (tables, totals) = self.rows_of(py, 0, self.plan.clients.len())?;
        for table in cost_tables(&PlanSummary::new(&self.plan, totals)) {
            let table = Table::of_parts(py, &[table])?;
            tables.set_item(table.name(), Bound::new(py, table)?)?;
        }
        Ok(tables)
    }

    /// The rows about `count` clients from the 0-based number `first` on, in the order of the tables, and the totals of
    /// these clients for [`Plan::summary`].
    fn client_tables<'py>(
        &self,
        py: Python<'py>,
        first: usize,
        count: usize,
    ) -> PyResult<(Bound<'py, PyDict>, String)> {
        let (tables, totals) = self.rows_of(py, first, count)?;
        Ok((tables, as_json(py, &totals)?))
    }

    /// The summary of the plan, given the totals of all its clients. [`joined_plan`] makes that of a whole plan from those
    /// of parts.
    fn summary(&self, py: Python<'_>, totals: Vec<String>) -> PyResult<String> {
        let totals: Result<Vec<Vec<ClientTotals>>, _> = totals.iter().map(|text| serde_json::from_str(text)).collect();
        let totals = totals.map_err(|error| from_text(py, ErrorKind::Run, &error.to_string(), ""))?;
        as_json(py, &PlanSummary::new(&self.plan, totals.concat()))
    }

    /// Why a post is planned, why at its time and why with its asset.
    fn explain<'py>(&self, py: Python<'py>, post_id: &str) -> PyResult<Bound<'py, PyAny>> {
        let is_post = |client: &ClientId, post| self.plan.post_id(client, post).to_string() == post_id;
        let found = self.plan.posts().find(|(client, post)| is_post(&client.client_id, post));
        let Some((client, post)) = found else {
            let cause = format!("no post of the plan has the id `{post_id}`");
            return Err(from_text(py, ErrorKind::Run, &cause, "take an id from the plan's table `posts`"));
        };
        let planner = Planner::new(&self.rules, Tier::Exact, None);
        let scenario = self.scenario.get().scenario();
        let explanation = explain_post(&planner, scenario, self.plan.week, client, post);
        to_python(py, &explanation.map_err(|error| explain_failure(py, &error))?)
    }

    /// Why a channel has no post at an hour of the client's clock.
    fn why_not<'py>(&self, py: Python<'py>, client_id: &str, channel: &str, at: &str) -> PyResult<Bound<'py, PyAny>> {
        let remedy = format!("use one of {}", Channel::names().collect::<Vec<_>>().join(", "));
        let channel: Channel = channel
            .parse()
            .map_err(|_| from_text(py, ErrorKind::Run, &format!("`{channel}` is not a channel"), &remedy))?;
        let at: NaiveDateTime = parse_wall_time(at).ok_or_else(|| {
            from_text(py, ErrorKind::Run, &format!("`{at}` is not a time"), "write a time such as 2026-09-08T09:00")
        })?;
        let planner = Planner::new(&self.rules, Tier::Exact, None);
        let (scenario, client) = (self.scenario.get().scenario(), ClientId::new(client_id));
        let answer = planner::why_not(&planner, scenario, self.plan.week, &client, channel, at);
        to_python(py, &answer.map_err(|error| explain_failure(py, &error))?)
    }

    fn __repr__(&self) -> String {
        let (clients, posts) = (self.plan.clients.len(), self.plan.posts().count());
        format!("<mcoe.Plan {}: {clients} clients, {posts} posts, gap {:.4} %>", self.plan.week, self.gap() * 100.0)
    }

    fn _repr_html_(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        slf.py().import("mcoe.display")?.call_method1("plan_html", (&slf,))
    }
}
