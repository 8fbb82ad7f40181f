//! Simulates the points of a sweep.

use serde::{Deserialize, Serialize};

use crate::agents::scaling;
use crate::diagnostic::Diagnostic;
use crate::model::{Scenario, Tier};
use crate::planner::Planner;
use crate::rules::CompiledRules;
use crate::simulator::extent::Extent;
use crate::simulator::measure::Measure;
use crate::simulator::replicate::{self, Observer, Run, SimulateError, replicate};
use crate::simulator::replication::Replication;

/// The result of one point of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointOutcome {
    /// 1-based number of the point; 0 is the unmodified pack.
    pub point: u32,
    /// Hash of its pack.
    pub rules_hash: String,
    /// One row per replication: the headline measures in the order of [`Measure::ALL`].
    pub rows: Vec<[f64; Measure::ALL.len()]>,
}

/// The packs of a sweep's points, and the scenario as read with the default policy of each.
pub trait Packs: Sync {
    /// The compiled pack of a point.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn rules(&self, point: u32) -> Result<CompiledRules, Vec<Diagnostic>>;

    /// The unmodified pack. At every point, hours of high fatigue are counted by its `warn_at` and `block_at`; net
    /// worth is computed by the point's own worths and costs.
    fn base_rules(&self) -> &CompiledRules;

    /// The scenario of a point; clients and weeks are the same for all.
    fn scenario(&self, point: u32) -> &Scenario;
}

/// Observes a sweep and receives the outcome of each point as soon as it is known.
pub trait SweepObserver: Observer {
    /// Called when a point is done, in no particular order.
    fn point_done(&self, outcome: &PointOutcome);
}

/// Why a sweep failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// No client is planned for.
    #[error("the scenario `{0}` has no client that is planned for, so there is nothing to sweep over")]
    NoClients(String),
    /// The pack of a point is invalid.
    #[error("the pack of point {point} is not valid")]
    Invalid {
        /// The point.
        point: u32,
        /// What is wrong with its pack.
        mistakes: Vec<Diagnostic>,
    },
    /// The simulation of a point failed.
    #[error("point {point}: {cause}")]
    Failed {
        /// The point.
        point: u32,
        /// The cause.
        cause: SimulateError,
    },
    /// The observer stopped it.
    #[error("stopped before the end")]
    Stopped,
}

/// Simulates points with common random numbers: all with the same seed. A point's outcome is bit-identical whichever
/// others are simulated with it and on any number of threads.
///
/// # Errors
/// If no client is planned for, the pack of a point is invalid, a rule fails, or the observer stops the sweep.
/// Outcomes already passed to the observer are valid nevertheless.
pub fn outcomes(
    packs: &dyn Packs,
    points: &[u32],
    tier: Tier,
    extent: Extent,
    observer: &dyn SweepObserver,
) -> Result<Vec<PointOutcome>, SweepError> {
    let mut done = Vec::with_capacity(points.len());
    // One point per thread at a time: a thread that has finished its point helps with replications and clients of the
    // others, and only packs being simulated are in memory.
    for batch in points.chunks(replicate::threads()) {
        let batch_outcomes = par_map(batch, |point| {
            let outcome = outcome(packs, *point, tier, extent, observer)?;
            observer.point_done(&outcome);
            Ok(outcome)
        });
        for outcome in batch_outcomes {
            done.push(outcome?);
        }
    }
    Ok(done)
}

/// Runs jobs in parallel and returns their results in order.
pub fn par_map<J: Sync, T: Send>(jobs: &[J], work: impl Fn(&J) -> T + Sync + Send) -> Vec<T> {
    replicate::par_map(jobs, work)
}

fn outcome(
    packs: &dyn Packs,
    point: u32,
    tier: Tier,
    extent: Extent,
    observer: &dyn SweepObserver,
) -> Result<PointOutcome, SweepError> {
    if observer.should_stop() {
        return Err(SweepError::Stopped);
    }
    let rules = packs.rules(point).map_err(|mistakes| SweepError::Invalid { point, mistakes })?;
    let scenario = packs.scenario(point);
    ensure_planned_clients(scenario)?;
    let planner = Planner::new(&rules, tier, None);
    let run = Run::new(&planner, scenario, extent, observer).with_fatigue_levels_of(packs.base_rules());
    let row = |replication: Replication| {
        let totals = replication.totals();
        Measure::ALL.map(|measure| measure.value_in(&totals.total))
    };
    let rows = replicate(&[&run], 0..extent.replications, row);
    let rows = rows.map_err(|cause| match cause {
        SimulateError::Stopped => SweepError::Stopped,
        cause => SweepError::Failed { point, cause },
    })?;
    Ok(PointOutcome { point, rules_hash: rules.hash().to_owned(), rows: rows.into_iter().flatten().collect() })
}

/// Checks that at least one client of the scenario is planned for.
///
/// # Errors
/// Returns [`SweepError::NoClients`] if there is none.
pub fn ensure_planned_clients(scenario: &Scenario) -> Result<(), SweepError> {
    match scaling::planned_clients(scenario).next() {
        Some(_) => Ok(()),
        None => Err(SweepError::NoClients(scenario.name.clone())),
    }
}
