//! Choices of hours that differ in one post from a choice found so far.

#![expect(clippy::indexing_slicing, reason = "chosen hours lie in the channel's week")]

use std::collections::BTreeMap;

use super::columns::Column;
use super::problem::CoupledWeek;
use crate::planner::{Instance, Solution};

/// A choice of hours of a channel, from which others differ in one post.
pub(super) struct Base<'a> {
    pub channel: usize,
    pub chosen: &'a [usize],
    /// The price of a post of the channel at each hour.
    pub hour_prices: &'a [f64],
}

impl Base<'_> {
    /// The feasible choices with one post moved, added or left out: of those that use the rows equally, the one of
    /// greatest net value, if that is above `floor`. At most `max_count` of them, those of greatest net value first.
    pub fn one_post_away(&self, week: &CoupledWeek<'_>, floor: f64, max_count: usize) -> Vec<Solution> {
        let instance = week.channels()[self.channel];
        let mut best_by_use: BTreeMap<Vec<(usize, u64)>, (f64, Solution)> = BTreeMap::new();
        for chosen in self.changed(instance).into_iter().filter(|chosen| instance.is_feasible(chosen)) {
            let objective = instance.objective(&chosen);
            let net_value = objective - chosen.iter().map(|hour| self.hour_prices[*hour]).sum::<f64>();
            if net_value <= floor {
                continue;
            }
            let solution = Solution { chosen, objective, optimal: false };
            let column = Column::new(week, self.channel, solution.clone());
            let used = column.used.iter().map(|(row, count)| (*row, count.to_bits())).collect();
            let best = best_by_use.entry(used).or_insert_with(|| (f64::NEG_INFINITY, solution.clone()));
            if net_value > best.0 {
                *best = (net_value, solution);
            }
        }
        let mut best: Vec<(f64, Solution)> = best_by_use.into_values().collect();
        best.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        best.into_iter().take(max_count).map(|(_, solution)| solution).collect()
    }

    /// The choices with one post left out, added or moved.
    fn changed(&self, instance: &Instance) -> Vec<Vec<usize>> {
        let without = |post: &usize| self.chosen.iter().copied().filter(|hour| hour != post).collect::<Vec<usize>>();
        let left_out: Vec<Vec<usize>> = self.chosen.iter().map(without).collect();
        let with_one_more = left_out.iter().map(Vec::as_slice).chain([self.chosen]).flat_map(|posts| {
            let is_open = |hour: &usize| instance.allowed[*hour] && !self.chosen.contains(hour);
            (0..instance.value.len()).filter(is_open).map(move |hour| {
                let mut with_post = posts.to_vec();
                with_post.insert(posts.partition_point(|other| *other < hour), hour);
                with_post
            })
        });
        let with_one_more: Vec<Vec<usize>> = with_one_more.collect();
        left_out.into_iter().chain(with_one_more).collect()
    }
}
