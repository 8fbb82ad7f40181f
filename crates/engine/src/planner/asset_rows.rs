//! Assigns assets to slots within rows that they share: at most so many hours of work, at least so many posts of a
//! campaign.
//!
//! Any prices of the rows turn the problem into one without rows, which `assets` solves. The prices are found by cutting
//! planes over the assignments seen, as `coupling` finds those of hours; from the assignments at these prices a local
//! search changes one slot after the other until the rows are kept and no change earns more. Rounds and steps are fixed.

#![expect(clippy::indexing_slicing, reason = "lists by slot and by row are as long as the problem's")]

use microlp::{ComparisonOp, OptimizationDirection, Problem};

use super::assets::{Assignment, AssignmentProblem, SlotChange};
use super::coupling::excess;

/// Most rounds of prices.
const ROUNDS: usize = 30;

/// Most changes of one local search.
const STEPS: usize = 500;

/// Price of a unit above a row without a price of its own, as a multiple of the greatest gain of a slot.
const HIGHEST_PRICE: f64 = 1e3;

/// What an asset at a slot counts in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AssetTerm {
    pub slot: usize,
    /// Index of the asset among the candidates of the slot's channel.
    pub candidate: usize,
    pub coefficient: f64,
}

/// A row: the assets counted by their coefficients are at most so much.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AssetRow {
    pub terms: Vec<AssetTerm>,
    pub at_most: f64,
    /// What each unit above that costs; `None` if there may be none.
    pub price: Option<f64>,
}

impl AssetRow {
    /// What an assignment uses of it.
    pub fn used(&self, assignment: &Assignment) -> f64 {
        self.assigned(assignment).map(|term| term.coefficient).fold(0.0, |sum, one| sum + one)
    }

    /// Whether an assignment keeps it.
    pub fn is_kept(&self, assignment: &Assignment) -> bool {
        excess(self.used(assignment), self.at_most) <= 0.0
    }

    /// Number of slots with an asset that stands in it.
    pub fn posts(&self, assignment: &Assignment) -> f64 {
        self.assigned(assignment).count() as f64
    }

    fn assigned<'r>(&'r self, assignment: &'r Assignment) -> impl Iterator<Item = &'r AssetTerm> {
        self.terms.iter().filter(|term| assignment.get(term.slot).copied().flatten() == Some(term.candidate))
    }

    /// Whether some choice of an asset for each slot, whatever the other rows say, exceeds it.
    pub fn may_be_exceeded(&self) -> bool {
        let mut most: Vec<f64> = Vec::new();
        for term in &self.terms {
            most.resize(most.len().max(term.slot + 1), 0.0);
            most[term.slot] = f64::max(most[term.slot], term.coefficient);
        }
        excess(most.iter().sum(), self.at_most) > 0.0
    }
}

/// An assignment within rows.
#[derive(Debug, Clone)]
pub(super) struct AssignedWithin {
    pub assignment: Assignment,
    /// The price of each row.
    pub prices: Vec<f64>,
    /// The rows without a price that are not kept, if none was found that keeps them all.
    pub broken: Vec<usize>,
}

/// The best assignment found that keeps the rows, given the best without them.
pub(super) fn assign_within(problem: &AssignmentProblem, alone: &Assignment, rows: &[AssetRow]) -> AssignedWithin {
    if rows.iter().all(|row| row.is_kept(alone)) {
        return AssignedWithin { assignment: alone.clone(), prices: vec![0.0; rows.len()], broken: Vec::new() };
    }
    let within = Within::new(problem, rows);
    let (prices, mut seen) = within.lowest_bound(alone.clone());
    seen.push(vec![None; problem.slots()]);
    let mut best: Option<(f64, Assignment)> = None;
    for start in seen {
        let (score, found) = within.climb(start);
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, found));
        }
    }
    let assignment = best.map_or_else(Vec::new, |(_, found)| found);
    let is_broken = |row: &AssetRow| row.price.is_none() && !row.is_kept(&assignment);
    let broken = rows.iter().enumerate().filter(|(_, row)| is_broken(row)).map(|(place, _)| place).collect();
    AssignedWithin { assignment, prices, broken }
}

/// The problem and its rows, by slot and candidate.
struct Within<'p> {
    problem: &'p AssignmentProblem,
    rows: &'p [AssetRow],
    /// By slot and candidate, the rows in which it counts, and what.
    counted_in: Vec<Vec<Vec<(usize, f64)>>>,
    highest_price: f64,
}

impl<'p> Within<'p> {
    fn new(problem: &'p AssignmentProblem, rows: &'p [AssetRow]) -> Self {
        let candidates = |slot: usize| vec![Vec::new(); problem.candidates(slot)];
        let mut counted_in: Vec<Vec<Vec<(usize, f64)>>> = (0..problem.slots()).map(candidates).collect();
        for (place, row) in rows.iter().enumerate() {
            for term in &row.terms {
                counted_in[term.slot][term.candidate].push((place, term.coefficient));
            }
        }
        Self { problem, rows, counted_in, highest_price: HIGHEST_PRICE * problem.greatest_gain() }
    }

