//! Rules packs against each other over the same weeks, clients and luck.
//!
//! Each replication is simulated once under every pack, on the same random numbers, so that most of the
//! luck drops out of the difference. Differences are summed as they come: what is kept grows with the
//! packs, weeks, channels and clients, never with replications.

use serde::Serialize;

use super::measure::Measure;
use super::replicate::{Extent, Observer, Run, SimulateError, replicate};
use super::summary::Provenance;
use super::tally::ReplicationTotals;
use crate::model::{Channel, ClientId, Scenario, Week};
use crate::planner::Planner;
use crate::stats::{Difference, Pairs, holm};

/// Replications between two looks at whether a comparison knows enough. It is fixed, so that where a
/// comparison ends never depends on threads.
const BATCH: u32 = 10;

/// A pack that is compared.
#[derive(Clone, Copy)]
pub struct Contender<'a> {
    /// What it is called in the comparison.
    pub label: &'a str,
    /// Plans under it.
    pub planner: &'a Planner<'a>,
    /// The scenario under its default policy; the same clients in the same weeks for all.
    pub scenario: &'a Scenario,
}

/// Why a comparison ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// There is nobody to plan for.
    #[error("the scenario `{0}` has no client that is planned for, so there is nothing to compare")]
    NoClients(String),
    /// The scenarios differ in their clients or their first week.
    #[error("`{0}` and `{1}` are not about the same clients in the same weeks")]
    Unlike(String, String),
    /// A pack could not be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
}

/// Packs against a base.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The packs, the base first.
    pub packs: Vec<Pack>,
    /// Where it was to stop early; none where it was not.
    pub until: Option<Until>,
    /// Every other pack against the base, in the order of the packs.
    pub versus: Vec<Versus>,
}

/// A pack of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pack {
    /// What it is called.
    pub label: String,
    /// All that repeats its simulation.
    pub provenance: Provenance,
}

/// How sure a comparison was to be, and whether it became so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Until {
    /// The wanted half-width of the interval of the difference in engagement, as a share of the base's
    /// engagement.
    pub half_width: f64,
    /// Replications after which it ends all the same.
    pub most_replications: u32,
    /// Whether every pack came to that half-width.
    pub is_reached: bool,
}

/// One pack against the base. Every difference is the pack's number less the base's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Versus {
    /// The pack.
    pub label: String,
    /// Every headline number, in the order of [`Measure::ALL`].
    pub headline: Vec<MeasureDifference>,
    /// Engagement by week, in order.
    pub weekly: Vec<WeekDifference>,
    /// Engagement by channel, in channel order; channels that no client has are left out.
    pub channels: Vec<ChannelDifference>,
    /// Engagement by client, in the scenario's order.
    pub clients: Vec<ClientDifference>,
    /// How many clients gain and lose.
    pub client_counts: ClientCounts,
}

/// How many clients a pack is better and worse for, by their engagement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ClientCounts {
    /// All that are planned for.
    pub clients: u32,
    /// With more engagement than under the base.
    pub better: u32,
    /// With less.
    pub worse: u32,
    /// Of the better, those whose interval lies wholly above 0.
    pub clearly_better: u32,
    /// Of the worse, those whose interval lies wholly below 0.
    pub clearly_worse: u32,
    /// With the same engagement in every replication.
    pub same: u32,
}

impl ClientCounts {
    /// Counts the clients of a pack.
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
            clearly_better: count(Difference::is_clearly_more),
            clearly_worse: count(Difference::is_clearly_less),
            same: count(|difference| difference.is_same),
        }
    }
}

/// The difference in a headline number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeasureDifference {
    /// Which.
    pub measure: Measure,
    /// What it came to.
    pub difference: Difference,
    /// Its p value after Holm's correction over the packs that are compared with the base.
    pub corrected_p: Option<f64>,
}

/// The difference in one week.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WeekDifference {
    /// Which.
    pub week: Week,
    /// In engagements.
    pub engagement: Difference,
}

