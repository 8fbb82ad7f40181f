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
    let contenders: Vec<&ComparedPack<'_>> = std::iter::once(&base).chain(others).collect();
    let runs: Vec<Run<'_>> = contenders
        .iter()
        .map(|contender| {
            let run = Run::new(contender.planner, contender.scenario, extent, observer);
            run.with_fatigue_levels_of(base.planner.rules())
        })
        .collect();
    check_comparable(&contenders, &runs)?;
    let clients = runs.first().map_or(0, |run| run.clients.len());
    let mut sums: Vec<Sums> = others.iter().map(|_| Sums::new(extent.weeks as usize, clients)).collect();
    let mut done = 0;
    let mut is_reached = false;
    while done < extent.replications && !is_reached {
        let last = extent.replications.min(done + BATCH);
        for outcomes in replicate(&runs, done..last, |replication| replication.totals())? {
            let Some((base, rest)) = outcomes.split_first() else { continue };
            sums.iter_mut().zip(rest).for_each(|(sums, other)| sums.add(base, other));
        }
        done = last;
        is_reached = until.is_some_and(|until| sums.iter().all(|sums| sums.is_within(until)));
    }
    let packs = contenders.iter().zip(&runs).map(|(contender, run)| pack(contender, run, done));
    let until = until.map(|half_width| StoppingRule { half_width, most_replications: extent.replications, is_reached });
    Ok(Comparison { packs: packs.collect(), until, versus: versus(others, &runs, &sums) })
}

fn check_comparable(contenders: &[&ComparedPack<'_>], runs: &[Run<'_>]) -> Result<(), CompareError> {
    let ids = |run: &Run<'_>| run.clients.iter().map(|(client, _)| client.id.clone()).collect::<Vec<_>>();
    let mut both = contenders.iter().zip(runs);
    let Some((base, run)) = both.next() else { return Ok(()) };
    if run.clients.is_empty() {
        return Err(CompareError::NoClients(base.scenario.name.clone()));
    }
    match both.find(|(other, theirs)| base.scenario.start != other.scenario.start || ids(run) != ids(theirs)) {
        Some((other, _)) => Err(CompareError::Mismatch(base.label.to_owned(), other.label.to_owned())),
        None => Ok(()),
    }
}

fn pack(contender: &ComparedPack<'_>, run: &Run<'_>, replications: u32) -> Pack {
    Pack { label: contender.label.to_owned(), provenance: run.provenance(replications) }
}

fn versus(others: &[ComparedPack<'_>], runs: &[Run<'_>], sums: &[Sums]) -> Vec<Versus> {
    let mut all: Vec<Versus> = others
        .iter()
        .zip(runs.iter().skip(1).zip(sums))
        .map(|(contender, (run, sums))| sums.versus(contender, run))
        .collect();
    for place in 0..Measure::ALL.len() {
        correct(all.iter_mut().filter_map(|versus| versus.headline.get_mut(place)).collect());
    }
    all
}

/// Corrects the p-values of one measure over all packs.
fn correct(rows: Vec<&mut MeasureDifference>) {
    let found: Option<Vec<f64>> = rows.iter().map(|row| row.difference.p).collect();
    for (row, p) in rows.into_iter().zip(holm(&found.unwrap_or_default())) {
        row.corrected_p = Some(p);
    }
}

/// Accumulated paired differences of one pack from the base.
struct Sums {
    headline: Vec<Pairs>,
    weeks: Vec<Pairs>,
    channels: Vec<Pairs>,
    clients: Vec<Pairs>,
}

impl Sums {
    fn new(weeks: usize, clients: usize) -> Self {
        let pairs = |count| vec![Pairs::default(); count];
        Self {
            headline: pairs(Measure::ALL.len()),
            weeks: pairs(weeks),
            channels: pairs(Channel::COUNT),
            clients: pairs(clients),
        }
    }

    /// Adds the next replication.
    fn add(&mut self, base: &ReplicationTotals, other: &ReplicationTotals) {
        for (pairs, measure) in self.headline.iter_mut().zip(Measure::ALL) {
            pairs.add(measure.of(&base.total), measure.of(&other.total));
        }
        add_each(&mut self.weeks, &base.weeks, &other.weeks);
        add_each(&mut self.channels, &base.channels, &other.channels);
        add_each(&mut self.clients, &base.clients, &other.clients);
    }

    /// Whether the half-width of the difference in engagement is at most the given share of the base's engagement.
    fn is_within(&self, share: f64) -> bool {
        let engagement =
            Measure::ALL.into_iter().zip(&self.headline).find(|(measure, _)| *measure == Measure::Engagement);
        let difference = engagement.map(|(_, pairs)| pairs.difference()).unwrap_or_default();
        difference.half_width().is_some_and(|half_width| half_width <= share * difference.base)
    }

    fn versus(&self, contender: &ComparedPack<'_>, run: &Run<'_>) -> Versus {
        let start = contender.scenario.start;
        let headline = Measure::ALL.into_iter().zip(&self.headline);
        let channels = Channel::ALL.into_iter().zip(run.clients_by_channel()).zip(&self.channels);
        let clients: Vec<ClientDifference> = run
            .clients
            .iter()
            .zip(&self.clients)
            .map(|((client, _), pairs)| ClientDifference {
                client_id: client.id.clone(),
                name: client.name.to_string(),
                engagement: pairs.difference(),
            })
            .collect();
        Versus {
            label: contender.label.to_owned(),
            headline: headline
                .map(|(measure, pairs)| MeasureDifference {
                    measure,
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
