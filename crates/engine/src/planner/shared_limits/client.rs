//! A client's week as a problem of its own, with prices or places of the rows that it shares.

#![expect(clippy::indexing_slicing, reason = "lists by row and by channel are as long as the problem's")]

use std::collections::BTreeSet;
use std::ops::Range;

use crate::model::Tier;
use crate::planner::coupling::{CoupledSolution, CoupledWeek, Row, Term, solve_coupled};
use crate::planner::{Instance, Solution, Solver};

/// Hours of a channel whose posts count in a shared row.
#[derive(Clone)]
pub(super) struct Counted {
    pub channel: usize,
    pub hours: Range<usize>,
    pub row: usize,
}

/// A client's week as a problem, with the rows of shared limits that take part.
#[derive(Clone)]
pub(super) struct ClientProblem<'a> {
    instances: &'a [Instance],
    /// Rows of the client's own limits.
    own: &'a [Row],
    counted: Vec<Counted>,
    /// The shared rows in which it counts, ascending.
    rows: Vec<usize>,
    /// Channel and hour of the posts if it is planned alone.
    posts: Vec<(usize, usize)>,
}

/// A week that a client could have.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    /// What it comes to, without prices.
    pub objective: f64,
    /// What it uses of the shared rows, ascending by row.
    pub used: Vec<(usize, f64)>,
    /// Place of the price list at which it was found.
    pub price_list: usize,
}

impl Offer {
    /// Whether it uses the same as another and comes to no more.
    pub fn is_no_better_than(&self, other: &Offer) -> bool {
        self.used == other.used && self.objective <= other.objective
    }

    /// What it comes to less the prices of what it uses.
    pub fn net_value(&self, prices: &[f64]) -> f64 {
        self.objective - self.used.iter().map(|(row, used)| prices[*row] * used).sum::<f64>()
    }
}

/// A client's best week at some prices.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// No week of the client comes to more, less the prices of what it uses.
    pub bound: f64,
    /// The week; `None` if none was found that keeps the client's own limits.
    pub offer: Option<Offer>,
    /// The prices of the client's own rows.
    pub own_prices: Vec<f64>,
}

impl<'a> ClientProblem<'a> {
    pub fn new(instances: &'a [Instance], own: &'a [Row], counted: Vec<Counted>, posts: Vec<(usize, usize)>) -> Self {
        let mut rows: Vec<usize> = counted.iter().map(|counted| counted.row).collect();
        rows.sort_unstable();
        rows.dedup();
        Self { instances, own, counted, rows, posts }
    }

