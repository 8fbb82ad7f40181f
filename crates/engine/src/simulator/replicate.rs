//! Runs replications in parallel and adds them up in order.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use super::environment::TrueClient;
use super::extent::Extent;
use super::parts::{JoinedSimulation, SimulatedClients, SimulationSetting, provenance};
use super::random::KeyedRng;
use super::replication::Replication;
use super::state::SimulatedClient;
use super::summary::{Provenance, Simulation};
use super::week::WeekContext;
use crate::agents::scaling;
use crate::model::{Asset, Channel, Client, ClientId, ClientState, Scenario, Timestamp, WeekHours};
use crate::planner::{PlanError, Planner, hours_by_zone};
use crate::rules::{ClientRules, CompiledRules};

/// Observes a run and may stop it early.
pub trait Observer: Sync {
    /// Called after each week of each replication.
    fn week_done(&self);

    /// Whether the run should stop.
    fn should_stop(&self) -> bool;
}

/// Why a simulation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// A week could not be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The observer stopped it.
    #[error("stopped before the end")]
    Stopped,
}

/// Simulates a scenario under a pack. The same inputs give a bit-identical result on any number of threads.
///
/// # Errors
/// If a rule fails, or the observer stops the run.
pub fn simulate(
    planner: &Planner<'_>,
    scenario: &Scenario,
    extent: Extent,
    observer: &dyn Observer,
) -> Result<Simulation, SimulateError> {
    let run = Run::new(planner, scenario, extent, observer);
    let setting = SimulationSetting { rules: planner.rules(), scenario, tier: planner.tier(), extent };
    let mut joined = JoinedSimulation::new(setting, [SimulatedClients::of(scenario, extent.weeks)]);
    run.each_replication(0..extent.replications, |replication| joined.add([replication]))?;
    Ok(joined.results())
}

/// Simulates some replications of some workspaces: those of the scenario, which is a part of a whole one. `add` gets
/// each replication in order. [`JoinedSimulation`] joins the parts.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_part(
    planner: &Planner<'_>,
    scenario: &Scenario,
    extent: Extent,
    replications: Range<u32>,
    observer: &dyn Observer,
    add: impl FnMut(Replication),
) -> Result<(), SimulateError> {
    Run::new(planner, scenario, extent, observer).each_replication(replications, add)
}

/// Replicates every run in parallel. Returns one row per replication with one entry per run, both in the order given.
/// `extract` returns the part of a replication that is kept.
///
/// # Errors
/// The error of the first replication that failed.
pub(super) fn replicate<T: Send>(
    runs: &[&Run<'_>],
    replications: Range<u32>,
    extract: impl Fn(Replication) -> T + Sync,
) -> Result<Vec<Vec<T>>, SimulateError> {
    let rows: Vec<Vec<Result<T, SimulateError>>> = replications
        .into_par_iter()
        .map(|number| runs.par_iter().map(|run| run.replication(number).map(&extract)).collect())
        .collect();
    rows.into_iter().map(|row| row.into_iter().collect()).collect()
}

/// Runs jobs in parallel and returns their results in order.
pub(super) fn par_map<J: Sync, T: Send>(jobs: &[J], work: impl Fn(&J) -> T + Sync + Send) -> Vec<T> {
    jobs.par_iter().map(work).collect()
}

/// Number of worker threads, at least 1.
pub(super) fn threads() -> usize {
    rayon::current_num_threads().max(1)
}

/// A simulation of one scenario under one pack.
pub(super) struct Run<'a> {
    planner: &'a Planner<'a>,
    pub scenario: &'a Scenario,
    extent: Extent,
    observer: &'a dyn Observer,
    /// The clients that are planned for, in the scenario's order.
    pub clients: Vec<RunClient<'a>>,
}

/// A client of a simulation.
pub(super) struct RunClient<'a> {
    pub client: &'a Client,
    /// Its state before the first week.
    state: &'a ClientState,
    rules: ClientRules,
    /// The rules by whose `warn_at` and `block_at` hours of high fatigue are counted.
    level_rules: ClientRules,
    /// The rules by whose worths and costs net worth is computed.
    worth_rules: ClientRules,
    /// The assets with which its engagement rates were measured.
    usual_assets: &'a [Asset],
}

/// A client in one replication.
struct ReplicatedClient<'a> {
    run_client: &'a RunClient<'a>,
    truth: TrueClient<'a>,
    rng: KeyedRng,
    simulated: SimulatedClient,
}

impl<'a> Run<'a> {
    pub fn new(planner: &'a Planner<'a>, scenario: &'a Scenario, extent: Extent, observer: &'a dyn Observer) -> Self {
        let clients = scaling::planned_clients(scenario).map(|(client, state)| {
            let rules = planner.rules().for_client(client);
            let (level_rules, worth_rules) = (rules.clone(), rules.clone());
            RunClient { client, state, rules, level_rules, worth_rules, usual_assets: &client.assets }
        });
        Self { planner, scenario, extent, observer, clients: clients.collect() }
    }

