//! One channel's week as an optimisation problem.
//!
//! ```text
//! hours      0 ─────────────────────────────────────────────── T-1
//! F(0)   = fatigue_start
//! F(t+1) = decay_per_hour * (F(t) + fatigue_per_post * x(t))      x(t) = 1 at hours with a post,
//!                                                                 chosen or committed
//! maximise   sum over chosen t of (value[t] * response(F(t)) - cost)  -  end_weight * F(T)
//! such that  at most `posts_max` hours are chosen, all of them allowed,
//!            chosen hours lie `spacing_hours` or more apart, from each other, from the committed
//!            ones and from the last post before the week,
//!            F(t) < block_at at every chosen hour
//! ```
//!
//! If the spacing is counted in days on the client's clock and the clocks change within the week, the number of hours
//! to keep varies. `next_after` then holds, for each hour, the first hour at which the next post is allowed, and
//! replaces `spacing_hours`. `allowed` then also excludes the hours too near existing posts, because the distance
//! depends on the minutes of those posts, which a table of hours does not hold.
//!
//! This file evaluates the formulas for a given choice in the simplest way, in one pass forward in time. Solvers report
//! the objective that it computes. The search for a choice is in `slots`.

use serde::Serialize;

use crate::model::{Channel, FatigueResponse};

/// One channel's week. The formulas at the head of the file define what its numbers mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Worth of a post of mean quality at each hour without fatigue: engagements times the channel's worth; finite, at
    /// least 0. At hours of the week's previous plan, it includes the keep bonus.
    pub value: Vec<f64>,
    /// By hour, whether a post may be chosen there; as long as `value`.
    pub allowed: Vec<bool>,
    /// Maximum number of posts.
    pub posts_max: usize,
    /// Minimum hours between two posts, at least 1.
    pub spacing_hours: usize,
    /// For each hour, the first hour at which the next post is allowed, if the spacing varies over the week; empty if
    /// it is `spacing_hours` everywhere. Non-decreasing, and each entry is greater than its own hour.
    pub next_after: Vec<usize>,
    /// Whole hours from the last post before the week to the week's first hour, counted as the spacing counts them and
    /// rounded down; `None` if there was none. A negative number means a post inside the week.
    pub hours_since_last_post: Option<i64>,
    /// Fatigue at hour 0, `0..=1`.
    pub fatigue_start: f64,
    /// Fatigue that one post adds, above 0.
    pub fatigue_per_post: f64,
    /// Factor on fatigue from hour to hour, above 0 and below 1.
    pub decay_per_hour: f64,
    /// How fatigue reduces what a post earns.
    pub response: FatigueResponse,
    /// Fatigue from which no post is allowed.
    pub block_at: f64,
    /// What each post costs, in the unit of `value`, at least 0.
    pub cost: f64,
    /// Price of a unit of fatigue at the end of the week, at least 0.
    pub end_weight: f64,
    /// Hours with committed posts. These add fatigue and keep other posts at a distance, but earn nothing here and do
    /// not count against `posts_max`. Ascending, without duplicates.
    pub committed: Vec<usize>,
}

impl Instance {
    /// Fatigue at every hour and at the end of the week (one more number than hours), before the post of that hour,
    /// with posts at the `chosen` and the committed hours. `chosen` must ascend.
    #[must_use]
    pub fn fatigue_at(&self, chosen: &[usize]) -> Vec<f64> {
        let mut fatigue_by_hour = Vec::with_capacity(self.value.len() + 1);
        let end = self.walk(chosen, |fatigue, _| fatigue_by_hour.push(fatigue));
        fatigue_by_hour.push(end);
        fatigue_by_hour
    }

    /// The objective of posts at the `chosen` hours, which must ascend. Does not check the constraints.
    #[must_use]
    pub fn objective(&self, chosen: &[usize]) -> f64 {
        let mut earned = 0.0;
        let end = self.walk(chosen, |fatigue, value| {
            if let Some(value) = value {
                earned += value * self.response.at(fatigue) - self.cost;
            }
        });
        earned - self.end_weight * end
    }

    /// Whether the choice satisfies every constraint: the hours ascend, are allowed, are few enough and are far enough
    /// from each other and from existing posts, and fatigue is below `block_at` at each.
    #[must_use]
    pub fn is_feasible(&self, chosen: &[usize]) -> bool {
        let allowed = |hour: &usize| self.allowed.get(*hour).copied().unwrap_or(false);
        let apart = |pair: &[usize]| matches!(pair, [first, second] if *second >= self.next_hour(*first));
        let mut below_block = true;
        self.walk(chosen, |fatigue, value| below_block &= value.is_none() || fatigue < self.block_at);
        below_block
            && chosen.len() <= self.posts_max
            && chosen.windows(2).all(apart)
            && chosen.iter().all(|hour| allowed(hour) && self.is_clear_of_existing(*hour))
    }

