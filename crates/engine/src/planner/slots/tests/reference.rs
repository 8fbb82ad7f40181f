//! Slow reference solvers that share no code with the solver: exhaustive search for short weeks, label setting for long
//! ones.

use rand::{Rng, RngExt};

use crate::model::{FatigueResponse, LinearResponse, SaturatingResponse};
use crate::planner::Instance;

/// All feasible choices of a week with their objectives, by exhaustive search.
pub fn every_choice(instance: &Instance) -> Vec<(Vec<usize>, f64)> {
    let mut choices = Vec::new();
    extend(instance, 0, instance.fatigue_start, 0.0, &mut Vec::new(), &mut choices);
    choices
}

/// Adds to `choices` all feasible choices that agree with `chosen` on the hours before `hour`.
fn extend(
    instance: &Instance,
    hour: usize,
    fatigue: f64,
    earned: f64,
    chosen: &mut Vec<usize>,
    choices: &mut Vec<(Vec<usize>, f64)>,
) {
    if hour == instance.value.len() {
        choices.push((chosen.clone(), earned - instance.end_weight * fatigue));
        return;
    }
    let committed = if instance.committed.contains(&hour) { instance.fatigue_per_post } else { 0.0 };
    let decay = instance.decay_per_hour;
    extend(instance, hour + 1, (fatigue + committed) * decay, earned, chosen, choices);
    let is_spaced = chosen.last().is_none_or(|last| hour >= next_hour(instance, *last));
    if chosen.len() < instance.posts_max && is_spaced && may_post(instance, hour) && fatigue < instance.block_at {
        let gain = instance.value[hour] * response_at(&instance.response, fatigue) - instance.cost;
        chosen.push(hour);
        extend(instance, hour + 1, (fatigue + instance.fatigue_per_post) * decay, earned + gain, chosen, choices);
        chosen.pop();
    }
}

/// Whether the hour is allowed and far enough from existing posts.
fn may_post(instance: &Instance, hour: usize) -> bool {
    let spacing = if instance.next_after.is_empty() { instance.spacing_hours as i64 } else { 1 };
    let is_spaced_from = |post: i64| (hour as i64 - post).abs() >= spacing;
    instance.allowed[hour]
        && instance.committed.iter().all(|post| is_spaced_from(*post as i64))
        && instance.hours_since_last_post.is_none_or(|since| is_spaced_from(-since))
}

/// The first hour at which the next post after one at `hour` is allowed.
fn next_hour(instance: &Instance, hour: usize) -> usize {
    if instance.next_after.is_empty() { hour + instance.spacing_hours } else { instance.next_after[hour] }
}

fn response_at(response: &FatigueResponse, fatigue: f64) -> f64 {
    match response {
        FatigueResponse::Linear(LinearResponse { warn_at, slope_below, slope_above }) => {
            let above = (fatigue - warn_at).max(0.0);
            1.0 - slope_below * (fatigue - above) - slope_above * above
        }
        FatigueResponse::Saturating(SaturatingResponse { fatigue_per_post, strength }) => {
            libm::exp(-strength * libm::log1p(fatigue / fatigue_per_post))
        }
    }
}

/// The objective of the best of all feasible choices, found post by post: for weeks with few posts and many hours.
pub fn best_of_all(instance: &Instance) -> f64 {
    let end = fatigue_after(instance, 0, instance.value.len(), instance.fatigue_start);
    best_from(instance, 0, instance.posts_max, instance.fatigue_start).max(-instance.end_weight * end)
}

/// The greatest objective of one or more posts from an hour on; minus infinity if none is feasible.
fn best_from(instance: &Instance, from: usize, posts_left: usize, mut fatigue: f64) -> f64 {
    let hours = instance.value.len();
    let mut best = f64::NEG_INFINITY;
    for hour in (from..hours).take_while(|_| posts_left > 0) {
        if may_post(instance, hour) && fatigue < instance.block_at {
            let earned = instance.value[hour] * response_at(&instance.response, fatigue) - instance.cost;
            let with_post = fatigue + instance.fatigue_per_post;
            let end = fatigue_after(instance, hour, hours, with_post);
            best = best.max(earned - instance.end_weight * end);
            let next = next_hour(instance, hour);
            if next < hours {
                let at_next = fatigue_after(instance, hour, next, with_post);
                best = best.max(earned + best_from(instance, next, posts_left - 1, at_next));
            }
        }
        fatigue = fatigue_after(instance, hour, hour + 1, fatigue);
    }
    best
}

