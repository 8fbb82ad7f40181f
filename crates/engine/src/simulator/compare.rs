//! Compares rules packs, or scenarios under one pack, over the same weeks with common random numbers.
//!
//! Each replication is simulated once for every variant with the same random numbers, so that most of the noise cancels
//! in the difference. Differences are accumulated as they arrive: memory grows with variants, weeks, channels and
//! clients, never with replications.

use std::collections::BTreeMap;

use serde::Serialize;

use super::extent::Extent;
use super::measure::Measure;
use super::replicate::{Observer, Run, SimulateError, replicate};
use super::replication::ReplicationTotals;
use super::summary::Provenance;
use super::totals::Totals;
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
    /// The scenario, read with the pack's default policy; clients and weeks are the same for all packs.
    pub scenario: &'a Scenario,
}

/// A scenario in a comparison of scenarios under one pack.
#[derive(Clone, Copy)]
pub struct ComparedScenario<'a> {
    /// Its label in the comparison.
    pub label: &'a str,
    /// The scenario, read with the pack's default policy; the first week is the same for all scenarios.
    pub scenario: &'a Scenario,
}

/// What the variants of a comparison are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// Rules packs on one scenario.
    Packs,
    /// Scenarios under one rules pack.
    Scenarios,
}

impl Compared {
    /// The noun for one variant.
    #[must_use]
    pub const fn variant(self) -> &'static str {
        match self {
            Compared::Packs => "pack",
            Compared::Scenarios => "scenario",
        }
    }
}

/// Why a comparison failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// No client is planned for.
    #[error("the scenario `{0}` has no client that is planned for, so there is nothing to compare")]
    NoClients(String),
    /// Two packs were given scenarios that differ in their clients or their first week.
    #[error("`{0}` and `{1}` do not have the same clients and first week")]
    Mismatch(String, String),
    /// Two scenarios that are compared start in different weeks.
    #[error("`{base}` starts in {base_start} and `{other}` in {other_start}, so their weeks cannot be compared")]
    DifferentStart {
        /// Label of the base.
        base: String,
        /// First week of the base.
        base_start: Week,
        /// Label of the other scenario.
        other: String,
        /// First week of the other scenario.
        other_start: Week,
    },
    /// A simulation failed.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
}

/// The result of comparing packs, or scenarios, with a base.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What the variants are.
    pub compared: Compared,
    /// The packs or scenarios, the base first.
    pub variants: Vec<Variant>,
    /// The stopping rule; `None` if the number of replications was fixed.
    pub until: Option<StoppingRule>,
    /// Each other variant against the base, in the order of the variants.
    pub versus: Vec<Versus>,
}

impl Comparison {
    /// The base; `None` only in a comparison without variants.
    #[must_use]
    pub fn base(&self) -> Option<&Variant> {
        self.variants.first()
    }

    /// The smallest and the largest number of planned clients of a variant; zeros without variants.
    #[must_use]
    pub fn client_range(&self) -> [u32; 2] {
        let counts = || self.variants.iter().map(|variant| variant.provenance.clients);
        [counts().min().unwrap_or(0), counts().max().unwrap_or(0)]
    }
}

/// A pack or scenario of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ComparedPack"))]
pub struct Variant {
    /// Its label.
    pub label: String,
    /// Everything needed to reproduce its simulation.
    pub provenance: Provenance,
}

/// The stopping rule of a comparison, and whether it was met.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StoppingRule {
    /// Target half-width of the confidence interval of the difference in net worth, as a share of the base's net
    /// worth.
    pub half_width: f64,
    /// Maximum number of replications.
    pub most_replications: u32,
    /// Whether every variant reached the target half-width.
    pub is_reached: bool,
}

/// One variant against the base. Every difference is the variant's value minus the base's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Versus {
    /// The variant's label.
    pub label: String,
    /// The difference in every headline measure, in the order of [`Measure::ALL`].
    pub headline: Vec<MeasureDifference>,
    /// The difference in engagement by week.
    pub weekly: Vec<WeekDifference>,
    /// The difference in engagement by channel, in channel order; channels that no client has are left out.
    pub channels: Vec<ChannelDifference>,
    /// The difference in engagement by client, for clients that are planned for in both variants, in the base's order.
    pub clients: Vec<ClientDifference>,
    /// Clients that are planned for only in the base, in its order, with an engagement of 0 in the other variant.
    pub only_base: Vec<ClientDifference>,
    /// Clients that are planned for only in the other variant, in its order, with an engagement of 0 in the base.
    pub only_other: Vec<ClientDifference>,
    /// How many of the clients in both gain and lose.
    pub client_counts: ClientCounts,
}