    /// The first hour at which the next post after one at `hour` is allowed. It may lie beyond the week.
    #[must_use]
    pub fn next_hour(&self, hour: usize) -> usize {
        let by_spacing = || hour.saturating_add(self.spacing_hours.max(1));
        self.next_after.get(hour).map_or_else(by_spacing, |next| (*next).max(hour + 1))
    }

    /// Minimum number of hours between a post and an existing one, at least 1. It is 1 if the spacing varies over the
    /// week: `allowed` then enforces the spacing, and only the hour of the existing post itself is taken.
    pub(super) fn spacing_from_existing(&self) -> usize {
        if self.next_after.is_empty() { self.spacing_hours.max(1) } else { 1 }
    }

    /// Closes hours to posts.
    pub(super) fn close(&mut self, hours: &[usize]) {
        for hour in hours {
            if let Some(allowed) = self.allowed.get_mut(*hour) {
                *allowed = false;
            }
        }
    }

    fn is_clear_of_existing(&self, hour: usize) -> bool {
        let spacing = self.spacing_from_existing();
        let since_last_post = self.hours_since_last_post.map(|since| since.saturating_add(hour as i64).unsigned_abs());
        since_last_post.is_none_or(|since| since >= spacing as u64)
            && self.committed.iter().all(|post| post.abs_diff(hour) >= spacing)
    }

    /// Walks the week, calling `visit` with the fatigue of each hour and, where a post is chosen, the hour's value.
    /// Returns the fatigue at the end of the week.
    fn walk(&self, chosen: &[usize], mut visit: impl FnMut(f64, Option<f64>)) -> f64 {
        let mut chosen = chosen.iter().peekable();
        let mut committed = self.committed.iter().peekable();
        let mut fatigue = self.fatigue_start;
        for (hour, value) in self.value.iter().enumerate() {
            let is_chosen = chosen.next_if_eq(&&hour).is_some();
            visit(fatigue, is_chosen.then_some(*value));
            let is_committed = committed.next_if_eq(&&hour).is_some();
            if is_chosen || is_committed {
                fatigue += self.fatigue_per_post;
            }
            fatigue *= self.decay_per_hour;
        }
        fatigue
    }

    /// The instance and its solution for external solvers, one JSON object per channel-week. The fields are those of
    /// the instance; `next_after` and `committed` are left out if empty, `cost` if it is 0. In format 1, `response` is
    /// the two lines of a linear response as pairs of intercept and slope. In format 2, it is an object with the
    /// `shape`, `saturating`, and the `strength`: the factor at fatigue F is (1 + F / fatigue_per_post)^-strength.
    /// Instances whose posts cost something are in format 3: `response` has either form, and `cost` is present.
    #[must_use]
    pub fn export<'a>(
        &'a self,
        client_id: &'a str,
        channel: Channel,
        week_start: String,
        solution: &'a Solution,
    ) -> impl Serialize + 'a {
        let response = ResponseExport::of(&self.response);
        let format = if self.cost > 0.0 { FORMAT_WITH_COST } else { response.format() };
        self.export_with(format, response, client_id, channel, week_start, solution)
    }

    /// The same within the export of a whole week: in format 1, where a saturating response has the kind `power` and is
    /// (1 + F / scale)^-exponent at fatigue F, and values are in units of worth.
    pub(super) fn export_within_week<'a>(
        &'a self,
        client_id: &'a str,
        channel: Channel,
        week_start: String,
        solution: &'a Solution,
    ) -> InstanceExport<'a> {
        let (response_kind, response) = match &self.response {
            FatigueResponse::Linear(linear) => (None, ResponseExport::Lines(linear.lines())),
            FatigueResponse::Saturating(saturating) => {
                let power = ResponseExport::Power { scale: self.fatigue_per_post, exponent: saturating.strength };
                (Some("power"), power)
            }
        };
        let export = self.export_with(1, response, client_id, channel, week_start, solution);
        InstanceExport { worth: Some(1.0), response_kind, ..export }
    }

    fn export_with<'a>(
        &'a self,
        format: u32,
        response: ResponseExport,
        client_id: &'a str,
        channel: Channel,
        week_start: String,
        solution: &'a Solution,
    ) -> InstanceExport<'a> {
        InstanceExport {
            format,
            worth: None,
            response_kind: None,
            client_id,
            channel,
            week_start,
            hours: self.value.len(),
            value: &self.value,
            allowed: &self.allowed,
            posts_max: self.posts_max,
            spacing_hours: self.spacing_hours,
            next_after: &self.next_after,
            hours_since_last_post: self.hours_since_last_post,
            fatigue_start: self.fatigue_start,
            fatigue_per_post: self.fatigue_per_post,
            decay_per_hour: self.decay_per_hour,
            response,
            block_at: self.block_at,
            cost: self.cost,
            end_weight: self.end_weight,
            committed: &self.committed,
            chosen: &solution.chosen,
            objective: solution.objective,
            optimal: solution.optimal,
        }
    }
}

