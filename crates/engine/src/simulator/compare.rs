//! Compares rules packs over the same weeks and clients with common random numbers.
//!
//! Each replication is simulated once under every pack on the same random numbers, so that most of the noise cancels in
//! the difference. Differences are accumulated as they arrive: memory grows with packs, weeks, channels and clients,
//! never with replications.

use serde::Serialize;

use super::measure::Measure;
use super::replicate::{Extent, Observer, Run, SimulateError, replicate};
use super::summary::Provenance;
use super::tally::ReplicationTotals;
use crate::model::{Channel, ClientId, Scenario, Week};
use crate::planner::Planner;
use crate::rules::CompiledRules;
use crate::stats::{Difference, Pairs, holm};

/// Replications between two checks of the stopping rule. Fixed, so that where a comparison stops never depends on the
/// number of threads.
const BATCH: u32 = 10;

/// A rules pack in a comparison.
#[derive(Clone, Copy)]
pub struct ComparedPack<'a> {
    /// Its label in the comparison.
    pub label: &'a str,
    /// The planner that uses the pack.
    pub planner: &'a Planner<'a>,
    /// The scenario under the pack's default policy; clients and weeks are the same for all packs.
    pub scenario: &'a Scenario,
}

/// Why a comparison failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// No client is planned for.
    #[error("the scenario `{0}` has no client that is planned for, so there is nothing to compare")]
    NoClients(String),
    /// The scenarios differ in their clients or their first week.
    #[error("`{0}` and `{1}` do not have the same clients and first week")]
    Mismatch(String, String),
    /// A simulation failed.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
}

/// The result of comparing packs with a base.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The packs, the base first.
    pub packs: Vec<Pack>,
    /// The stopping rule; `None` if the number of replications was fixed.
    pub until: Option<StoppingRule>,
    /// Each other pack against the base, in pack order.
    pub versus: Vec<Versus>,
}

/// A pack of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ComparedPack"))]
pub struct Pack {
    /// Its label.
    pub label: String,
    /// Everything needed to reproduce its simulation.
    pub provenance: Provenance,
}

/// The stopping rule of a comparison, and whether it was met.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StoppingRule {
    /// Target half-width of the confidence interval of the difference in engagement, as a share of the base's
    /// engagement.
    pub half_width: f64,
    /// Maximum number of replications.
    pub most_replications: u32,
    /// Whether every pack reached the target half-width.
    pub is_reached: bool,
}

/// One pack against the base. Every difference is the pack's value minus the base's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Versus {
    /// The pack's label.
    pub label: String,
    /// The difference in every headline measure, in the order of [`Measure::ALL`].
    pub headline: Vec<MeasureDifference>,
    /// The difference in engagement by week.
    pub weekly: Vec<WeekDifference>,
    /// The difference in engagement by channel, in channel order; channels that no client has are left out.
    pub channels: Vec<ChannelDifference>,
    /// The difference in engagement by client, in the scenario's order.
    pub clients: Vec<ClientDifference>,
    /// How many clients gain and lose.
    pub client_counts: ClientCounts,
}

/// How many clients do better and worse under a pack, by their engagement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientCounts {
    /// Clients that are planned for.
    pub clients: u32,
    /// Clients with more engagement than under the base.
    pub better: u32,
    /// Clients with less engagement than under the base.
    pub worse: u32,
    /// Better clients whose confidence interval lies entirely above 0.
    pub clearly_better: u32,
    /// Worse clients whose confidence interval lies entirely below 0.
    pub clearly_worse: u32,
    /// Clients with the same engagement in every replication.
    pub same: u32,
}

impl ClientCounts {
    /// Counts the clients by their difference in engagement.
    #[must_use]
    pub fn of(clients: &[ClientDifference]) -> Self {
        let count = |is_so: fn(&Difference) -> bool| {
            let counted = clients.iter().filter(|client| is_so(&client.engagement)).count();
            u32::try_from(counted).unwrap_or(u32::MAX)
        };
        Self {
            clients: count(|_| true),
            better: count(|difference| difference.mean > 0.0),
            worse: count(|difference| difference.mean < 0.0),
            clearly_better: count(Difference::is_significantly_greater),
            clearly_worse: count(Difference::is_significantly_less),
            same: count(|difference| difference.is_same),
        }
    }
}

