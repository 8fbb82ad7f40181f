//! The entry: replications in parallel, added up in their order.

use std::ops::Range;
use std::slice;

use rayon::prelude::*;

use super::environment::World;
use super::random::Luck;
use super::state::Moving;
use super::summary::{Provenance, Simulation};
use super::tally::{Replication, Tally};
use super::week::Setting;
use crate::agents::scaling;
use crate::model::{Channel, Client, ClientState, Scenario, Tier, WeekHours, Zone};
use crate::planner::{PlanError, Planner, hours_by_zone};
use crate::rules::{ClientRules, CompiledRules};

/// How much is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Weeks, at least 1.
    pub weeks: u32,
    /// Replications, at least 1.
    pub replications: u32,
    /// Seed of all random numbers.
    pub seed: u64,
}

/// Watches a run and may end it early.
pub trait Observer: Sync {
    /// One more week of one replication is done.
    fn week_done(&self);

    /// Whether the run should stop.
    fn should_stop(&self) -> bool;
}

/// Why a simulation ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// A week could not be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The observer wanted it to stop.
    #[error("stopped before the end")]
    Stopped,
}

/// Simulates weeks of orchestration. The same inputs give the same result, bit by bit, on any number of
/// threads.
///
/// # Errors
/// Where a rule fails, or the observer stops the run.
pub fn simulate(
    planner: &Planner<'_>,
    scenario: &Scenario,
    extent: Extent,
    observer: &dyn Observer,
) -> Result<Simulation, SimulateError> {
    let run = Run::new(planner, scenario, extent, observer);
    let assets = run.clients.iter().map(|(client, _)| client.assets.len()).sum();
    let mut tally = Tally::new(extent.weeks as usize, run.clients.len(), assets);
    let batch = threads() as u32;
    let mut first = 0;
    while first < extent.replications {
        let last = extent.replications.min(first + batch);
        for replication in replicate(slice::from_ref(&run), first..last, |replication| replication)? {
            replication.iter().for_each(|replication| tally.add(replication));
        }
        first = last;
    }
    Ok(run.summary(&tally))
}

/// Replications of every run, side by side on all threads: a row a replication, in it one entry a run,
/// both in the order given. Of a replication only what `keep` takes from it stays.
///
/// # Errors
/// The first replication's that failed.
pub(super) fn replicate<T: Send>(
    runs: &[Run<'_>],
    numbers: Range<u32>,
    keep: impl Fn(Replication) -> T + Sync,
) -> Result<Vec<Vec<T>>, SimulateError> {
    let rows: Vec<Vec<Result<T, SimulateError>>> = numbers
        .into_par_iter()
        .map(|number| runs.par_iter().map(|run| run.replication(number).map(&keep)).collect())
        .collect();
    rows.into_iter().map(|row| row.into_iter().collect()).collect()
}

/// Does the work of every job, side by side on all threads, and gives what comes of it in their order.
pub(super) fn side_by_side<J: Sync, T: Send>(jobs: &[J], work: impl Fn(&J) -> T + Sync + Send) -> Vec<T> {
    jobs.par_iter().map(work).collect()
}

/// How many threads work.
pub(super) fn threads() -> usize {
    rayon::current_num_threads().max(1)
}

/// One pack at work on one scenario.
pub(super) struct Run<'a> {
    planner: &'a Planner<'a>,
    scenario: &'a Scenario,
    extent: Extent,
    observer: &'a dyn Observer,
    /// The clients that weeks are planned for, in the scenario's order.
    pub clients: Vec<(&'a Client, &'a ClientState)>,
    rules: Vec<ClientRules>,
    /// Whose fatigue levels hours are measured by, a client each.
    levels: Vec<ClientRules>,
}

impl<'a> Run<'a> {
    pub fn new(planner: &'a Planner<'a>, scenario: &'a Scenario, extent: Extent, observer: &'a dyn Observer) -> Self {
        let clients: Vec<_> = scaling::planned(scenario).map(|(client, state)| (client, state)).collect();
        let rules = rules_of(&clients, planner.rules());
        Self { planner, scenario, extent, observer, clients, levels: rules.clone(), rules }
    }

    /// Counts hours of fatigue by the levels of another pack, so that runs that are compared share a scale.
    pub fn measured_by(self, rules: &CompiledRules) -> Self {
        Self { levels: rules_of(&self.clients, rules), ..self }
    }

