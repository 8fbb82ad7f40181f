//! The sums of a simulation.

use serde::{Deserialize, Serialize};

use super::week::Work;
use crate::model::{Channel, RiskBand};
use crate::rules::Rules;

/// The quantities summed per week, channel and client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Totals {
    pub engagement: f64,
    pub expected: f64,
    pub wanted: f64,
    pub target: f64,
    pub fewer_by_fatigue: f64,
    pub fewer_by_hook: f64,
    pub more_by_hook: f64,
    pub committed: f64,
    pub committed_in_target: f64,
    pub planned: f64,
    pub drafted: f64,
    pub blocked: f64,
    pub reviews: f64,
    pub rejected: f64,
    pub expired: f64,
    pub without_asset: f64,
    /// Channel-hours.
    pub hours: f64,
    pub hours_above_warn: f64,
    pub hours_above_block: f64,
    /// Sum of fatigue over channel-hours.
    pub fatigue_sum: f64,
    /// Sum of fatigue at posts, planned or committed before.
    pub fatigue_at_posts: f64,
    pub hours_of_work: f64,
    /// Cost of that work, and of the audience members who left, in the unit of worth.
    pub cost: f64,
    /// Worth of the engagements less the cost.
    pub net_worth: f64,
    /// Audience at the start, if the first week is included in the sum, less the members who left.
    pub audience: f64,
    pub risk: [f64; RiskBand::ALL.len()],
}

impl Totals {
    /// Adds the engagements, work and net worth of a post; `worth` is the worth of one engagement.
    pub fn add_worth(&mut self, engagement: f64, work: Work, worth: f64) {
        self.engagement += engagement;
        self.hours_of_work += work.hours;
        self.cost += work.cost;
        self.net_worth += engagement * worth - work.cost;
    }

    /// Subtracts the members of an audience who left, and what their loss costs.
    pub fn lose_audience(&mut self, people: f64, channel: Channel, worth_rules: &Rules) {
        let cost = people * worth_rules.channel(channel).person_worth;
        self.audience -= people;
        self.cost += cost;
        self.net_worth -= cost;
    }

    pub fn add(&mut self, other: &Totals) {
        let Totals { risk, .. } = other;
        for (sum, number) in self.numbers_mut().into_iter().zip(other.numbers()) {
            *sum += number;
        }
        for (sum, posts) in self.risk.iter_mut().zip(risk) {
            *sum += posts;
        }
    }

    fn numbers(&self) -> [f64; 25] {
        [
            self.engagement,
            self.expected,
            self.wanted,
            self.target,
            self.fewer_by_fatigue,
            self.fewer_by_hook,
            self.more_by_hook,
            self.committed,
            self.committed_in_target,
            self.planned,
            self.drafted,
            self.blocked,
            self.reviews,
            self.rejected,
            self.expired,
            self.without_asset,
            self.hours,
            self.hours_above_warn,
            self.hours_above_block,
            self.fatigue_sum,
            self.fatigue_at_posts,
            self.hours_of_work,
            self.cost,
            self.net_worth,
            self.audience,
        ]
    }

    fn numbers_mut(&mut self) -> [&mut f64; 25] {
        [
            &mut self.engagement,
            &mut self.expected,
            &mut self.wanted,
            &mut self.target,
            &mut self.fewer_by_fatigue,
            &mut self.fewer_by_hook,
            &mut self.more_by_hook,
            &mut self.committed,
            &mut self.committed_in_target,
            &mut self.planned,
            &mut self.drafted,
            &mut self.blocked,
            &mut self.reviews,
            &mut self.rejected,
            &mut self.expired,
            &mut self.without_asset,
            &mut self.hours,
            &mut self.hours_above_warn,
            &mut self.hours_above_block,
            &mut self.fatigue_sum,
            &mut self.fatigue_at_posts,
            &mut self.hours_of_work,
            &mut self.cost,
            &mut self.net_worth,
            &mut self.audience,
        ]
    }
}