    fn counts(&self, slot: usize, candidate: Option<usize>) -> &[(usize, f64)] {
        candidate.map_or(&[], |candidate| &self.counted_in[slot][candidate])
    }

    fn used(&self, assignment: &Assignment) -> Vec<f64> {
        let mut used = vec![0.0; self.rows.len()];
        for (slot, candidate) in assignment.iter().enumerate() {
            for (row, count) in self.counts(slot, *candidate) {
                used[*row] += count;
            }
        }
        used
    }

    /// The best assignment with a price for each row.
    fn best_at(&self, prices: &[f64]) -> Assignment {
        let price = |slot: usize, candidate: usize| {
            let counts = self.counts(slot, Some(candidate)).iter();
            counts.map(|(row, count)| prices[*row] * count).fold(0.0, |sum, one| sum + one)
        };
        self.problem.best_at(price)
    }

    /// Prices of least bound, and the assignments seen on the way, the last first.
    fn lowest_bound(&self, alone: Assignment) -> (Vec<f64>, Vec<Assignment>) {
        let mut seen = vec![alone];
        let mut best = (f64::INFINITY, vec![0.0; self.rows.len()]);
        for _ in 0..ROUNDS {
            let Some(prices) = self.prices_over(&seen) else { break };
            // Between the best prices so far and those of the programme: the programme's alone jump to and fro.
            let halfway = best.1.iter().zip(&prices).map(|(best, one)| 0.5 * (best + one)).collect();
            let tried = if best.0.is_finite() { halfway } else { prices };
            let assignment = self.best_at(&tried);
            let bound = self.bound(&assignment, &tried);
            let is_known = seen.contains(&assignment);
            let is_better = bound < best.0 - 1e-9 * bound.abs();
            if is_better {
                best = (bound, tried);
            }
            if is_known && !is_better {
                break;
            }
            if !is_known {
                seen.push(assignment);
            }
        }
        seen.reverse();
        seen.truncate(6);
        (best.1, seen)
    }

    fn bound(&self, assignment: &Assignment, prices: &[f64]) -> f64 {
        let used = self.used(assignment);
        let rows = self.rows.iter().zip(used).zip(prices);
        self.problem.value(assignment) + rows.map(|((row, used), price)| price * (row.at_most - used)).sum::<f64>()
    }

    /// The prices that make the bound over some assignments least.
    fn prices_over(&self, seen: &[Assignment]) -> Option<Vec<f64>> {
        let scale = self.problem.greatest_gain();
        let mut programme = Problem::new(OptimizationDirection::Minimize);
        let most = programme.add_var(1.0, (f64::NEG_INFINITY, f64::INFINITY));
        let row = |row: &AssetRow| (row.at_most, (0.0, row.price.unwrap_or(self.highest_price) / scale));
        let prices: Vec<_> = self.rows.iter().map(row).map(|(cost, range)| programme.add_var(cost, range)).collect();
        for assignment in seen {
            let mut plane = vec![(most, 1.0)];
            plane.extend(prices.iter().copied().zip(self.used(assignment)).filter(|(_, used)| *used != 0.0));
            programme.add_constraint(plane, ComparisonOp::Ge, self.problem.value(assignment) / scale);
        }
        let solution = programme.solve().ok()?.into_solution().ok()?;
        Some(prices.iter().map(|price| solution.var_value(*price).max(0.0) * scale).collect())
    }

    /// Changes one slot after the other, each time by the change that earns most, until none earns more.
    fn climb(&self, mut assignment: Assignment) -> (f64, Assignment) {
        let mut used = self.used(&assignment);
        for _ in 0..STEPS {
            let mut best: Option<(f64, Vec<SlotChange>)> = None;
            for slot in 0..self.problem.slots() {
                let options = (0..self.problem.candidates(slot)).map(Some).chain([None]);
                for candidate in options.filter(|candidate| *candidate != assignment[slot]) {
                    let Some(changes) = self.problem.changes(&assignment, slot, candidate) else { continue };
                    let gain = self.gain(&assignment, &changes, &mut used);
                    if gain > 1e-9 * self.problem.greatest_gain() && best.as_ref().is_none_or(|(most, _)| gain > *most)
                    {
                        best = Some((gain, changes));
                    }
                }
            }
            let Some((_, changes)) = best else { break };
            for (slot, candidate) in changes {
                self.count(slot, assignment[slot], -1.0, &mut used);
                self.count(slot, candidate, 1.0, &mut used);
                assignment[slot] = candidate;
            }
        }
        (self.problem.value(&assignment) - self.penalty_of((0..self.rows.len()).collect(), &used), assignment)
    }

    fn count(&self, slot: usize, candidate: Option<usize>, sign: f64, used: &mut [f64]) {
        for (row, count) in self.counts(slot, candidate) {
            used[*row] += sign * count;
        }
    }