/// How many clients do better and worse than in the base, by their net worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientCounts {
    /// Clients that are planned for.
    pub clients: u32,
    /// Clients with more net worth than in the base.
    pub better: u32,
    /// Clients with less net worth than in the base.
    pub worse: u32,
    /// Better clients whose confidence interval lies entirely above 0.
    pub clearly_better: u32,
    /// Worse clients whose confidence interval lies entirely below 0.
    pub clearly_worse: u32,
    /// Clients with the same net worth in every replication.
    pub same: u32,
}

impl ClientCounts {
    /// Counts the clients by their difference in net worth.
    #[must_use]
    pub fn of(clients: &[ClientDifference]) -> Self {
        let count = |is_counted: fn(&Difference) -> bool| {
            let count = clients.iter().filter(|client| is_counted(&client.net_worth)).count();
            u32::try_from(count).unwrap_or(u32::MAX)
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
    /// Its p-value after Holm's correction over all variants that are compared with the base; `None` with one
    /// replication.
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
    /// Number of the variant's clients that have it.
    pub clients: u32,
    /// Number of the base's clients that have it.
    pub base_clients: u32,
    /// The difference in engagements.
    pub engagement: Difference,
}

/// The differences for one client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientDifference {
    /// The client.
    pub client_id: ClientId,
    /// Shown in reports.
    pub name: String,
    /// The difference in engagements.
    pub engagement: Difference,
    /// The difference in net worth.
    pub net_worth: Difference,
}

impl Versus {
    /// The difference in a headline measure.
    #[must_use]
    pub fn measure(&self, measure: Measure) -> Option<&MeasureDifference> {
        self.headline.iter().find(|row| row.measure == measure)
    }
}

/// Simulates every pack with common random numbers and accumulates the differences from the base. Under every pack,
/// hours of fatigue are counted with the base's levels, and net worth is computed from the base's worths and costs.
///
/// With `until`, the comparison stops, at a multiple of ten replications, as soon as the confidence interval of every
/// pack's difference in net worth has a half-width of at most this share of the base's net worth. The replications of
/// `extent` are then the maximum. The same inputs give a bit-identical result on any number of threads.
///
/// # Errors
/// If no client is planned for, the scenarios differ in clients or first week, a rule fails, or the observer stops the
/// run.
pub fn compare<'a>(
    base: ComparedPack<'a>,
    others: &[ComparedPack<'a>],
    extent: Extent,
    until: Option<f64>,
    observer: &'a dyn Observer,
) -> Result<Comparison, CompareError> {
    let base_rules = base.planner.rules();
    let variant_run = |ComparedPack { label, planner, scenario }| {
        let run = Run::new(planner, scenario, extent, observer);
        VariantRun { label, run: run.with_fatigue_levels_of(base_rules).with_worths_of(base_rules) }
    };
    let (base, others) = variant_runs(base, others, variant_run);
    check_planned(&base)?;
    let start = base.run.scenario.start;
    let differs =
        |other: &&VariantRun<'_>| other.run.scenario.start != start || !base.client_ids().eq(other.client_ids());
    if let Some(other) = others.iter().find(differs) {
        return Err(CompareError::Mismatch(base.label.to_owned(), other.label.to_owned()));
    }
    run_comparison(Compared::Packs, &base, &others, extent, until)
}

/// Simulates every scenario under one pack with common random numbers and accumulates the differences from the base.
/// All are simulated over the weeks of `extent`; their own numbers of weeks are not used.
///
/// The scenarios may differ in everything but the first week. A client gets the same random numbers in each, and its
/// engagement rates are assumed to have been measured with its assets in the base. Clients that are planned for in only
/// one of two scenarios count in all sums.
///
/// `until` and the result are those of [`compare`].
///
/// # Errors
/// If a scenario has no client that is planned for, two start in different weeks, a rule fails, or the observer stops
/// the run.
pub fn compare_scenarios<'a>(
    planner: &'a Planner<'a>,
    base: ComparedScenario<'a>,
    others: &[ComparedScenario<'a>],
    extent: Extent,
    until: Option<f64>,
    observer: &'a dyn Observer,
) -> Result<Comparison, CompareError> {
    let variant_run = |ComparedScenario { label, scenario }| {
        let run = Run::new(planner, scenario, extent, observer);
        VariantRun { label, run: run.with_usual_assets_of(base.scenario) }
    };
    let (base, others) = variant_runs(base, others, variant_run);
    check_planned(&base)?;
    others.iter().try_for_each(check_planned)?;
    let base_start = base.run.scenario.start;
    if let Some(other) = others.iter().find(|other| other.run.scenario.start != base_start) {
        let other_start = other.run.scenario.start;
        let [base, other] = [&base, other].map(|variant| variant.label.to_owned());
        return Err(CompareError::DifferentStart { base, base_start, other, other_start });
    }
    run_comparison(Compared::Scenarios, &base, &others, extent, until)
}

fn run_comparison(
    compared: Compared,
    base: &VariantRun<'_>,
    others: &[VariantRun<'_>],
    extent: Extent,
    until: Option<f64>,
) -> Result<Comparison, CompareError> {
    let runs: Vec<&Run<'_>> = std::iter::once(base).chain(others).map(|variant| &variant.run).collect();
    let mut sums: Vec<Sums> = others.iter().map(|other| Sums::new(extent.weeks as usize, base, other)).collect();
    let mut done = 0;
    let mut is_reached = false;
    while done < extent.replications && !is_reached {
        let last = extent.replications.min(done + BATCH);
        for totals in replicate(&runs, done..last, |replication| replication.totals())? {
            let Some((base, others)) = totals.split_first() else { continue };
            sums.iter_mut().zip(others).for_each(|(sums, other)| sums.add(base, other));
        }
        done = last;
        is_reached = until.is_some_and(|until| sums.iter().all(|sums| sums.is_within(until)));
    }
    let mut versus: Vec<Versus> = others.iter().zip(&sums).map(|(other, sums)| sums.versus(base, other)).collect();
    for index in 0..Measure::ALL.len() {
        correct_p_values(versus.iter_mut().filter_map(|versus| versus.headline.get_mut(index)).collect());
    }
    Ok(Comparison {
        compared,
        variants: std::iter::once(base).chain(others).map(|variant_run| variant_run.variant(done)).collect(),
        until: until.map(|half_width| StoppingRule { half_width, most_replications: extent.replications, is_reached }),
        versus,
    })
}

/// A variant with its run.
struct VariantRun<'a> {
    label: &'a str,
    run: Run<'a>,
}

impl VariantRun<'_> {
    /// The clients that are planned for.
    fn client_ids(&self) -> impl Iterator<Item = &ClientId> {
        self.run.clients.iter().map(|run_client| &run_client.client.id)
    }

