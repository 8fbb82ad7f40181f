//! The specification of a sweep.

use serde::Serialize;

use super::design::Design;
use crate::diagnostic::Diagnostic;
use crate::model::{Scenario, Tier};
use crate::rules::{CompiledRules, Level, SweepParameter};
use crate::simulator::extent::Extent;
use crate::simulator::measure::{Direction, Measure};

/// The specification of a sweep: everything that determines its numbers.
#[derive(Clone, Copy)]
pub struct SweepSpec<'a> {
    /// The unmodified pack.
    pub rules: &'a CompiledRules,
    /// The scenario, read with the pack's default policy.
    pub scenario: &'a Scenario,
    /// How channel-weeks are solved.
    pub tier: Tier,
    /// The extent of each point's simulation.
    pub extent: Extent,
    /// The keys and their values.
    pub parameters: &'a [SweepParameter],
    /// How points were chosen.
    pub design: Design,
    /// For each point, a level of every parameter. Points are numbered from 1, those that are left out included.
    pub points: &'a [Vec<Level>],
    /// Those of the points whose pack is invalid.
    pub left_out: &'a [LeftOut],
    /// The two measures that are traded off.
    pub goals: [Goal; 2],
}

/// A headline measure and its desired direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Goal {
    /// The measure.
    pub measure: Measure,
    /// The desired direction.
    pub direction: Direction,
}

/// A point whose pack is invalid, and which was not simulated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOut {
    /// The point's number.
    pub point: u32,
    /// What is wrong with its pack.
    pub mistakes: Vec<Diagnostic>,
}
