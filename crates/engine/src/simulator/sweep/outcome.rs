//! The points of a sweep at work.

use serde::{Deserialize, Serialize};

use crate::agents::scaling;
use crate::model::{Scenario, Tier};
use crate::planner::Planner;
use crate::rules::{CompiledRules, Diagnostic};
use crate::simulator::measure::Measure;
use crate::simulator::replicate::{self, Extent, Observer, Run, SimulateError, replicate};
use crate::simulator::tally::Replication;

/// What one point of a sweep came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which point, from 1; 0 is the pack as it stands.
    pub point: u32,
    /// Hash of its pack.
    pub rules_hash: String,
    /// A row a replication: the headline numbers in the order of [`Measure::ALL`].
    pub rows: Vec<[f64; Measure::ALL.len()]>,
}

/// The packs of a sweep's points, and the scenario under the default policy of each.
pub trait Packs: Sync {
    /// The pack of a point, ready to be asked.
    ///
    /// # Errors
    /// What is wrong with it.
    fn rules(&self, point: u32) -> Result<CompiledRules, Vec<Diagnostic>>;

    /// The pack that the points change. The hours of all points are measured by its fatigue levels.
    fn as_it_stands(&self) -> &CompiledRules;

    /// The scenario of a point; the same clients in the same weeks for all.
    fn scenario(&self, point: u32) -> &Scenario;
}

/// Watches a sweep, and is handed each point as soon as it is done.
pub trait SweepObserver: Observer {
    /// A point is done. Points come in no order.
    fn point_done(&self, outcome: &Outcome);
}

/// Why a sweep ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// There is nobody to plan for.
    #[error("the scenario `{0}` has no client that is planned for, so there is nothing to sweep over")]
    NoClients(String),
    /// The pack of a point is not valid.
    #[error("the pack of point {point} is not valid")]
    Invalid {
        /// Which point.
        point: u32,
        /// What is wrong with it.
        mistakes: Vec<Diagnostic>,
    },
    /// A point could not be simulated.
    #[error("point {point}: {cause}")]
    Failed {
        /// Which point.
        point: u32,
        /// Why.
        cause: SimulateError,
    },
    /// The observer wanted it to stop.
    #[error("stopped before the end")]
    Stopped,
}

/// Simulates points, each with the same seed and so on the same luck. A point's outcome is the same, bit
/// by bit, whichever others are simulated with it and on any number of threads.
///
/// # Errors
/// Where no client is planned for, the pack of a point is not valid, a rule fails in one, or the observer
/// stops the sweep. What was handed to the observer before is right all the same.
pub fn outcomes(
    packs: &dyn Packs,
    points: &[u32],
    tier: Tier,
    extent: Extent,
    observer: &dyn SweepObserver,
) -> Result<Vec<Outcome>, SweepError> {
    let mut done = Vec::with_capacity(points.len());
    // As many at a time as there are threads: a thread that is through with its own point helps with the
    // replications and clients of the others, and no more packs are in memory than are worked on.
    for batch in points.chunks(replicate::threads()) {
        let found = side_by_side(batch, |point| {
            let outcome = outcome(packs, *point, tier, extent, observer)?;
            observer.point_done(&outcome);
            Ok(outcome)
        });
        for outcome in found {
            done.push(outcome?);
        }
    }
    Ok(done)
}

/// Does the work of every job, side by side on all threads, and gives what comes of it in their order.
pub fn side_by_side<J: Sync, T: Send>(jobs: &[J], work: impl Fn(&J) -> T + Sync + Send) -> Vec<T> {
    replicate::side_by_side(jobs, work)
}

fn outcome(
    packs: &dyn Packs,
    point: u32,
    tier: Tier,
    extent: Extent,
    observer: &dyn SweepObserver,
) -> Result<Outcome, SweepError> {
    if observer.should_stop() {
        return Err(SweepError::Stopped);
    }
    let rules = packs.rules(point).map_err(|mistakes| SweepError::Invalid { point, mistakes })?;
    let scenario = packs.scenario(point);
    refuse_nobody(scenario)?;
    let planner = Planner::new(&rules, tier, None);
    let run = Run::new(&planner, scenario, extent, observer).measured_by(packs.as_it_stands());
    let row = |replication: Replication| {
        let totals = replication.totals();
        Measure::ALL.map(|measure| measure.of(&totals.total))
    };
    let rows = replicate(std::slice::from_ref(&run), 0..extent.replications, row);
    let rows = rows.map_err(|cause| match cause {
        SimulateError::Stopped => SweepError::Stopped,
        cause => SweepError::Failed { point, cause },
    })?;
    Ok(Outcome { point, rules_hash: rules.hash().to_owned(), rows: rows.into_iter().flatten().collect() })
}

/// Refuses a scenario in which nobody is planned for.
///
/// # Errors
/// Where that is so.
pub fn refuse_nobody(scenario: &Scenario) -> Result<(), SweepError> {
    match scaling::planned(scenario).next() {
        Some(_) => Ok(()),
        None => Err(SweepError::NoClients(scenario.name.clone())),
    }
}