/// Fatigue and value of a partial plan.
type Label = (f64, f64);

/// The optimum by label setting, forward in time. Drops only dominated labels: those with no lower fatigue and no
/// higher value than another with the same number of posts.
pub fn best_by_labels(instance: &Instance) -> f64 {
    let hours = instance.value.len();
    let mut arriving: Vec<Vec<Vec<Label>>> = vec![vec![Vec::new(); instance.posts_max + 1]; hours + 1];
    arriving[0][0].push((instance.fatigue_start, 0.0));
    for hour in 0..hours {
        for used in 0..=instance.posts_max {
            let labels = undominated(std::mem::take(&mut arriving[hour][used]));
            for (fatigue, value) in labels {
                if used < instance.posts_max && may_post(instance, hour) && fatigue < instance.block_at {
                    let value = value + instance.value[hour] * response_at(&instance.response, fatigue) - instance.cost;
                    let next = next_hour(instance, hour).min(hours);
                    let fatigue = fatigue_after(instance, hour, next, fatigue + instance.fatigue_per_post);
                    arriving[next][used + 1].push((fatigue, value));
                }
                arriving[hour + 1][used].push((fatigue_after(instance, hour, hour + 1, fatigue), value));
            }
        }
    }
    let ended = arriving[hours].iter().flatten();
    ended.map(|(fatigue, value)| value - instance.end_weight * fatigue).fold(f64::NEG_INFINITY, f64::max)
}

/// Fatigue at hour `to`, given the fatigue at hour `from` and the committed posts in between.
fn fatigue_after(instance: &Instance, from: usize, to: usize, fatigue: f64) -> f64 {
    (from..to).fold(fatigue, |fatigue, hour| {
        let committed = if instance.committed.contains(&hour) { instance.fatigue_per_post } else { 0.0 };
        (fatigue + committed) * instance.decay_per_hour
    })
}

fn undominated(mut labels: Vec<Label>) -> Vec<Label> {
    labels.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut best = f64::NEG_INFINITY;
    labels.retain(|(_, value)| {
        let is_better = *value > best;
        best = best.max(*value);
        is_better
    });
    labels
}

/// A week with every constraint drawn at random, more extreme than any real rules.
pub fn extreme_week(hours: usize, random: &mut impl Rng) -> Instance {
    let is_flat = random.random_bool(0.2);
    let allowed_share = random.random_range(0.2..1.0);
    let committed_share = random.random_range(0.0..0.15);
    let half_life: f64 = [0.05, 1.0, 5.0, 24.0, 96.0, 1e4][random.random_range(0..6)];
    let slope_below = if random.random_bool(0.2) { 0.0 } else { random.random_range(0.0..1.5) };
    let value = (0..hours).map(|_| match random.random_range(0..10) {
        0 => 0.0,
        _ if is_flat => 3.0,
        _ => random.random_range(0.0..10.0),
    });
    Instance {
        value: value.collect(),
        allowed: (0..hours).map(|_| random.random_bool(allowed_share)).collect(),
        posts_max: random.random_range(0..=6),
        spacing_hours: random.random_range(1..=6),
        hours_since_last_post: random.random_bool(0.5).then(|| random.random_range(-(hours as i64)..8)),
        fatigue_start: random.random_range(0.0..1.0),
        fatigue_per_post: random.random_range(0.01..0.5),
        decay_per_hour: libm::exp2(-1.0 / half_life),
        response: FatigueResponse::Linear(LinearResponse {
            warn_at: random.random_range(0.0..1.0),
            slope_below,
            slope_above: slope_below + random.random_range(0.0..2.0),
        }),
        block_at: random.random_range(0.1..1.6),
        end_weight: if random.random_bool(0.4) { 0.0 } else { random.random_range(0.0..20.0) },
        cost: if random.random_bool(0.5) { 0.0 } else { random.random_range(0.0..5.0) },
        committed: (0..hours).filter(|_| random.random_bool(committed_share)).collect(),
        next_after: if random.random_bool(0.4) { uneven_next_hours(hours, random) } else { Vec::new() },
    }
}

/// Next allowed hours with spacing that varies from hour to hour, by more than any daylight-saving change.
fn uneven_next_hours(hours: usize, random: &mut impl Rng) -> Vec<usize> {
    let mut next = 0;
    let next_hours = (0..hours).map(|hour| {
        next = (hour + random.random_range(1..=6)).clamp(next, hours);
        next
    });
    next_hours.collect()
}
