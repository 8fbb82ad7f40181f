//! Upper bounds on the response that are made of straight lines, as value functions need them.
//!
//! A linear response is its own bound. A saturating one is convex, so every chord lies above it. One table for all
//! hours holds the response at evenly spaced values of fatigue. From these, two chords are drawn over each range of
//! fatigue that is possible at an hour after a number of posts.

#![expect(clippy::indexing_slicing, reason = "a position in the table is clamped to its length")]

use super::curve::{Gain, Line, lesser};
use super::horizon::Horizon;
use crate::model::FatigueResponse;
use crate::planner::Instance;

/// Number of chords in the table.
const CHORDS: usize = 64;

/// Upper bound on an instance's response, for fatigue below the block.
#[derive(Debug, Default)]
pub(super) struct ResponseBound {
    /// The response for which `heights` was filled, and the instance's `block_at`.
    prepared_for: Option<(FatigueResponse, f64)>,
    /// The response at the ends of all chords, in order of fatigue; empty for a linear response.
    heights: Vec<f64>,
    /// Chords per unit of fatigue.
    chords_per_unit: f64,
}

impl ResponseBound {
    /// Fills the table for an instance; a solver's next instance often has the same response.
    pub fn prepare(&mut self, instance: &Instance) {
        let prepared_for = Some((instance.response, instance.block_at));
        if self.prepared_for == prepared_for {
            return;
        }
        self.prepared_for = prepared_for;
        self.heights.clear();
        if let FatigueResponse::Saturating(_) = instance.response {
            // Without a positive `block_at` every post is blocked, so any table serves.
            let end = if instance.block_at > 0.0 { lesser(instance.block_at, f64::MAX / CHORDS as f64) } else { 1.0 };
            self.chords_per_unit = CHORDS as f64 / end;
            let fatigue = |chord: usize| end * chord as f64 / CHORDS as f64;
            self.heights.extend((0..=CHORDS).map(|chord| instance.response.at(fatigue(chord))));
        }
    }

    /// Upper bound on the response at a fatigue of at least 0.
    #[inline]
    pub fn at(&self, response: &FatigueResponse, fatigue: f64) -> f64 {
        match response {
            FatigueResponse::Linear(_) => response.at(fatigue),
            FatigueResponse::Saturating(_) => self.height(fatigue),
        }
    }

    /// Lower bound on how much the response's upper bound falls per unit of fatigue, if at most `width`, which is above
    /// 0, is added to `fatigue`.
    pub fn min_slope(&self, response: &FatigueResponse, fatigue: f64, width: f64) -> f64 {
        match response {
            FatigueResponse::Linear(_) => response.slope_at(fatigue),
            FatigueResponse::Saturating(_) => (self.height(fatigue) - self.height(fatigue + width)) / width,
        }
    }

    /// Height, at a fatigue, of the chord between the two nearest table values.
    #[inline]
    fn height(&self, fatigue: f64) -> f64 {
        let position = fatigue * self.chords_per_unit;
        let chord = (position as usize).min(CHORDS - 1);
        let (left, right) = (self.heights[chord], self.heights[chord + 1]);
        left - (left - right) * lesser(position - chord as f64, 1.0)
    }

    /// The bounds on what a post at an hour earns.
    #[inline]
    pub fn at_hour<'a>(&'a self, instance: &'a Instance, horizon: &'a Horizon, hour: usize) -> HourBound<'a> {
        let (value, fixed) = (instance.value[hour], horizon.fixed_gain_at(hour));
        let (baseline, headroom) = (horizon.baseline[hour], horizon.headroom(hour));
        match &instance.response {
            FatigueResponse::Linear(response) => {
                let [below_kink, above_kink] = response.lines().map(|[intercept, slope]| Line {
                    intercept: value * (intercept - slope * baseline) + fixed,
                    slope: value * slope,
                });
                let kink = response.warn_at - baseline;
                HourBound::Lines(Gain { below_kink, above_kink, upper: below_kink, kink, from: 0.0, headroom })
            }
            FatigueResponse::Saturating(response) => HourBound::Chords {
                bound: self,
                value,
                fixed,
                baseline,
                headroom,
                offset: baseline + response.fatigue_per_post,
            },
        }
    }
}

/// Upper bounds on what a post at an hour earns.
pub(super) enum HourBound<'a> {
    /// The gain of a linear response, for any fatigue from chosen posts.
    Lines(Gain),
    /// The numbers from which the chords of a saturating response are drawn.
    Chords {
        /// The table.
        bound: &'a ResponseBound,
        /// Value of the hour.
        value: f64,
        /// The part of a post's gain at the hour that does not depend on fatigue.
        fixed: f64,
        /// Fatigue at the hour without chosen posts.
        baseline: f64,
        /// Fatigue from chosen posts that blocks the hour.
        headroom: f64,
        /// `baseline` plus the fatigue of one post: the response is a power of `offset` + fatigue from chosen posts.
        offset: f64,
    },
}

impl HourBound<'_> {
    /// The bound for fatigue from chosen posts between the given ends of a range.
    #[inline]
    pub fn over(&self, min_fatigue: f64, max_fatigue: f64) -> Gain {
        match *self {
            Self::Lines(gain) => gain,
            Self::Chords { bound, value, fixed, baseline, headroom, offset } => {
                let (start, end) = (min_fatigue, lesser(max_fatigue, headroom));
                // Where the logarithm of the response is halfway: both chords then lie about equally near the response.
                let kink = ((offset + start) * (offset + end)).max(0.0).sqrt() - offset;
                let earned = |fatigue: f64| value * bound.height(baseline + fatigue) + fixed;
                let (first, middle, last) = (earned(start), earned(kink), earned(end));
                let below_kink = chord((start, first), (kink, middle));
                let above_kink = chord((kink, middle), (end, last));
                Gain { below_kink, above_kink, upper: above_kink, kink, from: start, headroom }
            }
        }
    }
}

/// The line through two points, the second of which is not left of the first; horizontal if they coincide.
#[inline]
fn chord((from, first): (f64, f64), (to, last): (f64, f64)) -> Line {
    let slope = if to > from { (first - last) / (to - from) } else { 0.0 };
    Line { intercept: first + slope * from, slope }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::slots::tests::channel_weeks;

    #[test]
    fn chords_are_nowhere_below_a_saturating_response_and_lie_close_to_it() {
        let (mut bound, mut horizon) = (ResponseBound::default(), Horizon::default());
        for mut instance in channel_weeks(2) {
            instance.response = crate::planner::slots::tests::saturating(&instance, 0.3);
            bound.prepare(&instance);
            horizon.prepare(&instance, 0.0, &[], None);
            for hour in (0..160).step_by(9) {
                let (start, end) = (0.02, 0.3);
                let gain = bound.at_hour(&instance, &horizon, hour).over(start, end);
                let mut fatigue = start;
                while fatigue < lesser(end, gain.headroom) {
                    let line = if fatigue < gain.kink { gain.below_kink } else { gain.above_kink };
                    let earned = instance.value[hour] * instance.response.at(horizon.baseline[hour] + fatigue);
                    let excess = line.at(fatigue) / earned - 1.0;
                    assert!((-1e-12..0.02).contains(&excess), "hour {hour} at {fatigue}: {excess}");
                    fatigue += 0.005;
                }
            }
        }
    }
}