/// The difference on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChannelDifference {
    /// Which.
    pub channel: Channel,
    /// Clients that have it.
    pub clients: u32,
    /// In engagements.
    pub engagement: Difference,
}

/// The difference for one client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientDifference {
    /// Which.
    pub client_id: ClientId,
    /// Shown in reports.
    pub name: String,
    /// In engagements.
    pub engagement: Difference,
}

impl Versus {
    /// The difference in a headline number.
    #[must_use]
    pub fn of(&self, measure: Measure) -> Option<&MeasureDifference> {
        self.headline.iter().find(|row| row.measure == measure)
    }
}

/// Simulates every pack on the same random numbers and sums the differences from the base. Hours of fatigue are
/// counted by the base's levels under every pack. With
/// `until` it ends, after a multiple of ten replications, as soon as the half-width of every pack's
/// interval of the difference in engagement is at most that share of the base's engagement; the
/// replications of `extent` are then the most that are made. The same inputs give the same result, bit
/// by bit, on any number of threads.
///
/// # Errors
/// Where no client is planned for, the scenarios are not alike, a rule fails, or the observer stops it.
pub fn compare(
    base: Contender<'_>,
    others: &[Contender<'_>],
    extent: Extent,
    until: Option<f64>,
    observer: &dyn Observer,
) -> Result<Comparison, CompareError> {
    let contenders: Vec<&Contender<'_>> = std::iter::once(&base).chain(others).collect();
    let runs: Vec<Run<'_>> = contenders
        .iter()
        .map(|contender| {
            let run = Run::new(contender.planner, contender.scenario, extent, observer);
            run.measured_by(base.planner.rules())
        })
        .collect();
    refuse_what_is_unlike(&contenders, &runs)?;
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
    let until = until.map(|half_width| Until { half_width, most_replications: extent.replications, is_reached });
    Ok(Comparison { packs: packs.collect(), until, versus: versus(others, &runs, &sums) })
}

fn refuse_what_is_unlike(contenders: &[&Contender<'_>], runs: &[Run<'_>]) -> Result<(), CompareError> {
    let ids = |run: &Run<'_>| run.clients.iter().map(|(client, _)| client.id.clone()).collect::<Vec<_>>();
    let mut both = contenders.iter().zip(runs);
    let Some((base, run)) = both.next() else { return Ok(()) };
    if run.clients.is_empty() {
        return Err(CompareError::NoClients(base.scenario.name.clone()));
    }
    match both.find(|(other, theirs)| base.scenario.start != other.scenario.start || ids(run) != ids(theirs)) {
        Some((other, _)) => Err(CompareError::Unlike(base.label.to_owned(), other.label.to_owned())),
        None => Ok(()),
    }
}

fn pack(contender: &Contender<'_>, run: &Run<'_>, replications: u32) -> Pack {
    Pack { label: contender.label.to_owned(), provenance: run.provenance(replications) }
}

fn versus(others: &[Contender<'_>], runs: &[Run<'_>], sums: &[Sums]) -> Vec<Versus> {
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

/// Corrects the p values of one headline number over all packs.
fn correct(rows: Vec<&mut MeasureDifference>) {
    let found: Option<Vec<f64>> = rows.iter().map(|row| row.difference.p).collect();
    for (row, p) in rows.into_iter().zip(holm(&found.unwrap_or_default())) {
        row.corrected_p = Some(p);
    }
}

/// Sums of one pack against the base.
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

    /// Whether the difference in engagement is known to that share of the base's.
    fn is_within(&self, share: f64) -> bool {
        let engagement =
            Measure::ALL.into_iter().zip(&self.headline).find(|(measure, _)| *measure == Measure::Engagement);
        let difference = engagement.map(|(_, pairs)| pairs.difference()).unwrap_or_default();
        difference.half_width().is_some_and(|half_width| half_width <= share * difference.base)
    }

    fn versus(&self, contender: &Contender<'_>, run: &Run<'_>) -> Versus {
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