    fn replication(&self, number: u32) -> Result<Replication, SimulateError> {
        let scenario = self.scenario;
        let seed = self.extent.seed;
        let mut moving: Vec<Moving> = self.clients.iter().map(|(_, state)| Moving::new(state)).collect();
        let worlds: Vec<(World<'_>, Luck)> = self
            .clients
            .iter()
            .map(|(client, state)| {
                let luck = Luck::new(seed, number, &client.id);
                (World::new(&scenario.environment, client, state, luck), luck)
            })
            .collect();
        let mut sum = Replication::new(self.extent.weeks as usize, self.clients.len());
        for week in 0..self.extent.weeks {
            if self.observer.should_stop() {
                return Err(SimulateError::Stopped);
            }
            self.week(week, &worlds, &mut moving, &mut sum)?;
            self.observer.week_done();
        }
        Ok(sum)
    }

    fn week(
        &self,
        number: u32,
        worlds: &[(World<'_>, Luck)],
        moving: &mut [Moving],
        sum: &mut Replication,
    ) -> Result<(), SimulateError> {
        let scenario = self.scenario;
        let week = scenario.start.plus(i64::from(number));
        let states: Vec<(&Client, &ClientState)> =
            self.clients.iter().zip(moving.iter()).map(|((client, _), moving)| (*client, &moving.state)).collect();
        let plans = self.planner.plan_clients(&states, &scenario.capacity, week)?;
        let hours = hours_by_zone(&states, week)?;
        let results: Vec<_> = (plans, moving, worlds, &self.clients, &self.rules)
            .into_par_iter()
            .map(|(plan, moving, (world, luck), (client, _), rules)| {
                let hours: &WeekHours = hours.get(client.zone.name())?;
                let setting = Setting {
                    client,
                    world,
                    luck: *luck,
                    review: &scenario.review,
                    rules: rules.base(),
                    hours,
                    week_number: i64::from(number),
                    smoothing: scenario.environment.score_smoothing,
                };
                Some((setting.happen(plan, moving), hours))
            })
            .collect();
        for (client, (result, levels)) in results.iter().zip(&self.levels).enumerate() {
            let Some((result, hours)) = result else { continue };
            sum.add(number as usize, client, result, &levels.base().fatigue, hours);
        }
        Ok(())
    }

    fn summary(&self, tally: &Tally) -> Simulation {
        let start = self.scenario.start;
        let has_channel = self.clients_by_channel();
        let base = self.planner.rules().base();
        let order: Vec<&str> = base.guardrails.iter().map(|guardrail| &*guardrail.name).collect();
        let clients: Vec<&Client> = self.clients.iter().map(|(client, _)| *client).collect();
        Simulation {
            provenance: self.provenance(self.extent.replications),
            headline: tally.headline(),
            weekly: tally.weekly(start),
            channels: tally.channels(&has_channel, &base),
            channel_weeks: tally.channel_weeks(start, &has_channel),
            clients: tally.clients(&clients),
            guardrails: tally.guardrails(&order),
            calendar: tally.calendar(),
            assets: tally.assets(),
        }
    }

    /// How many clients have each channel, in channel order.
    pub fn clients_by_channel(&self) -> [u32; Channel::COUNT] {
        let mut counts = [0; Channel::COUNT];
        for state in self.clients.iter().flat_map(|(_, state)| &state.channels) {
            if let Some(count) = counts.get_mut(state.channel.index()) {
                *count += 1;
            }
        }
        counts
    }

    /// All that repeats the run, of which so many replications were made.
    pub fn provenance(&self, replications: u32) -> Provenance {
        let extent = Extent { replications, ..self.extent };
        provenance(self.planner.rules(), self.scenario, self.planner.tier(), extent)
    }
}

fn rules_of(clients: &[(&Client, &ClientState)], rules: &CompiledRules) -> Vec<ClientRules> {
    clients.iter().map(|(client, _)| rules.for_client(client)).collect()
}

/// All that repeats a run.
pub(super) fn provenance(rules: &CompiledRules, scenario: &Scenario, tier: Tier, extent: Extent) -> Provenance {
    Provenance {
        scenario: scenario.name.clone(),
        scenario_hash: scenario.hash.clone(),
        rules: rules.name().to_owned(),
        rules_hash: rules.hash().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time_zones: Zone::database_version().to_owned(),
        seed: extent.seed,
        start: scenario.start,
        weeks: extent.weeks,
        replications: extent.replications,
        clients: u32::try_from(scaling::planned(scenario).count()).unwrap_or(u32::MAX),
        tier: tier.name().to_owned(),
        committed_posts: committed_posts(scenario, extent.weeks),
    }
}

/// Posts of the scenario's clients that lie in the weeks of a run.
fn committed_posts(scenario: &Scenario, weeks: u32) -> u32 {
    let count = |(client, state): &(Client, ClientState)| {
        let monday = |weeks: i64| client.zone.start_of_day(scenario.start.plus(weeks).monday());
        // Weeks at the edge of the calendar cannot be planned, so that there is no run to count for.
        let (Ok(start), Ok(end)) = (monday(0), monday(i64::from(weeks))) else { return 0 };
        let posts = state.channels.iter().flat_map(|channel| &channel.recent_posts);
        posts.filter(|at| (start..end).contains(*at)).count()
    };
    u32::try_from(scaling::planned(scenario).map(count).sum::<usize>()).unwrap_or(u32::MAX)
}