    fn variant(&self, replications: u32) -> Variant {
        Variant { label: self.label.to_owned(), provenance: self.run.provenance(replications) }
    }
}

/// The runs of the base and of the other packs or scenarios.
fn variant_runs<'a, T: Copy>(
    base: T,
    others: &[T],
    variant_run: impl Fn(T) -> VariantRun<'a>,
) -> (VariantRun<'a>, Vec<VariantRun<'a>>) {
    (variant_run(base), others.iter().copied().map(&variant_run).collect())
}

fn check_planned(variant: &VariantRun<'_>) -> Result<(), CompareError> {
    match variant.run.clients.as_slice() {
        [] => Err(CompareError::NoClients(variant.run.scenario.name.clone())),
        _ => Ok(()),
    }
}

/// Corrects the p-values of one measure over all variants by Holm's method.
fn correct_p_values(rows: Vec<&mut MeasureDifference>) {
    let uncorrected: Option<Vec<f64>> = rows.iter().map(|row| row.difference.p).collect();
    let Some(uncorrected) = uncorrected else { return };
    for (row, p) in rows.into_iter().zip(holm(&uncorrected)) {
        row.corrected_p = Some(p);
    }
}

/// The indices of a client in the base and in the other variant; `None` where it is not planned for.
#[derive(Clone, Copy)]
struct ClientIndices {
    base: Option<usize>,
    other: Option<usize>,
}

/// Every client that is planned for in either variant: the base's in its order, then those only in the other.
fn client_indices(base: &VariantRun<'_>, other: &VariantRun<'_>) -> Vec<ClientIndices> {
    let mut others: BTreeMap<&ClientId, usize> = other.client_ids().zip(0..).collect();
    let in_base = base.client_ids().zip(0..);
    let mut indices: Vec<ClientIndices> =
        in_base.map(|(id, index)| ClientIndices { base: Some(index), other: others.remove(id) }).collect();
    let mut only_other: Vec<usize> = others.into_values().collect();
    only_other.sort_unstable();
    indices.extend(only_other.into_iter().map(|index| ClientIndices { base: None, other: Some(index) }));
    indices
}

/// Accumulated paired differences of one variant from the base; those by week and by channel are of engagement.
struct Sums {
    headline: Vec<(Measure, Pairs)>,
    weeks: Vec<Pairs>,
    channels: Vec<Pairs>,
    clients: Vec<ClientSums>,
}

/// Accumulated paired differences of one client.
struct ClientSums {
    indices: ClientIndices,
    engagement: Pairs,
    net_worth: Pairs,
}