/// The difference in a headline measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MeasureDifference {
    /// The measure.
    pub measure: Measure,
    /// The difference.
    pub difference: Difference,
    /// Its p-value after Holm's correction over all packs that are compared with the base.
    pub corrected_p: Option<f64>,
}

/// The difference in engagement in one week.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WeekDifference {
    /// The week.
    pub week: Week,
    /// The difference in engagements.
    pub engagement: Difference,
}

/// The difference in engagement on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChannelDifference {
    /// The channel.
    pub channel: Channel,
    /// Number of clients that have it.
    pub clients: u32,
    /// The difference in engagements.
    pub engagement: Difference,
}

/// The difference in engagement for one client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientDifference {
    /// The client.
    pub client_id: ClientId,
    /// Shown in reports.
    pub name: String,
    /// The difference in engagements.
    pub engagement: Difference,
}

impl Versus {
    /// The difference in a headline measure.
    #[must_use]
    pub fn of(&self, measure: Measure) -> Option<&MeasureDifference> {
        self.headline.iter().find(|row| row.measure == measure)
    }
}

/// Simulates every pack with common random numbers and accumulates the differences from the base. Hours of fatigue are
/// counted by the base's levels under every pack.
///
/// With `until` it stops, at a multiple of ten replications, as soon as the half-width of every pack's confidence
/// interval of the difference in engagement is at most that share of the base's engagement; the replications of
/// `extent` are then the maximum. The same inputs give a bit-identical result on any number of threads.
///
/// # Errors
/// If no client is planned for, the scenarios differ in clients or first week, a rule fails, or the observer stops the
/// run.
pub fn compare(
    base: ComparedPack<'_>,
    others: &[ComparedPack<'_>],
    extent: Extent,
    until: Option<f64>,
    observer: &dyn Observer,
) -> Result<Comparison, CompareError> {
    let levels = base.planner.rules();
    let others: Vec<PackRun<'_>> = others.iter().map(|pack| PackRun::new(pack, extent, observer, levels)).collect();
    let base = PackRun::new(&base, extent, observer, levels);
    check_comparable(&base, &others)?;
    let runs: Vec<&Run<'_>> = std::iter::once(&base).chain(&others).map(|pack| &pack.run).collect();
    let sums = |pack| (pack, Sums::new(extent.weeks as usize, base.run.clients.len()));
    let mut compared: Vec<(&PackRun<'_>, Sums)> = others.iter().map(sums).collect();
    let mut done = 0;
    let mut is_reached = false;
    while done < extent.replications && !is_reached {
        let last = extent.replications.min(done + BATCH);
        for outcomes in replicate(&runs, done..last, |replication| replication.totals())? {
            let Some((base, rest)) = outcomes.split_first() else { continue };
            compared.iter_mut().zip(rest).for_each(|((_, sums), other)| sums.add(base, other));
        }
        done = last;
        is_reached = until.is_some_and(|until| compared.iter().all(|(_, sums)| sums.is_within(until)));
    }
    let until = until.map(|half_width| StoppingRule { half_width, most_replications: extent.replications, is_reached });
    let packs = std::iter::once(&base).chain(&others).map(|pack| pack.summary(done)).collect();
    Ok(Comparison { packs, until, versus: versus(&compared) })
}

/// A pack with the run of the scenario under it.
struct PackRun<'a> {
    label: &'a str,
    run: Run<'a>,
}

impl<'a> PackRun<'a> {
    fn new(pack: &ComparedPack<'a>, extent: Extent, observer: &'a dyn Observer, levels: &CompiledRules) -> Self {
        let run = Run::new(pack.planner, pack.scenario, extent, observer);
        Self { label: pack.label, run: run.with_fatigue_levels_of(levels).with_worths_of(levels) }
    }

    fn summary(&self, replications: u32) -> Pack {
        Pack { label: self.label.to_owned(), provenance: self.run.provenance(replications) }
    }
}

fn check_comparable(base: &PackRun<'_>, others: &[PackRun<'_>]) -> Result<(), CompareError> {
    if base.run.clients.is_empty() {
        return Err(CompareError::NoClients(base.run.scenario.name.clone()));
    }
    let ids = |pack: &PackRun<'_>| pack.run.clients.iter().map(|own| own.client.id.clone()).collect::<Vec<_>>();
    let differs = |other: &&PackRun<'_>| base.run.scenario.start != other.run.scenario.start || ids(base) != ids(other);
    match others.iter().find(differs) {
        Some(other) => Err(CompareError::Mismatch(base.label.to_owned(), other.label.to_owned())),
        None => Ok(()),
    }
}