    /// What some changes of an assignment earn more. Leaves `used` as it is.
    fn gain(&self, assignment: &Assignment, changes: &[SlotChange], used: &mut [f64]) -> f64 {
        let mut rows: Vec<usize> = Vec::new();
        let mut gain = 0.0;
        for (slot, candidate) in changes {
            let before = assignment[*slot];
            gain += self.problem.value_of(*slot, *candidate) - self.problem.value_of(*slot, before);
            rows.extend(self.counts(*slot, before).iter().chain(self.counts(*slot, *candidate)).map(|(row, _)| *row));
        }
        rows.sort_unstable();
        rows.dedup();
        gain += self.penalty_of(rows.clone(), used);
        let apply = |sign: f64, used: &mut [f64]| {
            for (slot, candidate) in changes {
                self.count(*slot, assignment[*slot], -sign, used);
                self.count(*slot, *candidate, sign, used);
            }
        };
        apply(1.0, used);
        gain -= self.penalty_of(rows, used);
        apply(-1.0, used);
        gain
    }

    fn penalty_of(&self, rows: Vec<usize>, used: &[f64]) -> f64 {
        let penalty = |place: usize| {
            let row = &self.rows[place];
            excess(used[place], row.at_most) * row.price.unwrap_or(self.highest_price)
        };
        rows.into_iter().map(penalty).fold(0.0, |sum, one| sum + one)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::planner::assets::tests::small_problem;

    /// Rows of every kind over an odd choice of slots and candidates.
    fn rows(problem: &AssignmentProblem, random: &mut ChaCha8Rng) -> Vec<AssetRow> {
        let count = random.random_range(1..=4);
        let row = |random: &mut ChaCha8Rng| {
            let kind = random.random_range(0..4);
            let share = [0.25, 0.5, 0.7][random.random_range(0..3)];
            let mut terms = Vec::new();
            for slot in 0..problem.slots() {
                for candidate in 0..problem.candidates(slot) {
                    let counted = [0.0, 1.0, 1.0, 3.0][random.random_range(0..4)];
                    let is_in = f64::from(u8::from(counted > 0.0));
                    let coefficient = [counted, -is_in, is_in - share, share - is_in][kind];
                    if coefficient != 0.0 {
                        terms.push(AssetTerm { slot, candidate, coefficient });
                    }
                }
            }
            let posts = f64::from(random.random_range(0..4_u8));
            let at_most = [posts, -posts.min(2.0), 0.0, 0.0][kind];
            AssetRow { terms, at_most, price: random.random_bool(0.3).then(|| random.random_range(0.1..4.0)) }
        };
        (0..count).map(|_| row(random)).collect()
    }

    /// What the best of all assignments that keep the rows comes to; `None` if there is none.
    fn best_of_all(
        problem: &AssignmentProblem,
        rows: &[AssetRow],
        so_far: &mut Assignment,
        slot: usize,
    ) -> Option<f64> {
        if slot == problem.slots() {
            return score(problem, rows, so_far);
        }
        let mut best = best_of_all(problem, rows, so_far, slot + 1);
        for candidate in 0..problem.candidates(slot) {
            if problem.changes(so_far, slot, Some(candidate)).is_some_and(|changes| changes.len() == 1) {
                so_far[slot] = Some(candidate);
                let found = best_of_all(problem, rows, so_far, slot + 1);
                best = best.into_iter().chain(found).reduce(f64::max);
                so_far[slot] = None;
            }
        }
        best
    }

    /// Value less what is given up for rows with a price; `None` if another row is not kept.
    fn score(problem: &AssignmentProblem, rows: &[AssetRow], assignment: &Assignment) -> Option<f64> {
        let over = |row: &AssetRow| excess(row.used(assignment), row.at_most);
        if rows.iter().any(|row| row.price.is_none() && over(row) > 0.0) {
            return None;
        }
        let given_up: f64 = rows.iter().map(|row| row.price.unwrap_or(0.0) * over(row)).sum();
        Some(problem.value(assignment) - given_up)
    }

    #[test]
    fn an_assignment_keeps_its_rows_wherever_they_can_be_kept_and_is_close_to_the_best() {
        let (mut possible, mut missed, mut not_found, mut impossible) = (0, 0, 0, 0);
        for seed in 0..600 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let problem = small_problem(&mut random).with_least_bonus();
            let rows = rows(&problem, &mut random);
            let best = best_of_all(&problem, &rows, &mut vec![None; problem.slots()], 0);
            let alone = problem.best();
            let found = assign_within(&problem, &alone, &rows);
            assert!(found.prices.iter().all(|price| *price >= 0.0), "seed {seed}");
            let Some(best) = best else {
                impossible += 1;
                assert!(!found.broken.is_empty(), "seed {seed}");
                continue;
            };
            possible += 1;
            let Some(score) = score(&problem, &rows, &found.assignment) else {
                assert!(!found.broken.is_empty(), "seed {seed}");
                not_found += 1;
                continue;
            };
            assert!(score <= best + 1e-6 * best.abs().max(1.0), "seed {seed}: {score} is above {best}");
            missed += usize::from(score < best - 1e-3 * best.abs().max(1.0));
        }
        assert!(impossible > 10, "{impossible}");
        assert!(not_found * 200 <= possible, "nothing found in {not_found} of {possible}");
        assert!(missed * 20 <= possible, "{missed} of {possible} are not the best");
    }
}