/// Version of the export's format in which posts have a cost.
const FORMAT_WITH_COST: u32 = 3;

/// JSON form of an export.
#[derive(Serialize)]
pub(super) struct InstanceExport<'a> {
    format: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    worth: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_kind: Option<&'static str>,
    client_id: &'a str,
    channel: Channel,
    week_start: String,
    hours: usize,
    value: &'a [f64],
    allowed: &'a [bool],
    posts_max: usize,
    spacing_hours: usize,
    #[serde(skip_serializing_if = "<[usize]>::is_empty")]
    next_after: &'a [usize],
    hours_since_last_post: Option<i64>,
    fatigue_start: f64,
    fatigue_per_post: f64,
    decay_per_hour: f64,
    response: ResponseExport,
    block_at: f64,
    #[serde(skip_serializing_if = "is_zero")]
    cost: f64,
    end_weight: f64,
    #[serde(skip_serializing_if = "<[usize]>::is_empty")]
    committed: &'a [usize],
    chosen: &'a [usize],
    objective: f64,
    optimal: bool,
}

/// Leaves a number out of what is written. Exports of instances without costs, for example, are in format 1 or 2.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// JSON form of a response.
#[derive(Serialize)]
#[serde(untagged)]
enum ResponseExport {
    Lines([[f64; 2]; 2]),
    Shape { shape: &'static str, strength: f64 },
    Power { scale: f64, exponent: f64 },
}

impl ResponseExport {
    fn of(response: &FatigueResponse) -> Self {
        match response {
            FatigueResponse::Linear(linear) => Self::Lines(linear.lines()),
            FatigueResponse::Saturating(saturating) => {
                Self::Shape { shape: "saturating", strength: saturating.strength }
            }
        }
    }

