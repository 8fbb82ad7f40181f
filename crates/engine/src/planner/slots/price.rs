//! Shadow price of fatigue: what a unit of fatigue costs a plan, by hour and at the end of the week.
//!
//! By the envelope theorem, the price of fatigue at the start is the sum, over the chosen posts, of `value · slope of
//! the response · decay since the start`, plus the price at the end · the decay over the whole week. No finite
//! differences are needed.

#![expect(clippy::indexing_slicing, reason = "tables have one entry an hour and chosen hours lie in the week")]

use super::horizon::Horizon;
use super::response_bound::ResponseBound;
use crate::model::FatigueResponse;
use crate::planner::Instance;

/// Fills `costs`, for each hour, with a lower bound on the cost of a unit of fatigue just before the hour's post: what
/// the posts from that hour on lose, plus the price at the end of the week. The last entry is the price at the end
/// alone. The bounds hold as long as no more fatigue is added than what remains of the fatigue of one post an hour
/// later.
pub(super) fn fill_fatigue_costs(
    instance: &Instance,
    bound: &ResponseBound,
    horizon: &Horizon,
    chosen: &[usize],
    fatigue: &[f64],
    costs: &mut Vec<f64>,
) {
    costs.clear();
    costs.resize(horizon.hours + 1, horizon.end_weight);
    let mut cost = horizon.end_weight;
    let added = instance.fatigue_per_post * instance.decay_per_hour;
    let mut posts = chosen.iter().rev().peekable();
    for hour in (0..horizon.hours).rev() {
        cost *= instance.decay_per_hour;
        if posts.next_if_eq(&&hour).is_some() {
            cost += instance.value[hour] * bound.min_slope(&instance.response, fatigue[hour], added);
        }
        costs[hour] = cost;
    }
}

/// The cost to the chosen posts of a unit of fatigue at the start of the week, without the price at the end.
pub(super) fn start_cost(instance: &Instance, horizon: &Horizon, chosen: &[usize]) -> f64 {
    let (mut from_chosen, mut decay, mut cost) = (0.0, 1.0, 0.0);
    let mut posts = chosen.iter().peekable();
    for hour in 0..horizon.hours {
        if posts.next_if_eq(&&hour).is_some() {
            cost += instance.value[hour] * instance.response.slope_at(horizon.baseline[hour] + from_chosen) * decay;
            from_chosen += instance.fatigue_per_post;
        }
        from_chosen *= instance.decay_per_hour;
        decay *= instance.decay_per_hour;
    }
    cost
}

/// Initial guess for [`start_cost`]: the week's best values spread evenly over its allowed hours.
pub(super) fn initial_cost_guess(instance: &Instance, horizon: &Horizon) -> f64 {
    let usable: Vec<usize> = (0..horizon.hours).filter(|hour| instance.allowed[*hour]).collect();
    let posts = horizon.max_posts.min(usable.len());
    if posts == 0 {
        return 0.0;
    }
    let mut values: Vec<f64> = usable.iter().map(|hour| instance.value[*hour]).collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    let value = values[..posts].iter().sum::<f64>() / posts as f64;
    let hour = |post: usize| usable[(2 * post + 1) * usable.len() / (2 * posts)];
    let total_decay: f64 = (0..posts).map(|post| libm::pow(instance.decay_per_hour, hour(post) as f64)).sum();
    let slope = match instance.response {
        FatigueResponse::Linear(response) => response.slope_below,
        // At the mean fatigue from as many posts, spread evenly.
        FatigueResponse::Saturating(_) => {
            let post_total = instance.fatigue_per_post / (1.0 - instance.decay_per_hour).max(f64::MIN_POSITIVE);
            instance.response.slope_at(post_total * posts as f64 / horizon.hours as f64)
        }
    };
    value * slope * total_decay
}

/// Hours that [`reduced_instance`] leaves allowed for each post of the week.
const HOURS_PER_POST: usize = 3;
/// Minimum number of hours that [`reduced_instance`] leaves allowed.
const MIN_HOURS: usize = 12;

/// The week reduced to its most valuable allowed hours; of the hours tied in value at the end of the list, an evenly
/// spaced subset.
pub(super) fn reduced_instance(instance: &Instance) -> Instance {
    let hours = (HOURS_PER_POST * instance.posts_max).max(MIN_HOURS);
    let mut usable: Vec<usize> = (0..instance.value.len()).filter(|hour| instance.allowed[*hour]).collect();
    let mut reduced = instance.clone();
    if usable.len() <= hours {
        return reduced;
    }
    usable.sort_by(|a, b| instance.value[*b].total_cmp(&instance.value[*a]).then(a.cmp(b)));
    let cutoff = instance.value[usable[hours - 1]];
    let better = usable.partition_point(|hour| instance.value[*hour] > cutoff);
    let ties = &usable[better..usable.partition_point(|hour| instance.value[*hour] >= cutoff)];
    let ties_used = hours - better;
    reduced.allowed.fill(false);
    usable[..better].iter().for_each(|hour| reduced.allowed[*hour] = true);
    (0..ties_used).for_each(|index| reduced.allowed[ties[index * ties.len() / ties_used]] = true);
    reduced
}