impl Sums {
    fn new(weeks: usize, base: &VariantRun<'_>, other: &VariantRun<'_>) -> Self {
        let pairs = |count| vec![Pairs::default(); count];
        Self {
            headline: Measure::ALL.map(|measure| (measure, Pairs::default())).to_vec(),
            weeks: pairs(weeks),
            channels: pairs(Channel::COUNT),
            clients: client_indices(base, other)
                .into_iter()
                .map(|indices| ClientSums { indices, engagement: Pairs::default(), net_worth: Pairs::default() })
                .collect(),
        }
    }

    /// Adds the next replication.
    fn add(&mut self, base: &ReplicationTotals, other: &ReplicationTotals) {
        for (measure, pairs) in &mut self.headline {
            pairs.add(measure.value_in(&base.total), measure.value_in(&other.total));
        }
        add_each(&mut self.weeks, &base.engagement_by_week, &other.engagement_by_week);
        add_each(&mut self.channels, &base.engagement_by_channel, &other.engagement_by_channel);
        for ClientSums { indices, engagement, net_worth } in &mut self.clients {
            // A client that is not planned for earns nothing and costs nothing.
            let totals = |clients: &[Totals], index: Option<usize>| {
                index.and_then(|index| clients.get(index)).copied().unwrap_or_default()
            };
            let (base, other) = (totals(&base.clients, indices.base), totals(&other.clients, indices.other));
            engagement.add(base.engagement, other.engagement);
            net_worth.add(base.net_worth, other.net_worth);
        }
    }

    /// Whether the half-width of the difference in net worth is at most the given share of the base's net worth.
    fn is_within(&self, share: f64) -> bool {
        let net_worth = self.headline.iter().find(|(measure, _)| *measure == Measure::NetWorth);
        net_worth.map(|(_, pairs)| pairs.difference()).is_some_and(|difference| {
            difference.half_width().is_some_and(|half_width| half_width <= share * difference.base.abs())
        })
    }

    fn versus(&self, base: &VariantRun<'_>, other: &VariantRun<'_>) -> Versus {
        let start = base.run.scenario.start;
        let headline = self.headline.iter().map(|(measure, pairs)| MeasureDifference {
            measure: *measure,
            difference: pairs.difference(),
            corrected_p: None,
        });
        let weekly = (0..).zip(&self.weeks);
        let clients = self.clients_where(base, other, |indices| indices.base.is_some() && indices.other.is_some());
        Versus {
            label: other.label.to_owned(),
            headline: headline.collect(),
            weekly: weekly
                .map(|(week, pairs)| WeekDifference { week: start.plus(week), engagement: pairs.difference() })
                .collect(),
            channels: self.channels(base, other),
            client_counts: ClientCounts::of(&clients),
            clients,
            only_base: self.clients_where(base, other, |indices| indices.other.is_none()),
            only_other: self.clients_where(base, other, |indices| indices.base.is_none()),
        }
    }

    fn channels(&self, base: &VariantRun<'_>, other: &VariantRun<'_>) -> Vec<ChannelDifference> {
        let counts = other.run.clients_by_channel().into_iter().zip(base.run.clients_by_channel());
        Channel::ALL
            .into_iter()
            .zip(counts)
            .zip(&self.channels)
            .filter(|((_, (clients, base_clients)), _)| clients + base_clients > 0)
            .map(|((channel, (clients, base_clients)), pairs)| ChannelDifference {
                channel,
                clients,
                base_clients,
                engagement: pairs.difference(),
            })
            .collect()
    }

    /// The differences of the clients that `is_included` selects.
    fn clients_where(
        &self,
        base: &VariantRun<'_>,
        other: &VariantRun<'_>,
        is_included: fn(ClientIndices) -> bool,
    ) -> Vec<ClientDifference> {
        let difference = |ClientSums { indices, engagement, net_worth }: &ClientSums| {
            let run_client = match (indices.base, indices.other) {
                (_, Some(index)) => other.run.clients.get(index)?,
                (index, None) => base.run.clients.get(index?)?,
            };
            Some(ClientDifference {
                client_id: run_client.client.id.clone(),
                name: run_client.client.name.to_string(),
                engagement: engagement.difference(),
                net_worth: net_worth.difference(),
            })
        };
        self.clients.iter().filter(|sums| is_included(sums.indices)).filter_map(difference).collect()
    }
}

fn add_each(pairs: &mut [Pairs], base: &[f64], other: &[f64]) {
    for (pairs, (base, other)) in pairs.iter_mut().zip(base.iter().zip(other)) {
        pairs.add(*base, *other);
    }
}