    /// Counts hours of high fatigue by the `warn_at` and `block_at` of another pack, so that compared runs share a
    /// scale.
    pub fn with_fatigue_levels_of(mut self, rules: &CompiledRules) -> Self {
        for run_client in &mut self.clients {
            run_client.level_rules = rules.for_client(run_client.client);
        }
        self
    }

    /// Computes net worth by the worths and costs of another pack, so that compared runs share a scale.
    pub fn with_worths_of(mut self, rules: &CompiledRules) -> Self {
        for run_client in &mut self.clients {
            run_client.worth_rules = rules.for_client(run_client.client);
        }
        self
    }

    /// Assumes that engagement rates were measured with the assets that clients have in another scenario, so that
    /// assets added or removed change what posts earn. Clients that the other scenario lacks keep their own.
    pub fn with_usual_assets_of(mut self, scenario: &'a Scenario) -> Self {
        let assets: BTreeMap<&ClientId, &'a [Asset]> =
            scenario.clients.iter().map(|(client, _)| (&client.id, client.assets.as_slice())).collect();
        for run_client in &mut self.clients {
            run_client.usual_assets = assets.get(&run_client.client.id).copied().unwrap_or(run_client.usual_assets);
        }
        self
    }

    /// Passes the given replications to `add`, in order.
    fn each_replication(
        &self,
        replications: Range<u32>,
        mut add: impl FnMut(Replication),
    ) -> Result<(), SimulateError> {
        let batch = threads() as u32;
        let mut first = replications.start;
        while first < replications.end {
            let last = replications.end.min(first.saturating_add(batch));
            for replication in replicate(&[self], first..last, |replication| replication)? {
                replication.into_iter().for_each(&mut add);
            }
            first = last;
        }
        Ok(())
    }

    fn replication(&self, number: u32) -> Result<Replication, SimulateError> {
        let start = Timestamp::at_midnight(self.scenario.start.monday());
        let days = 7 * self.extent.weeks as usize;
        let replicated = self.clients.iter().map(|run_client| {
            let RunClient { client, state, usual_assets, .. } = run_client;
            let rng = KeyedRng::new(self.extent.seed, number, &client.id);
            let truth = TrueClient::new(&self.scenario.environment, client, state, rng, start, days)
                .with_usual_assets(usual_assets);
            ReplicatedClient { run_client, truth, rng, simulated: SimulatedClient::new(state) }
        });
        let mut clients: Vec<ReplicatedClient<'_>> = replicated.collect();
        let mut replication = Replication::new(self.extent.weeks as usize, self.clients.len());
        for week in 0..self.extent.weeks {
            if self.observer.should_stop() {
                return Err(SimulateError::Stopped);
            }
            self.simulate_week(week, &mut clients, &mut replication)?;
            self.observer.week_done();
        }
        Ok(replication.with_uses_counted(self.clients.iter().map(|run_client| run_client.client.assets.len()).sum()))
    }

    /// Simulates a week of all clients and adds it to the replication.
    fn simulate_week(
        &self,
        number: u32,
        clients: &mut [ReplicatedClient<'_>],
        replication: &mut Replication,
    ) -> Result<(), SimulateError> {
        let scenario = self.scenario;
        let week = scenario.start.plus(i64::from(number));
        let states: Vec<(&Client, &ClientState)> =
            clients.iter().map(|client| (client.run_client.client, &client.simulated.state)).collect();
        let plans = self.planner.plan_clients(&states, &scenario.capacity, week)?;
        let hours = hours_by_zone(&states, week)?;
        let results: Vec<_> = (plans, clients)
            .into_par_iter()
            .map(|(plan, ReplicatedClient { run_client, truth, rng, simulated })| {
                let hours: &WeekHours = hours.get(run_client.client.zone.name())?;
                let context = WeekContext {
                    client: run_client.client,
                    truth,
                    rng: *rng,
                    review: &scenario.review,
                    rules: run_client.rules.base(),
                    worth_rules: &run_client.worth_rules,
                    hours,
                    week_number: i64::from(number),
                    smoothing: scenario.environment.score_smoothing,
                };
                Some((context.simulate(plan, simulated), run_client, hours))
            })
            .collect();
        for (client_index, result) in results.iter().enumerate() {
            let Some((result, run_client, hours)) = result else { continue };
            let (levels, worth_rules) = (&run_client.level_rules.base().fatigue, run_client.worth_rules.base());
            let client = (client_index, &run_client.client.workspace_id);
            replication.add(number as usize, client, result, levels, worth_rules, hours);
        }
        Ok(())
    }

    /// Everything needed to reproduce the run, with the number of replications that were made.
    pub fn provenance(&self, replications: u32) -> Provenance {
        let extent = Extent { replications, ..self.extent };
        let (planner, scenario) = (self.planner, self.scenario);
        let setting = SimulationSetting { rules: planner.rules(), scenario, tier: planner.tier(), extent };
        provenance(setting, &SimulatedClients::of(scenario, extent.weeks))
    }

    /// Number of clients that have each channel, in channel order.
    pub fn clients_by_channel(&self) -> [u32; Channel::COUNT] {
        SimulatedClients::of(self.scenario, self.extent.weeks).by_channel
    }
}