fn versus(compared: &[(&PackRun<'_>, Sums)]) -> Vec<Versus> {
    let mut all: Vec<Versus> = compared.iter().map(|(pack, sums)| sums.versus(pack)).collect();
    for place in 0..Measure::ALL.len() {
        correct(all.iter_mut().filter_map(|versus| versus.headline.get_mut(place)).collect());
    }
    all
}

/// Corrects the p-values of one measure over all packs.
fn correct(rows: Vec<&mut MeasureDifference>) {
    let uncorrected: Option<Vec<f64>> = rows.iter().map(|row| row.difference.p).collect();
    let Some(uncorrected) = uncorrected else { return };
    for (row, p) in rows.into_iter().zip(holm(&uncorrected)) {
        row.corrected_p = Some(p);
    }
}

/// Accumulated paired differences of one pack from the base.
struct Sums {
    headline: Vec<(Measure, Pairs)>,
    weeks: Vec<Pairs>,
    channels: Vec<Pairs>,
    clients: Vec<Pairs>,
}

impl Sums {
    fn new(weeks: usize, clients: usize) -> Self {
        let pairs = |count| vec![Pairs::default(); count];
        Self {
            headline: Measure::ALL.map(|measure| (measure, Pairs::default())).to_vec(),
            weeks: pairs(weeks),
            channels: pairs(Channel::COUNT),
            clients: pairs(clients),
        }
    }

    /// Adds the next replication.
    fn add(&mut self, base: &ReplicationTotals, other: &ReplicationTotals) {
        for (measure, pairs) in &mut self.headline {
            pairs.add(measure.of(&base.total), measure.of(&other.total));
        }
        add_each(&mut self.weeks, &base.weeks, &other.weeks);
        add_each(&mut self.channels, &base.channels, &other.channels);
        add_each(&mut self.clients, &base.clients, &other.clients);
    }

    /// Whether the half-width of the difference in engagement is at most the given share of the base's engagement.
    fn is_within(&self, share: f64) -> bool {
        let engagement = self.headline.iter().find(|(measure, _)| *measure == Measure::Engagement);
        engagement.map(|(_, pairs)| pairs.difference()).is_some_and(|difference| {
            difference.half_width().is_some_and(|half_width| half_width <= share * difference.base)
        })
    }

    fn versus(&self, PackRun { label, run }: &PackRun<'_>) -> Versus {
        let start = run.scenario.start;
        let channels = Channel::ALL.into_iter().zip(run.clients_by_channel()).zip(&self.channels);
        let clients: Vec<ClientDifference> = run
            .clients
            .iter()
            .zip(&self.clients)
            .map(|(own, pairs)| ClientDifference {
                client_id: own.client.id.clone(),
                name: own.client.name.to_string(),
                engagement: pairs.difference(),
            })
            .collect();
        Versus {
            label: (*label).to_owned(),
            headline: self
                .headline
                .iter()
                .map(|(measure, pairs)| MeasureDifference {
                    measure: *measure,
                    difference: pairs.difference(),
                    corrected_p: None,
                })
                .collect(),
            weekly: (0..)
                .zip(&self.weeks)
                .map(|(week, pairs)| WeekDifference { week: start.plus(week), engagement: pairs.difference() })
                .collect(),
            channels: channels
                .filter(|((_, clients), _)| *clients > 0)
                .map(|((channel, clients), pairs)| ChannelDifference {
                    channel,
                    clients,
                    engagement: pairs.difference(),
                })
                .collect(),
            client_counts: ClientCounts::of(&clients),
            clients,
        }
    }
}

fn add_each(pairs: &mut [Pairs], base: &[f64], other: &[f64]) {
    for (pairs, (base, other)) in pairs.iter_mut().zip(base.iter().zip(other)) {
        pairs.add(*base, *other);
    }
}