    /// The shared rows in which it counts, ascending.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The weeks of its channels.
    pub fn instances(&self) -> &'a [Instance] {
        self.instances
    }

    /// The shared rows in which it counts, ascending, and the most that it could use of each.
    pub fn most_of_rows(&self) -> Vec<(usize, f64)> {
        let mut most: Vec<(usize, f64)> = self.rows.iter().map(|row| (*row, 0.0)).collect();
        for Counted { hours, row, .. } in &self.counted {
            if let Ok(place) = self.rows.binary_search(row) {
                most[place].1 += hours.len() as f64;
            }
        }
        most
    }

    /// What each post earns at most if the client is planned alone, with the row in which it counts.
    pub fn posts_alone(&self) -> impl Iterator<Item = (usize, f64)> {
        self.posts.iter().flat_map(|(channel, hour)| {
            let own = self.counted.iter().filter(|one| one.channel == *channel && one.hours.contains(hour));
            own.map(|one| (one.row, self.instances[*channel].value[*hour]))
        })
    }

    /// The rows of its own limits, with the indices of channels shifted by `first`.
    pub fn own_rows(&self, first: usize) -> impl Iterator<Item = Row> {
        let moved = move |term: &Term| Term { channel: first + term.channel, ..*term };
        self.own.iter().map(move |row| Row { terms: row.terms.iter().map(moved).collect(), ..*row })
    }

    /// A shared row that counts nothing yet.
    pub fn shared_row(left: f64) -> Row {
        Row { terms: Vec::new(), at_most: left, price: None }
    }

    /// Adds what it counts to the shared rows, with the indices of channels shifted by `first`.
    pub fn add_terms(&self, first: usize, rows: &mut [Row]) {
        for Counted { channel, hours, row } in &self.counted {
            let term = |hour| Term { channel: first + channel, hour, coefficient: 1.0 };
            rows[*row].terms.extend(hours.clone().map(term));
        }
    }

    /// The week if it is planned alone.
    pub fn offer_alone(&self) -> Offer {
        let chosen = |channel: usize| {
            let own = self.posts.iter().filter(|(other, _)| *other == channel).map(|(_, hour)| *hour);
            own.collect::<BTreeSet<usize>>().into_iter().collect::<Vec<usize>>()
        };
        let of_channel = |(channel, instance): (usize, &Instance)| {
            let chosen = chosen(channel);
            Solution { objective: instance.objective(&chosen), chosen, optimal: false }
        };
        let alone: Vec<Solution> = self.instances.iter().enumerate().map(of_channel).collect();
        let objective = alone.iter().map(|one| one.objective).sum();
        Offer { objective, used: self.used(&alone), price_list: 0 }
    }

    /// The best choice of each channel without prices.
    pub fn alone(&self, solver: &mut Solver, tier: Tier) -> Vec<Solution> {
        let none = |instance: &Instance| vec![0.0; instance.value.len()];
        self.instances.iter().map(|instance| at_prices(instance, &none(instance), solver, tier)).collect()
    }

    /// The best week with a price for each shared row. The search for prices of the client's own rows begins at those of
    /// an answer before.
    pub fn at_prices(&self, prices: &[f64], own_prices: &[f64], solver: &mut Solver, tier: Tier) -> Answer {
        let (of_hours, alone) = self.channels_at(prices, solver, tier);
        if self.keeps_own_rows(&alone) {
            let used = self.used(&alone);
            let offer = Offer { objective: alone.iter().map(|one| one.objective).sum(), used, price_list: 0 };
            return Answer { bound: offer.net_value(prices), offer: Some(offer), own_prices: own_prices.to_vec() };
        }
        let week = self.week(self.own.to_vec(), of_hours).starting_at(own_prices.to_vec());
        self.answer(solve_coupled(&week, alone, solver, tier), prices)
    }

    /// The price of every hour, and the channels' best choices at these.
    fn channels_at(&self, prices: &[f64], solver: &mut Solver, tier: Tier) -> (Vec<Vec<f64>>, Vec<Solution>) {
        let mut of_hours: Vec<Vec<f64>> = self.instances.iter().map(|one| vec![0.0; one.value.len()]).collect();
        for Counted { channel, hours, row } in self.counted.iter().filter(|counted| prices[counted.row] != 0.0) {
            of_hours[*channel][hours.clone()].iter_mut().for_each(|price| *price += prices[*row]);
        }
        let channels = self.instances.iter().zip(&of_hours);
        let alone = channels.map(|(instance, prices)| at_prices(instance, prices, solver, tier)).collect();
        (of_hours, alone)
    }

    fn week(&self, rows: Vec<Row>, of_hours: Vec<Vec<f64>>) -> CoupledWeek<'a> {
        CoupledWeek::new(self.instances.iter().collect(), rows).with_prices(of_hours)
    }

    fn answer(&self, solved: CoupledSolution, prices: &[f64]) -> Answer {
        let used = self.used(&solved.channels);
        let spent: f64 = used.iter().map(|(row, used)| prices[*row] * used).sum();
        Answer {
            bound: solved.bound.unwrap_or(solved.objective),
            offer: solved.kept.then_some(Offer { objective: solved.objective + spent, used, price_list: 0 }),
            own_prices: solved.prices,
        }
    }

    /// What choices of its channels use of the shared rows, ascending by row.
    pub fn used(&self, chosen: &[Solution]) -> Vec<(usize, f64)> {
        let mut used: Vec<(usize, f64)> = self.rows.iter().map(|row| (*row, 0.0)).collect();
        for Counted { channel, hours, row } in &self.counted {
            let count = chosen[*channel].chosen.iter().filter(|hour| hours.contains(hour)).count();
            if let (true, Ok(place)) = (count > 0, self.rows.binary_search(row)) {
                used[place].1 += count as f64;
            }
        }
        used.retain(|(_, used)| *used > 0.0);
        used
    }

    fn keeps_own_rows(&self, chosen: &[Solution]) -> bool {
        let mut is_chosen: Vec<Vec<bool>> = self.instances.iter().map(|one| vec![false; one.value.len()]).collect();
        for (hours, solution) in is_chosen.iter_mut().zip(chosen) {
            solution.chosen.iter().for_each(|hour| hours[*hour] = true);
        }
        self.own.iter().all(|row| {
            let counting = row.terms.iter().filter(|term| is_chosen[term.channel][term.hour]);
            row.excess(counting.map(|term| term.coefficient).sum()) <= 0.0
        })
    }
}

/// The best choice of a channel with a price for a post at each hour.
fn at_prices(instance: &Instance, prices: &[f64], solver: &mut Solver, tier: Tier) -> Solution {
    match tier {
        Tier::Exact => solver.solve_at(instance, prices),
        Tier::Fast => solver.solve_fast_at(instance, prices),
    }
}