    /// Version of the export's format in which a response has this form.
    const fn format(&self) -> u32 {
        match self {
            Self::Lines(_) | Self::Power { .. } => 1,
            Self::Shape { .. } => 2,
        }
    }
}

/// A solver's choice of hours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solution {
    /// The chosen hours, ascending.
    pub chosen: Vec<usize>,
    /// Objective of the choice.
    pub objective: f64,
    /// Whether no other choice is better by more than rounding.
    pub optimal: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LinearResponse, SaturatingResponse};

    fn week() -> Instance {
        Instance {
            value: vec![10.0, 20.0, 30.0, 40.0],
            allowed: vec![true, true, true, false],
            posts_max: 2,
            spacing_hours: 2,
            next_after: Vec::new(),
            hours_since_last_post: None,
            fatigue_start: 0.4,
            fatigue_per_post: 0.2,
            decay_per_hour: 0.5,
            response: FatigueResponse::Linear(LinearResponse { warn_at: 0.5, slope_below: 0.6, slope_above: 1.4 }),
            block_at: 0.8,
            cost: 0.0,
            end_weight: 8.0,
            committed: Vec::new(),
        }
    }

    #[test]
    fn fatigue_rises_with_each_post_and_halves_every_hour() {
        let assert_close = |found: Vec<f64>, expected: [f64; 5]| {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
            }
        };
        assert_close(week().fatigue_at(&[]), [0.4, 0.2, 0.1, 0.05, 0.025]);
        assert_close(week().fatigue_at(&[0, 2]), [0.4, 0.3, 0.15, 0.175, 0.0875]);
        let committed = Instance { committed: vec![1], ..week() };
        assert_close(committed.fatigue_at(&[]), [0.4, 0.2, 0.2, 0.1, 0.05]);
    }

    #[test]
    fn the_objective_is_what_the_posts_earn_less_the_price_of_fatigue_at_the_end() {
        let earned = 10.0 * (1.0 - 0.6 * 0.4) + 30.0 * (1.0 - 0.6 * 0.15);
        assert!((week().objective(&[0, 2]) - (earned - 8.0 * 0.0875)).abs() < 1e-12);
        assert!((week().objective(&[]) + 8.0 * 0.025).abs() < 1e-12);
        let costly = Instance { cost: 3.0, ..week() };
        assert!((week().objective(&[0, 2]) - costly.objective(&[0, 2]) - 6.0).abs() < 1e-12, "each post costs");
    }

    #[test]
    fn each_constraint_alone_makes_a_choice_infeasible() {
        assert!(week().is_feasible(&[0, 2]));
        assert!(week().is_feasible(&[]));
        assert!(!week().is_feasible(&[2, 0]), "hours ascend");
        assert!(!week().is_feasible(&[1, 3]), "hour 3 is not allowed");
        assert!(!week().is_feasible(&[7]), "hour 7 is outside the week");
        assert!(!week().is_feasible(&[1, 2]), "posts lie too near each other");
        assert!(!Instance { posts_max: 1, ..week() }.is_feasible(&[0, 2]), "too many posts");
        assert!(!Instance { hours_since_last_post: Some(1), ..week() }.is_feasible(&[0]), "too near the last post");
        assert!(!Instance { hours_since_last_post: Some(-1), ..week() }.is_feasible(&[2]), "too near the last post");
        assert!(!Instance { committed: vec![3], ..week() }.is_feasible(&[2]), "too near a committed post");
        assert!(!Instance { block_at: 0.4, ..week() }.is_feasible(&[0]), "fatigue equal to the block is blocked");
        assert!(!Instance { block_at: 0.15, ..week() }.is_feasible(&[1]), "fatigue above the block");
    }

    #[test]
    fn a_table_of_next_hours_replaces_the_spacing() {
        let week = Instance { next_after: vec![1, 3, 4, 4], allowed: vec![true; 4], posts_max: 4, ..week() };
        assert!(week.is_feasible(&[0, 1]) && week.is_feasible(&[0, 1, 3]) && week.is_feasible(&[1, 3]));
        assert!(!week.is_feasible(&[1, 2]) && !week.is_feasible(&[2, 3]));
        assert_eq!([0, 1, 2, 3].map(|hour| week.next_hour(hour)), [1, 3, 4, 4]);
        let with_existing = Instance { committed: vec![2], hours_since_last_post: Some(1), ..week };
        assert!(with_existing.is_feasible(&[0, 1]), "`allowed` keeps the distance from existing posts");
        assert!(!with_existing.is_feasible(&[2]), "an hour holds one post");
    }

    #[test]
    fn an_export_contains_what_an_external_solver_needs() {
        let solution = Solution { chosen: vec![0, 2], objective: 12.5, optimal: true };
        let export = |week: &Instance| {
            serde_json::to_string(&week.export("c1", Channel::X, "2026-11-23T00:00:00+11:00".to_owned(), &solution))
        };
        let expected =
            r#"{"format":1,"client_id":"c1","channel":"x","week_start":"2026-11-23T00:00:00+11:00","hours":4,"#
                .to_owned()
                + r#""value":[10.0,20.0,30.0,40.0],"allowed":[true,true,true,false],"posts_max":2,"spacing_hours":2,"#
                + r#""hours_since_last_post":null,"fatigue_start":0.4,"fatigue_per_post":0.2,"decay_per_hour":0.5,"#
                + r#""response":[[1.0,0.6],[1.4,1.4]],"block_at":0.8,"end_weight":8.0,"chosen":[0,2],"#
                + r#""objective":12.5,"optimal":true}"#;
        assert_eq!(export(&week()).unwrap(), expected);
        let committed = Instance { committed: vec![3], ..week() };
        assert!(export(&committed).unwrap().contains(r#""end_weight":8.0,"committed":[3],"chosen""#));
        let varying = Instance { next_after: vec![1, 3, 4, 4], ..week() };
        let written = r#""spacing_hours":2,"next_after":[1,3,4,4],"hours_since_last_post":null"#;
        assert!(export(&varying).unwrap().contains(written));
        let costly = export(&Instance { cost: 1.5, ..week() }).unwrap();
        assert!(costly.starts_with(r#"{"format":3,"#), "{costly}");
        assert!(costly.contains(r#""block_at":0.8,"cost":1.5,"end_weight":8.0"#), "{costly}");
        let saturating = SaturatingResponse { fatigue_per_post: 0.2, strength: 0.11 };
        let saturating = Instance { response: FatigueResponse::Saturating(saturating), ..week() };
        let written = export(&saturating).unwrap();
        assert!(written.starts_with(r#"{"format":2,"#), "{written}");
        assert!(written.contains(r#""response":{"shape":"saturating","strength":0.11},"block_at":0.8"#), "{written}");
    }
}
